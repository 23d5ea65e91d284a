"""The real-time painting service as Dagster knows it: where it is, whether it lives, whether it is ready."""

import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Literal

import dagster as dg

ServiceCondition = Literal["not configured", "ready", "not ready", "unhealthy", "unreachable"]
_BODY_BYTES = 500
_HEALTH, _READINESS = "/healthz", "/readyz"


@dataclass(frozen=True, kw_only=True)
class ServiceState:
    """What the service said of itself.

    Attributes:
        condition: `ready`: takes players; `not ready`: lives and takes none now (loading, draining, full);
            `unhealthy`: answers that it is broken; `unreachable`: does not answer.
        detail: What it answered, or what to do.
    """

    condition: ServiceCondition
    detail: str

    @property
    def is_good(self) -> bool:
        """Whether nobody has to look after it: it is ready, or this installation has none."""
        return self.condition in ("ready", "not configured")


@dataclass(frozen=True, kw_only=True)
class _Answer:
    status: int
    text: str


class DiffusionService(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The painting service.

    Attributes:
        url: `http(s)://{host}[:port]`; None: there is none, and the game paints by itself.
        timeout_s: For each of the two questions.
    """

    url: str | None = None
    timeout_s: float = 2.0

    def state(self) -> ServiceState:
        """Ask the service; never raises, because its absence is an answer."""
        if self.url is None:
            mend = "set SCALEDIFF_DIFFUSION_URL where a painting service runs"
            return ServiceState(condition="not configured", detail=mend)
        try:
            health = self._ask(_HEALTH)
            if health.status != 200:
                return _said("unhealthy", _HEALTH, health)
            readiness = self._ask(_READINESS)
        except OSError as error:
            mend = f"start it with `scalediff-stream`, or mend SCALEDIFF_DIFFUSION_URL ({self.url})"
            return ServiceState(condition="unreachable", detail=f"{_reason(error)}; {mend}")
        return _said("ready" if readiness.status == 200 else "not ready", _READINESS, readiness)

    def _ask(self, path: str) -> _Answer:
        """Status and the beginning of the body.

        Raises:
            OSError: Nobody answers in time.
        """
        request = urllib.request.Request(f"{self.url}{path}")  # noqa: S310 -- the setting allows http(s) only
        try:
            with urllib.request.urlopen(request, timeout=self.timeout_s) as answer:  # noqa: S310
                return _Answer(status=answer.status, text=_text(answer.read(_BODY_BYTES)))
        except urllib.error.HTTPError as refusal:
            with refusal:
                return _Answer(status=refusal.code, text=_text(refusal.read(_BODY_BYTES)))


def _said(condition: ServiceCondition, path: str, answer: _Answer) -> ServiceState:
    return ServiceState(condition=condition, detail=f"{path} {answer.status}: {answer.text}".rstrip(": "))


def _text(body: bytes) -> str:
    return body.decode("utf-8", errors="replace").strip()


def _reason(error: OSError) -> str:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    return str(reason)
