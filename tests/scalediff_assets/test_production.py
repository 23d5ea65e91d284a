"""The production profile's connections: Postgres state, compute logs in S3, the secret of the database."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from resources.profiles import resources_for
from resources.secrets import SecretMissingError, read_secret
from resources.settings import SettingsError, read_settings
from scalediff_assets.home import instance, instance_configuration, use_home


def test_the_database_url_never_lands_in_a_file(tmp_path: Path) -> None:
    settings = read_settings(
        {"SCALEDIFF_HOME": str(tmp_path), "SCALEDIFF_DATABASE_URL": "postgresql://user:hush@host/db"}
    )
    assert settings.database_url == "postgresql+psycopg2://user:hush@host/db"
    text = instance_configuration(settings)
    assert "hush" not in text
    assert "env: SCALEDIFF_DATABASE_URL" in text


PRODUCTION = {
    "SCALEDIFF_PROFILE": "production",
    "SCALEDIFF_RAW_URL": "s3://raw",
    "SCALEDIFF_LAKE_URL": "s3://lake",
    "SCALEDIFF_CLEAN_URL": "s3://clean",
    "SCALEDIFF_MODELS_URL": "s3://models",
    "SCALEDIFF_TRACKING_URI": "https://mlflow.example",
    "SCALEDIFF_QUEUE_URL": "https://sqs.example/uploads",
    "SCALEDIFF_DATABASE_URL": "postgresql://user:hush@host/db",
}


def test_the_production_profile_takes_a_whole_set_of_places() -> None:
    assert read_settings(PRODUCTION).profile == "production"
    without_url = {k: v for k, v in PRODUCTION.items() if k != "SCALEDIFF_DATABASE_URL"}
    assert read_settings({**without_url, "SCALEDIFF_DATABASE_SECRET": "scalediff/database"}).database_secret


@pytest.mark.parametrize("variable", sorted(PRODUCTION.keys() - {"SCALEDIFF_PROFILE"}))
def test_the_production_profile_never_falls_back_to_the_home_folder(variable: str) -> None:
    incomplete = {name: text for name, text in PRODUCTION.items() if name != variable}
    with pytest.raises(SettingsError, match=variable):
        read_settings(incomplete)


def test_an_unread_secret_never_means_an_empty_catalog_in_the_home_folder(tmp_path: Path) -> None:
    settings = read_settings({"SCALEDIFF_HOME": str(tmp_path), "SCALEDIFF_DATABASE_SECRET": "scalediff/db"})
    with pytest.raises(SettingsError, match="SCALEDIFF_DATABASE_URL"):
        resources_for(settings)


def test_compute_logs_need_an_s3_url() -> None:
    with pytest.raises(SettingsError, match="SCALEDIFF_COMPUTE_LOGS_URL"):
        read_settings({"SCALEDIFF_COMPUTE_LOGS_URL": "logs"})


@pytest.mark.slow
def test_the_database_url_comes_from_a_secret(aws_endpoint: str, aws: Callable[[str], Any]) -> None:
    settings = read_settings({"SCALEDIFF_S3_ENDPOINT_URL": aws_endpoint, "SCALEDIFF_S3_REGION": "us-east-1"})
    client = aws("secretsmanager")
    client.create_secret(Name="scalediff/database", SecretString="postgresql://a:b@c/d")
    assert read_secret("scalediff/database", settings) == "postgresql://a:b@c/d"
    with pytest.raises(SecretMissingError, match="no/such"):
        read_secret("no/such", settings)


@pytest.mark.slow
def test_a_home_reads_the_secret_and_hands_the_url_on(
    aws_endpoint: str, aws: Callable[[str], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = aws("secretsmanager")
    client.create_secret(Name="scalediff/other", SecretString="postgresql://user:hush@host/db")
    for name in ("SCALEDIFF_HOME", "DAGSTER_HOME", "SCALEDIFF_DATABASE_URL"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("SCALEDIFF_DATABASE_SECRET", "scalediff/other")
    monkeypatch.setenv("SCALEDIFF_S3_ENDPOINT_URL", aws_endpoint)
    monkeypatch.setenv("SCALEDIFF_S3_REGION", "us-east-1")
    settings = use_home(tmp_path / "home")
    assert settings.database_url == "postgresql+psycopg2://user:hush@host/db"
    assert resources_for(read_settings())["connections"].database_url == settings.database_url
    files = [path.read_text() for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert files
    assert not any("hush" in text for text in files)


@pytest.mark.slow
def test_an_instance_on_postgres_keeps_compute_logs_in_s3(
    aws_endpoint: str,
    aws: Callable[[str], Any],
    postgres_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    s3 = aws("s3")
    s3.create_bucket(Bucket="logs")
    for name in ("SCALEDIFF_HOME", "DAGSTER_HOME"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("SCALEDIFF_DATABASE_URL", postgres_url)
    monkeypatch.setenv("SCALEDIFF_COMPUTE_LOGS_URL", "s3://logs/runs")
    monkeypatch.setenv("SCALEDIFF_S3_ENDPOINT_URL", aws_endpoint)
    settings = use_home(tmp_path / "home")
    assert os.environ["SCALEDIFF_DATABASE_URL"].startswith("postgresql+psycopg2://")

    @dg.asset
    def speaking() -> None:
        os.write(1, b"a line for the log\n")

    with instance(settings) as dagster_instance:
        assert dg.materialize([speaking], instance=dagster_instance).success
        assert dagster_instance.get_materialized_partitions(dg.AssetKey("speaking")) == set()
        assert dagster_instance.get_latest_materialization_event(dg.AssetKey("speaking")) is not None
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket="logs").get("Contents", [])]
    assert any(key.startswith("runs/storage/") for key in keys)
