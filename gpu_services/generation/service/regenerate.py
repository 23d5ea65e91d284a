"""A clip made again from its row: the prompt database's promise, checked."""

from dataclasses import dataclass

from gpu_services.errors import JobError
from gpu_services.generation.service.choice import Choices
from gpu_services.generation.service.config import ServiceConfig
from gpu_services.generation.service.content import frames_sha256
from gpu_services.generation.service.database import Database
from gpu_services.generation.service.jobs import Jobs
from gpu_services.generation.service.making import generate
from gpu_services.generation.service.residents import Load
from gpu_services.generation.service.store import open_clip_store


@dataclass(frozen=True, kw_only=True)
class Regenerated:
    """What came of making a clip again."""

    job_id: str
    identical: bool
    sentence: str


def regenerate(
    config: ServiceConfig, job_id: str, load: Load, *, model_url: str | None = None
) -> Regenerated:
    """Make the clip of a completed job again and compare its frames, bit by bit.

    Args:
        config: Places.
        job_id: Which.
        load: Loads the model.
        model_url: The model; None: the one in force.

    Raises:
        JobError: There is no such clip, or the model is of another version.
    """
    database = Database(config.database_url)
    row, choice = Jobs(database).get(job_id), Choices(database).current()
    if row is None or row.status != "completed":
        raise JobError(job_id, "there is no completed job of this id", "name one that made a clip")
    url = model_url or (choice.url_of(row.arm or "production") if choice else None)
    if url is None:
        raise JobError(job_id, "no model is in force", "name one by --model")
    model = load(url)
    if model.version != row.model_version:
        raise JobError(
            job_id, f"{row.model_version} made it, {url} is {model.version}", "name that model's folder"
        )
    store = open_clip_store(config.store_url, endpoint_url=config.s3_endpoint_url)
    found = frames_sha256(generate(model, [row], store, lambda _done, _total: None).frames[0])
    identical = found == row.frames_sha256
    said = (
        "identical frames" if identical else f"other frames ({found[:12]}, not {str(row.frames_sha256)[:12]})"
    )
    hint = "" if identical else "; another kind of processor computes other last bits"
    return Regenerated(job_id=job_id, identical=identical, sentence=f"{job_id}: {said}{hint}")
