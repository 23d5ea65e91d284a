"""The queue behind a URL."""

from gpu_services.generation.service.queue.interface import JobQueue


def open_queue(url: str) -> JobQueue:
    """The queue of a URL; opens no connection yet.

    Args:
        url: `sqlite:///{path}`, or `redis://`, `rediss://` or `unix://` with an optional `#{namespace}`.

    Raises:
        ValueError: For another scheme.
    """
    if url.startswith("sqlite:///"):
        from gpu_services.generation.service.queue.sqlite import SqliteQueue

        return SqliteQueue(url.removeprefix("sqlite:///"))
    if url.startswith(("redis://", "rediss://", "unix://")):
        from gpu_services.generation.service.queue.redis import RedisQueue

        address, _, namespace = url.partition("#")
        return RedisQueue(address, namespace or "scalediff:generation")
    raise ValueError(
        f"queue {url.partition('://')[0]}://...: use sqlite:///{{path}} or redis://{{host}}/{{db}}"
    )
