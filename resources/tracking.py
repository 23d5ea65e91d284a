"""MLflow: runs, what is recorded in them, and the model registry with its aliases.

The embedded default writes to a SQLite file without a server; a URL names a real one. MLflow is
imported at the first use. Where it cannot be reached, `TrackingUnavailableError` is raised within
seconds: callers note what is owed and deliver it later.

dagster-mlflow is not used: its hook ends the MLflow run after the first step (dagster issue 21872).
"""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    from mlflow import MlflowClient

KEY_TAG = "scalediff.key"
_SECONDS = "10"
_PARAM_CHARS = 6_000
_METRICS_PER_CALL = 1_000


class TrackingUnavailableError(Exception):
    """MLflow does not answer."""


class ModelNotFoundError(ValueError):
    """The registry has no such model, version or alias."""


@dataclass(frozen=True, kw_only=True)
class DatasetInput:
    """A dataset that a run was trained on.

    Attributes:
        name: The release's name.
        digest: The start of its content hash; MLflow takes 36 characters.
        source: Where its manifest lies.
        profile: Counts, as JSON text.
        context: `train` or `val`.
    """

    name: str
    digest: str
    source: str
    profile: str
    context: str


@dataclass(frozen=True, kw_only=True)
class LoggedModel:
    """A model to be logged with its signature.

    Attributes:
        name: Its name in the run.
        loader_module: Module whose `_load_pyfunc(path)` loads it.
        data: Folder that the module is given.
        inputs: Column -> (dtype, shape).
        outputs: Likewise.
        example: One input, as arrays.
        requirements: Pinned packages.
    """

    name: str
    loader_module: str
    data: Path
    inputs: Mapping[str, tuple[str, tuple[int, ...]]]
    outputs: Mapping[str, tuple[str, tuple[int, ...]]]
    example: Mapping[str, Any]
    requirements: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Record:
    """What is to be found in an MLflow run; recording it twice changes nothing.

    Attributes:
        params: Settings.
        metrics: Name -> value, of step 0.
        tags: Facts.
        files: Artifact folder -> files.
        texts: Artifact path -> content.
        inputs: Datasets.
        spool: Rows that a job could not send (`{step, ms, metrics}`).
        model: The model.
    """

    params: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    inputs: Sequence[DatasetInput] = ()
    spool: Sequence[Mapping[str, Any]] = ()
    model: LoggedModel | None = None


@dataclass(frozen=True, kw_only=True)
class ModelVersion:
    """A version in the registry.

    Attributes:
        name: Registered model.
        version: Its number.
        run_id: The run that made it.
        tags: Facts.
        aliases: champion, challenger, previous.
    """

    name: str
    version: int
    run_id: str
    tags: Mapping[str, str]
    aliases: tuple[str, ...]


