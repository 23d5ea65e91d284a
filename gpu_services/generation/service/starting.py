"""A worker from the configuration."""

from collections.abc import Callable

from gpu_services.generation.service.choice import Choices, ModelChoice
from gpu_services.generation.service.config import ServiceConfig
from gpu_services.generation.service.crew import Crew
from gpu_services.generation.service.database import Database
from gpu_services.generation.service.jobs import Jobs
from gpu_services.generation.service.judging import Judge, PromptScorer
from gpu_services.generation.service.making import At
from gpu_services.generation.service.queue import open_queue
from gpu_services.generation.service.residents import Load, Residents
from gpu_services.generation.service.store import open_clip_store
from gpu_services.generation.service.worker import Places, Worker
from scoring.gate import GatePolicy, load_gate_policy
from scoring.privacy import PrivacyDetector


def make_worker(
    config: ServiceConfig, *, worker_id: str, load: Load, model_url: str | None = None,
    policy: GatePolicy | None = None, detector: PrivacyDetector | None = None,
    scorer: PromptScorer | None = None, at: At = lambda _point: None, now_ms: Callable[[], int] | None = None,
) -> Worker:  # fmt: skip
    """Open the places and make a worker; it loads its models when it runs.

    Args:
        config: Places and limits.
        worker_id: Its name.
        load: Makes a resident model of a URL.
        model_url: Put in force where no model is yet.
        policy: The gate's; the packaged one by default.
        detector: Looks for faces and plates in its clips.
        scorer: Compares its clips with their prompts.
        at: Told every point that a crash could come after.
        now_ms: Another clock than the configuration's.
    """
    database = Database(config.database_url)
    database.create()
    choices = Choices(database)
    if model_url is not None:
        choices.propose(ModelChoice(number=0, model_url=model_url))
    places = Places(
        jobs=Jobs(database),
        queue=open_queue(config.queue_url),
        store=open_clip_store(config.store_url, endpoint_url=config.s3_endpoint_url),
        choices=choices,
        crew=Crew(database),
    )
    return Worker(
        worker_id=worker_id, places=places, residents=Residents(load),
        judge=Judge(policy=policy or load_gate_policy(), detector=detector, scorer=scorer),
        limits=config.worker, now_ms=now_ms or config.now_ms, at=at,
    )  # fmt: skip
