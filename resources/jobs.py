"""Starts GPU jobs from their specs, through Dagster Pipes: a process here, a Kubernetes pod, or Ray.

The asset is the same for all three. The spec travels as Pipes extras, the result comes back as a
custom message; a job that cannot be done says so in one sentence, which becomes the run's failure.
"""

import sys
from typing import TYPE_CHECKING, Any, Literal

import dagster as dg

if TYPE_CHECKING:
    from scalediff_contract.jobs import JobResult, JobSpec

ENTRY = ("-m", "gpu_services.job")
JobContext = dg.AssetExecutionContext | dg.OpExecutionContext
JobsKind = Literal["subprocess", "kubernetes", "ray"]


class JobFailedError(Exception):
    """A job ended without a result; the message says why and what helps."""


class JobLauncher(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Where jobs run.

    Attributes:
        kind: `subprocess` on this machine, `kubernetes` or `ray`.
        image: Container image, for Kubernetes.
        namespace: Kubernetes namespace.
        gpus: GPUs of a pod or a Ray job.
        ray_address: Ray's dashboard, for Ray.
    """

    kind: str = "subprocess"
    image: str | None = None
    namespace: str = "default"
    gpus: int = 1
    ray_address: str | None = None

    def run(self, context: JobContext, spec: "JobSpec") -> "JobResult":
        """Run a job to its end.

        Raises:
            JobFailedError: With the job's own sentence, or the way its process ended.
        """
        from dagster._core.pipes.client import PipesClientCompletedInvocation
        from dagster_shared.error import DagsterError

        from scalediff_contract.jobs import RESULT

        extras = {"spec": spec.model_dump(mode="json")}
        try:
            done: PipesClientCompletedInvocation = self._invoke(context, extras)
        except DagsterError as error:
            mend = "run the partition again: it goes on from what is done"
            raise JobFailedError(f"the {spec.kind} job's process ended early ({error}); {mend}") from error
        messages = [message for message in done.get_custom_messages() if isinstance(message, dict)]
        for message in messages:
            if "error" in message:
                raise JobFailedError(str(message["error"]))
        results = [message["result"] for message in messages if "result" in message]
        if not results:
            raise JobFailedError(f"the {spec.kind} job ended without a result; look at its log and run again")
        return RESULT.validate_python(results[-1])

    def _invoke(self, context: JobContext, extras: dict[str, Any]) -> Any:
        if self.kind == "kubernetes":
            return self._on_kubernetes(context, extras)
        if self.kind == "ray":
            return self._on_ray(context, extras)
        command = [sys.executable, *ENTRY]
        return dg.PipesSubprocessClient().run(command=command, context=context, extras=extras)

    def _on_kubernetes(self, context: JobContext, extras: dict[str, Any]) -> Any:
        from dagster_k8s import PipesK8sClient

        limits = {"nvidia.com/gpu": str(self.gpus)} if self.gpus else {}
        container = {
            "name": "job",
            "image": self.image,
            "command": ["python", *ENTRY],
            "resources": {"limits": limits},
        }
        return PipesK8sClient().run(
            context=context,
            extras=extras,
            namespace=self.namespace,
            base_pod_spec={"containers": [container], "restartPolicy": "Never"},
        )

    def _on_ray(self, context: JobContext, extras: dict[str, Any]) -> Any:
        from dagster_ray import PipesRayJobClient
        from ray.job_submission import JobSubmissionClient

        client = PipesRayJobClient(client=JobSubmissionClient(self.ray_address))
        submission = {"entrypoint": " ".join(["python", *ENTRY]), "entrypoint_num_gpus": self.gpus}
        return client.run(context=context, extras=extras, submit_job_params=submission)
