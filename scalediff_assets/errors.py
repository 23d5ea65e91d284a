"""The errors that a person can mend: the command line prints their message and nothing else.

ValueError
  SettingsError            resources.settings
  CityError                world.city
  RouteError               world.streets
  RoutesFileError          world.minitown
  ScenarioError            world.scenario
  AgentNotFoundError       world.minitown.agent
  ReleaseRefusedError      scalediff_assets.dataset_releases
  LaunchError              scalediff_assets.checkpoints
  NotComparableError       scalediff_assets.leaderboard_results
  ModelNotFoundError       resources.tracking
TrackingUnavailableError   resources.tracking
JobFailedError             resources.jobs
ScoringInputError          scoring.leaderboard
StoreError                 resources.object_store
PartitionMissingError      resources.tables
PolicyError                scalediff_assets.quality_scores.policy
GatePolicyError            scoring.gate
ChainBrokenError           scalediff_contract.audit
CatalogueError             scalediff_contract.scenarios
PromptError                scalediff_contract.scenarios
VersionError               scalediff_assets.video_models.versions
VideoLaunchError           scalediff_assets.video_models.launch
ClipSetError               scalediff_assets.driving_clips
GenerationServiceError     resources.generation
GenerationServerError      scalediff_assets.generation_server
ExportError                scalediff_assets.cilrs_datasets.exports
UiError                    scalediff_assets.ui
GameBuildError             scalediff_assets.game_build
PlayError                  scalediff_assets.play_cli
  PricePolicyError         scalediff_assets.payouts.policy
LedgerError                resources.ledger
SolanaError                resources.solana
"""

from sqlalchemy.exc import OperationalError

from resources.generation import GenerationServiceError
from resources.jobs import JobFailedError
from resources.ledger import LedgerError
from resources.object_store import StoreError
from resources.secrets import SecretMissingError
from resources.settings import SettingsError
from resources.solana.errors import SolanaError
from resources.tables import PartitionMissingError
from resources.tracking import ModelNotFoundError, TrackingUnavailableError
from resources.upload_queue import FeedUnavailableError
from scalediff_assets.checkpoints.launch import LaunchError
from scalediff_assets.cilrs_datasets.exports import ExportError
from scalediff_assets.dataset_releases.release import ReleaseRefusedError
from scalediff_assets.driving_clips.tables import ClipSetError
from scalediff_assets.game_build import GameBuildError
from scalediff_assets.generation_server import GenerationServerError
from scalediff_assets.leaderboard_results.promotion import NotComparableError
from scalediff_assets.paired_clips.repaint import RepaintOrderError
from scalediff_assets.payouts.policy import PricePolicyError
from scalediff_assets.play_cli import PlayError
from scalediff_assets.quality_scores.policy import PolicyError
from scalediff_assets.repaint_cli import UnknownSessionError
from scalediff_assets.simulated_players import UploadError
from scalediff_assets.ui import UiError
from scalediff_assets.upload_server import UploadServerError
from scalediff_assets.video_models.launch import VideoLaunchError
from scalediff_assets.video_models.versions import (
    ArtefactsMissingError,
    NoPreviousVersionError,
    RetentionError,
    VersionError,
)
from scalediff_contract.audit import ChainBrokenError
from scalediff_contract.scenarios import CatalogueError, PromptError
from scoring.gate import GatePolicyError
from scoring.leaderboard import ScoringInputError
from world.city.errors import CityError
from world.minitown.agent.errors import AgentNotFoundError
from world.minitown.criteria import DenseRouteError
from world.minitown.routes_errors import RoutesFileError
from world.physics import CarFileError
from world.scenario.errors import ScenarioError
from world.streets.errors import RouteError
from world.traffic.rules import TrafficFileError

USER_ERRORS: tuple[type[Exception], ...] = (
    SettingsError,
    SecretMissingError,
    StoreError,
    FeedUnavailableError,
    PartitionMissingError,
    PolicyError,
    GatePolicyError,
    ChainBrokenError,
    CatalogueError,
    PromptError,
    VersionError,
    ArtefactsMissingError,
    RetentionError,
    NoPreviousVersionError,
    VideoLaunchError,
    ClipSetError,
    GenerationServiceError,
    GenerationServerError,
    ExportError,
    UiError,
    UploadError,
    UploadServerError,
    GameBuildError,
    PricePolicyError,
    LedgerError,
    SolanaError,
    PlayError,
    OperationalError,
    ReleaseRefusedError,
    LaunchError,
    RepaintOrderError,
    UnknownSessionError,
    NotComparableError,
    ModelNotFoundError,
    TrackingUnavailableError,
    JobFailedError,
    ScoringInputError,
    CityError,
    RouteError,
    RoutesFileError,
    ScenarioError,
    AgentNotFoundError,
    DenseRouteError,
    CarFileError,
    TrafficFileError,
)
