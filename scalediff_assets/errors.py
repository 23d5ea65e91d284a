"""The errors that a person can mend: the command line prints their message and nothing else.

ValueError
  SettingsError            resources.settings
StoreError                 resources.object_store
PartitionMissingError      resources.tables
PolicyError                scalediff_assets.quality_scores.policy
ExportError                scalediff_assets.cilrs_datasets.exports
UiError                    scalediff_assets.ui
"""

from sqlalchemy.exc import OperationalError

from resources.object_store import StoreError
from resources.secrets import SecretMissingError
from resources.settings import SettingsError
from resources.tables import PartitionMissingError
from resources.upload_queue import FeedUnavailableError
from scalediff_assets.cilrs_datasets.exports import ExportError
from scalediff_assets.quality_scores.policy import PolicyError
from scalediff_assets.ui import UiError

USER_ERRORS: tuple[type[Exception], ...] = (
    SettingsError,
    SecretMissingError,
    StoreError,
    FeedUnavailableError,
    PartitionMissingError,
    PolicyError,
    ExportError,
    UiError,
    OperationalError,
)
