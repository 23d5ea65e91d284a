"""The generation service as the graph sees it: order a plan, read what ended, choose models, halt.

Everything that changes something may be sent twice: plans carry idempotency keys, the rest sets a state.
So every request is tried again while the service does not answer, for `patience_s` in all.
"""

import http.client
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

import dagster as dg

if TYPE_CHECKING:
    from scalediff_contract.generation import (
        Act,
        Cohort,
        Health,
        Job,
        JobStatus,
        PlannedJob,
        Reloaded,
        ReloadRequest,
        ServiceState,
        Verdict,
    )

_TIMEOUT_S = 30.0
_FIRST_WAIT_S, _MOST_WAIT_S = 0.2, 10.0
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
_PAGE = 500


class GenerationServiceError(Exception):
    """The service refused, or does not answer.

    Attributes:
        status: The HTTP status; None where there was no answer.
        slug: The problem's type, `intake-halted`; None without a problem document.
    """

    def __init__(self, what: str, detail: str, *, status: int | None = None, slug: str | None = None) -> None:
        self.status, self.slug = status, slug
        super().__init__(f"generation service, {what}: {detail}")


class GenerationService(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Where scenario clips are ordered.

    Attributes:
        url: The API's base.
        token: Bearer token; of the scope `admin` for verdicts, cohorts, models and halts.
        patience_s: How long to try while it does not answer.

    Example:
        jobs = generation.order([PlannedJob(idempotency_key="w47-1", request=GenerateRequest(prompt=...))])
    """

    url: str = "http://127.0.0.1:8090"
    token: str | None = None
    patience_s: float = 60.0

    def order(self, plan: "Sequence[PlannedJob]") -> "list[Job]":
        """Order clips, a thousand at a time; ordering a plan again gives the jobs that it made.

        Raises:
            GenerationServiceError: Naming the order that is refused; those before its thousand stand.
        """
        from scalediff_contract.generation import MAX_BATCH, Jobs

        found: list[Job] = []
        for start in range(0, len(plan), MAX_BATCH):
            part = [each.model_dump(mode="json") for each in plan[start : start + MAX_BATCH]]
            found += Jobs.model_validate(self._ask("POST", "generate/plan", {"jobs": part})).jobs
        return found

    def job(self, job_id: str) -> "Job":
        """A job.

        Raises:
            GenerationServiceError: 404 `no-such-job`.
        """
        from scalediff_contract.generation import Job

        return Job.model_validate(self._ask("GET", f"jobs/{quote(job_id, safe='')}"))

    def ended(
        self, after: int = 0, *, plan: str | None = None, status: "JobStatus | None" = None
    ) -> "Iterator[Job]":
        """Jobs that ended after a settlement number, in the order of their ends.

        Keep the last job's `settled_no` as a cursor: a number never comes late.

        Args:
            after: The cursor; 0 for all.
            plan: Only those with this tag `plan`.
            status: Only completed, failed or cancelled ones.
        """
        from scalediff_contract.generation import Jobs

        cursor: str | None = str(after)
        while cursor is not None:
            query = {"settled_after": cursor, "limit": _PAGE, "plan": plan, "status": status}
            given = urlencode({name: value for name, value in query.items() if value is not None})
            page = Jobs.model_validate(self._ask("GET", f"jobs?{given}"))
            yield from page.jobs
            cursor = page.next

    def judge(self, job_id: str, verdict: "Verdict") -> "Job":
        """Note the gate's verdict on a clip."""
        from scalediff_contract.generation import Job

        return Job.model_validate(self._ask("PUT", f"jobs/{job_id}/verdict", verdict.model_dump(mode="json")))

    def publish(self, cohort: "Cohort") -> None:
        """Publish a cohort's Frechet distance."""
        self._ask("PUT", "admin/cohorts", cohort.model_dump(mode="json"))

    def reload(self, choice: "ReloadRequest") -> "Reloaded":
        """Put models in force.

        Raises:
            GenerationServiceError: 409 `model-unusable`; the model before stays in force.
        """
        from scalediff_contract.generation import Reloaded

        return Reloaded.model_validate(self._ask("POST", "admin/reload", choice.model_dump(mode="json")))

    def halt(self, reason: str) -> "ServiceState":
        """Take and begin no jobs until `resume`."""
        return self._state("POST", "admin/halt", {"reason": reason})

    def resume(self) -> "ServiceState":
        """End a halt."""
        return self._state("POST", "admin/resume")

    def acts(self, after: int = 0) -> "list[Act]":
        """Halts and models that were put in force, after a number; 500 at a time."""
        from scalediff_contract.generation import Acts

        return Acts.model_validate(self._ask("GET", f"admin/acts?after={after}")).acts

    def state(self) -> "ServiceState":
        """The service at a glance."""
        return self._state("GET", "state")

    def health(self) -> "Health":
        """Whether the service can work; asked once."""
        from scalediff_contract.generation import Health

        try:
            status, body, _ = self._once("GET", "/readyz", None)
        except OSError as error:
            return Health(status="degraded", problems=[f"{self.url}: {error}"])
        if status in (200, 503):
            return Health.model_validate_json(body)
        return Health(status="degraded", problems=[f"{self.url}: it answered {status}"])

    def _state(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> "ServiceState":
        from scalediff_contract.generation import ServiceState

        return ServiceState.model_validate(self._ask(method, path, body))

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The document of an answer, tried again while there is none.

        Raises:
            GenerationServiceError: Refused, or patience is out.
        """
        what, deadline_s, wait_s = f"{method} {path}", time.monotonic() + self.patience_s, _FIRST_WAIT_S
        while True:
            try:
                status, content, retry_s = self._once(method, f"/api/v1/{path}", body)
            except OSError as error:
                problem, retry_s = GenerationServiceError(what, f"no answer from {self.url} ({error})"), None
            else:
                if status < 400:
                    return json.loads(content)
                problem = _problem(what, status, content)
                if status not in _AGAIN or problem.slug == "intake-halted":
                    raise problem
            wait_s = min(2 * wait_s, _MOST_WAIT_S) if retry_s is None else retry_s
            if time.monotonic() + wait_s > deadline_s:
                raise problem
            time.sleep(wait_s)

    def _once(
        self, method: str, path: str, body: Mapping[str, Any] | None
    ) -> tuple[int, bytes, float | None]:
        """Status, body and Retry-After of one request.

        Raises:
            OSError: Nobody is there, or it breaks off.
        """
        parts = urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.netloc, timeout=_TIMEOUT_S)
        headers = {"Content-Type": "application/json"}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        content = None if body is None else json.dumps(body).encode()
        try:
            connection.request(method, f"{parts.path.rstrip('/')}{path}", content, headers)
            answer = connection.getresponse()
            retry = answer.getheader("Retry-After", "")
            return answer.status, answer.read(), float(retry) if retry.isdigit() else None
        except http.client.HTTPException as error:
            raise ConnectionError(f"{type(error).__name__}: {error}") from error
        finally:
            connection.close()


def _problem(what: str, status: int, content: bytes) -> GenerationServiceError:
    try:
        document = json.loads(content)
        slug = str(document["type"]).rpartition(":")[2]
        return GenerationServiceError(what, str(document["detail"]), status=status, slug=slug)
    except (ValueError, KeyError, TypeError):
        return GenerationServiceError(what, f"it answered {status}", status=status)
