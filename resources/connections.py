"""The resource that assets ask for: stores, catalog, event feed and worker pool, made on demand.

One resource with five connections keeps an asset's signature to what matters; each connection is
opened at its first use and none when definitions load.
"""

from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from resources.audit_log import AuditLog
    from resources.catalog import Catalog
    from resources.compute import WorkerPool
    from resources.ledger import Ledger
    from resources.object_store import ObjectStore
    from resources.upload_queue import EventFeed


class Connections(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Places of the platform; see `resources.settings` for the meaning of each field."""

    raw_url: str
    lake_url: str
    clean_url: str
    models_url: str
    s3_endpoint_url: str | None = None
    s3_region: str | None = None
    queue_url: str | None = None
    database_url: str
    workers: int = 1
    task_timeout_s: float = 120.0
    worker_modules: list[str]

    def raw(self) -> "ObjectStore":
        """The players' uploads."""
        return self._store(self.raw_url)

    def lake(self) -> "ObjectStore":
        """The graph's tables and frame shards."""
        return self._store(self.lake_url)

    def clean(self) -> "ObjectStore":
        """The published datasets."""
        return self._store(self.clean_url)

    def models(self) -> "ObjectStore":
        """Checkpoints, results documents and films."""
        return self._store(self.models_url)

    def catalog(self) -> "Catalog":
        """The catalog, its schema brought up to date."""
        from resources.catalog import Catalog
        from resources.database import migrate

        migrate(self.database_url)
        return Catalog(self.database_url)

    def ledger(self) -> "Ledger":
        """The ledger of payouts, its schema brought up to date."""
        from resources.database import migrate
        from resources.ledger import Ledger

        migrate(self.database_url)
        return Ledger(self.database_url)

    def audit_log(self) -> "AuditLog":
        """The audit log, its schema brought up to date."""
        from resources.audit_log import AuditLog
        from resources.database import migrate

        migrate(self.database_url)
        return AuditLog(self.database_url)

    def feed(self) -> "EventFeed":
        """New raw objects: SQS when a queue is set, else the store's own listing."""
        from resources.upload_queue import DirectoryFeed, SqsFeed

        if self.queue_url is not None:
            return SqsFeed(queue_url=self.queue_url, endpoint_url=self.s3_endpoint_url, region=self.s3_region)
        catalog = self.catalog()
        return DirectoryFeed(store=self.raw(), positions=catalog, known=catalog.known_objects)

    def pool(self) -> "WorkerPool":
        """The worker processes."""
        from resources.compute import WorkerPool

        return WorkerPool(
            workers=self.workers, task_timeout_s=self.task_timeout_s, preload=tuple(self.worker_modules)
        )

    def _store(self, url: str) -> "ObjectStore":
        from resources.object_store import open_store

        return open_store(url, endpoint_url=self.s3_endpoint_url, region=self.s3_region)
