"""The catalog's database: SQLite by default, Postgres by URL; its tables and their migrations."""

from resources.database.engine import open_database, writing
from resources.database.migrate import migrate

__all__ = ["migrate", "open_database", "writing"]
