"""From an accepted clip to prompt, seed, model, training release and policy, and back.

A sidecar lies beside each clip. The service writes what it knows; acceptance adds who let the clip in
under which policy. The index answers the other direction: which clips came from this model, this
training release, this policy, this order.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from scalediff_contract.audit import AuditEvent
from scalediff_contract.generation import GenerateRequest

Facet = Literal["model_version", "training_release", "policy_hash", "category", "prompt", "job_id", "plan"]
_Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class SidecarError(ValueError):
    """A sidecar that cannot be read; says which field and why."""


class Acceptance(BaseModel):
    """Why a clip is in the lake.

    Attributes:
        accepted_ms: Epoch ms.
        actor: The Dagster run, or a person.
        policy_version: Of the gate's policy.
        policy_hash: Its content.
        cohort_id: The cohort that it passed with.
        code_version: Of the code that judged.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    accepted_ms: Annotated[int, Field(ge=0)]
    actor: Annotated[str, Field(min_length=1, max_length=200)]
    policy_version: str
    policy_hash: _Hash
    cohort_id: str
    code_version: str


class Sidecar(BaseModel):
    """What is known of a clip; fields that the service adds later are kept as they are."""

    model_config = ConfigDict(frozen=True, extra="allow")

    content_key: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16,64}$")]
    origin: Literal["synthetic"]
    job_id: str
    actor: str
    prompt: str
    category: str
    seed: int
    num_inference_steps: int
    guidance_scale: float
    conditioning_sha256: str | None = None
    model_version: str
    training_release: str | None
    frames_sha256: str
    scores: dict[str, float]
    spec: dict[str, Any]
    verdict: dict[str, Any]
    tags: dict[str, str] = Field(default_factory=dict)
    acceptance: Acceptance | None = None

    @classmethod
    def read(cls, content: bytes) -> Self:
        """Read a sidecar.

        Raises:
            SidecarError: With its first broken field.
        """
        try:
            return cls.model_validate(json.loads(content))
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise SidecarError(f"the sidecar is no JSON ({error}); make the clip again") from error
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "document"
            raise SidecarError(f"the sidecar's {where}: {first['msg']}; make the clip again") from error

    def accepted(self, acceptance: Acceptance) -> Self:
        """The sidecar of the accepted clip."""
        return self.model_copy(update={"acceptance": acceptance})

    def write(self) -> bytes:
        """As JSON, the same bytes for the same content."""
        return json.dumps(self.model_dump(mode="json"), indent=1, sort_keys=True).encode() + b"\n"

    def order_again(self) -> GenerateRequest:
        """The order that makes these frames again, with this version of the model.

        Raises:
            SidecarError: Where a first picture was given: only its hash is kept here.
        """
        if self.conditioning_sha256 is not None:
            raise SidecarError(
                f"clip {self.content_key} began with picture {self.conditioning_sha256[:12]}; "
                "order it with that picture's address"
            )
        return GenerateRequest(
            prompt=self.prompt,
            category=self.category,
            seed=self.seed,
            num_inference_steps=self.num_inference_steps,
            guidance_scale=self.guidance_scale,
        )

    def events(self) -> list[AuditEvent]:
        """What the audit log is told of an accepted clip; nothing for another one."""
        if self.acceptance is None:
            return []
        detail = {
            "job_id": self.job_id,
            "model_version": self.model_version,
            "frames_sha256": self.frames_sha256,
            "policy_hash": self.acceptance.policy_hash,
            "cohort_id": self.acceptance.cohort_id,
        }
        return [
            AuditEvent(
                event_id=f"{self.content_key}/accept/{self.acceptance.policy_hash[:16]}",
                at_ms=self.acceptance.accepted_ms,
                actor=self.acceptance.actor,
                action="accept",
                subject=self.content_key,
                detail=dict(detail),
            )
        ]


@dataclass(frozen=True)
class TraceIndex:
    """Which clips came from what: facet -> value -> content keys, sorted."""

    by_facet: dict[Facet, dict[str, tuple[str, ...]]]

    @classmethod
    def of(cls, sidecars: Iterable[Sidecar]) -> Self:
        """Index sidecars; what a clip does not know of itself is left out."""
        found: dict[Facet, dict[str, set[str]]] = {}
        for sidecar in sidecars:
            for facet, value in _facets(sidecar).items():
                if value is not None:
                    found.setdefault(facet, {}).setdefault(value, set()).add(sidecar.content_key)
        return cls(
            {
                facet: {value: tuple(sorted(keys)) for value, keys in values.items()}
                for facet, values in found.items()
            }
        )

    def clips(self, facet: Facet, value: str) -> tuple[str, ...]:
        """The clips of a model, release, policy, category, prompt, job or plan."""
        return self.by_facet.get(facet, {}).get(value, ())


def _facets(sidecar: Sidecar) -> dict[Facet, str | None]:
    return {
        "model_version": sidecar.model_version,
        "training_release": sidecar.training_release,
        "policy_hash": sidecar.acceptance.policy_hash if sidecar.acceptance else None,
        "category": sidecar.category,
        "prompt": sidecar.prompt,
        "job_id": sidecar.job_id,
        "plan": sidecar.tags.get("plan"),
    }