class Tracking(dg.ConfigurableResource):  # type: ignore[type-arg]
    """MLflow's tracking server and model registry.

    Attributes:
        uri: A server, or a database.
        artifacts_url: Where artifacts go without a server.
        dagster_url: The Dagster UI, for links.
    """

    uri: str
    artifacts_url: str
    dagster_url: str

    def run_for(self, key: str, *, experiment: str, name: str, parent: str | None = None) -> str:
        """The id of the run with this key; made where there is none yet.

        Raises:
            TrackingUnavailableError: MLflow does not answer.
        """
        with self._answers() as client:
            experiment_id = self._experiment(client, experiment)
            found = client.search_runs([experiment_id], f"tags.`{KEY_TAG}` = '{key}'", max_results=1)
            if found:
                return str(found[0].info.run_id)
            tags = {KEY_TAG: key, "mlflow.source.name": "scalediff"}
            if parent is not None:
                tags["mlflow.parentRunId"] = parent
            return str(client.create_run(experiment_id, run_name=name, tags=tags).info.run_id)

    def record(self, run_id: str, record: Record, *, finished: bool = True) -> str | None:
        """Put a record into a run.

        Returns:
            The URI of the model that was logged, or None.

        Raises:
            TrackingUnavailableError: MLflow does not answer.
        """
        with self._answers() as client:
            self._record_values(client, run_id, record)
            for folder, paths in record.files.items():
                for path in paths:
                    client.log_artifact(run_id, str(path), folder or None)
            for path_in_run, text in record.texts.items():
                client.log_text(run_id, text, path_in_run)
            model = self._log_model(client, run_id, record.model) if record.model else None
            if finished:
                client.set_terminated(run_id, "FINISHED")
            return model

    def register(self, name: str, *, model_uri: str, run_id: str, tags: Mapping[str, str]) -> int:
        """Register a model version; one that the run has already is given back.

        Raises:
            TrackingUnavailableError: MLflow does not answer.
        """
        from mlflow.exceptions import MlflowException

        with self._answers() as client:
            with contextlib.suppress(MlflowException):
                client.create_registered_model(name)
            known = [v for v in client.search_model_versions(f"name='{name}'") if v.run_id == run_id]
            version = (
                known[0] if known else client.create_model_version(name, model_uri, run_id, tags=dict(tags))
            )
            return int(version.version)

    def versions(self, name: str) -> list[ModelVersion]:
        """All versions of a model, oldest first.

        Raises:
            TrackingUnavailableError: MLflow does not answer.
        """
        with self._answers() as client:
            aliases: dict[str, list[str]] = {}
            for model in client.search_registered_models(f"name='{name}'"):
                for alias, version in model.aliases.items():
                    aliases.setdefault(str(version), []).append(alias)
            found = [
                ModelVersion(
                    name=name,
                    version=int(v.version),
                    run_id=str(v.run_id),
                    tags=dict(v.tags),
                    aliases=tuple(sorted(aliases.get(str(v.version), ()))),
                )
                for v in client.search_model_versions(f"name='{name}'")
            ]
            return sorted(found, key=lambda version: version.version)

    def aliases(self, name: str) -> dict[str, int]:
        """Alias -> version."""
        return {alias: v.version for v in self.versions(name) for alias in v.aliases}

    def set_aliases(self, name: str, aliases: Mapping[str, int | None]) -> None:
        """Move aliases; None takes one away.

        Raises:
            TrackingUnavailableError: MLflow does not answer.
        """
        with self._answers() as client:
            for alias, version in aliases.items():
                if version is None:
                    client.delete_registered_model_alias(name, alias)
                else:
                    client.set_registered_model_alias(name, alias, str(version))

    def tag_version(self, name: str, version: int, tags: Mapping[str, str]) -> None:
        """Set tags of a model version.

        Raises:
            TrackingUnavailableError: MLflow does not answer.
        """
        with self._answers() as client:
            for tag, value in tags.items():
                client.set_model_version_tag(name, str(version), tag, value)

    def delete_version(self, name: str, version: int) -> None:
        """Take a version out of the registry; its run stays. One that is gone already stays gone.

        Raises:
            TrackingUnavailableError: MLflow does not answer.
        """
        if version not in {each.version for each in self.versions(name)}:
            return
        with self._answers() as client:
            client.delete_model_version(name, str(version))

    def tag_run(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Set tags of a run.

        Raises:
            TrackingUnavailableError: MLflow does not answer.
        """
        with self._answers() as client:
            for name, value in tags.items():
                client.set_tag(run_id, name, value)

    @contextlib.contextmanager
    def _answers(self) -> Iterator["MlflowClient"]:
        """A client; whatever says that MLflow is not there becomes one error."""
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", _SECONDS)
        import mlflow
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        if self.uri.startswith("sqlite:///"):
            Path(self.uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
        before = mlflow.get_tracking_uri()
        mlflow.set_tracking_uri(self.uri)
        try:
            yield MlflowClient(tracking_uri=self.uri)
        except (MlflowException, OSError) as error:
            if isinstance(error, MlflowException) and not _unreachable(error):
                raise
            place = self.uri.partition("@")[2] or self.uri
            raise TrackingUnavailableError(
                f"MLflow at {place} does not answer; what is recorded is kept and delivered later"
            ) from error
        finally:
            mlflow.set_tracking_uri(before)

    def _experiment(self, client: "MlflowClient", name: str) -> str:
        found = client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        local = not self.uri.startswith("http")
        return str(client.create_experiment(name, artifact_location=self.artifacts_url if local else None))

    @staticmethod
    def _record_values(client: "MlflowClient", run_id: str, record: Record) -> None:
        from mlflow.entities import Dataset, Metric, Param, RunTag
        from mlflow.entities import DatasetInput as RunInput
        from mlflow.entities.input_tag import InputTag

        known = client.get_run(run_id).data.params
        params = [
            Param(name, str(value)[:_PARAM_CHARS])
            for name, value in record.params.items()
            if name not in known
        ]
        tags = [RunTag(name, str(value)) for name, value in record.tags.items()]
        began_ms = client.get_run(run_id).info.start_time
        metrics = [Metric(name, value, began_ms, 0) for name, value in record.metrics.items()]
        metrics += [
            Metric(name, value, row["ms"], row["step"])
            for row in record.spool
            for name, value in row["metrics"].items()
        ]
        for first in range(0, max(1, len(params)), 100):
            client.log_batch(run_id, params=params[first : first + 100])
        client.log_batch(run_id, tags=tags)
        for first in range(0, len(metrics), _METRICS_PER_CALL):
            client.log_batch(run_id, metrics=metrics[first : first + _METRICS_PER_CALL])
        inputs = [
            RunInput(
                dataset=Dataset(
                    name=i.name, digest=i.digest[:36], source_type="local", source=i.source, profile=i.profile
                ),
                tags=[InputTag("mlflow.data.context", i.context)],
            )
            for i in record.inputs
        ]
        if inputs:
            client.log_inputs(run_id, datasets=inputs)

    @staticmethod
    def _log_model(client: "MlflowClient", run_id: str, model: LoggedModel) -> str:
        import mlflow
        import numpy as np
        from mlflow.models import ModelSignature
        from mlflow.types import Schema, TensorSpec

        logged = [m for m in client.search_logged_models([client.get_run(run_id).info.experiment_id],
                  filter_string=f"source_run_id = '{run_id}'")]  # fmt: skip
        if logged:
            return str(logged[0].model_uri)

        def schema(columns: Mapping[str, tuple[str, tuple[int, ...]]]) -> Schema:
            return Schema(
                [TensorSpec(np.dtype(kind), shape, name) for name, (kind, shape) in columns.items()]
            )

        with mlflow.start_run(run_id=run_id):
            info = mlflow.pyfunc.log_model(
                name=model.name,
                loader_module=model.loader_module,
                data_path=str(model.data),
                signature=ModelSignature(inputs=schema(model.inputs), outputs=schema(model.outputs)),
                input_example=dict(model.example),
                pip_requirements=list(model.requirements),
            )
        return str(info.model_uri)


def _unreachable(error: Any) -> bool:
    """Whether an MLflow error means that nobody answered, as against: no."""
    text = str(error)
    signs = (
        "Max retries exceeded",
        "Connection",
        "timed out",
        "failed with error code 5",
        "unable to open database",
    )
    return any(sign in text for sign in signs)
