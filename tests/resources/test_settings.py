"""Settings: defaults, what may be set, and one clear message for each wrong value."""

import os
from pathlib import Path

import pytest

from resources.settings import SettingsError, read_settings


def test_an_empty_environment_gives_the_embedded_platform(tmp_path: Path) -> None:
    settings = read_settings({"SCALEDIFF_HOME": str(tmp_path)})
    assert settings.home == tmp_path
    assert settings.profile == "local"
    assert settings.raw_url == str(tmp_path / "store" / "raw")
    assert settings.lake_url == str(tmp_path / "store" / "lake")
    assert settings.clean_url == str(tmp_path / "store" / "clean")
    assert settings.database_url == f"sqlite:///{tmp_path / 'catalog.db'}"
    assert settings.dagster_home == tmp_path / "dagster"
    assert (settings.queue_url, settings.s3_endpoint_url, settings.s3_region) == (None, None, None)
    assert settings.workers == os.cpu_count()
    assert settings.task_timeout_s == 120


def test_reading_settings_makes_no_folder(tmp_path: Path) -> None:
    read_settings({"SCALEDIFF_HOME": str(tmp_path / "new")})
    assert list(tmp_path.iterdir()) == []


def test_a_relative_home_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_settings({}).home == tmp_path / ".scalediff"


def test_the_process_environment_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEDIFF_HOME", str(tmp_path))
    monkeypatch.setenv("SCALEDIFF_WORKERS", "3")
    assert (read_settings().home, read_settings().workers) == (tmp_path, 3)


def test_every_place_can_be_set() -> None:
    settings = read_settings(
        {
            "SCALEDIFF_PROFILE": "production",
            "SCALEDIFF_RAW_URL": "s3://raw",
            "SCALEDIFF_LAKE_URL": "s3://lake",
            "SCALEDIFF_CLEAN_URL": "s3://clean",
            "SCALEDIFF_MODELS_URL": "s3://models",
            "SCALEDIFF_TRACKING_URI": "https://mlflow.example",
            "SCALEDIFF_S3_ENDPOINT_URL": "http://localhost:9000",
            "SCALEDIFF_S3_REGION": "eu-central-1",
            "SCALEDIFF_QUEUE_URL": "https://sqs/uploads",
            "SCALEDIFF_DATABASE_URL": "postgresql://me@db/catalog",
            "SCALEDIFF_WORKERS": "16",
            "SCALEDIFF_TASK_TIMEOUT_S": "2.5",
        }
    )
    assert settings.profile == "production"
    assert (settings.raw_url, settings.lake_url, settings.clean_url) == (
        "s3://raw",
        "s3://lake",
        "s3://clean",
    )
    assert (settings.models_url, settings.tracking_uri) == ("s3://models", "https://mlflow.example")
    assert (settings.s3_endpoint_url, settings.s3_region) == ("http://localhost:9000", "eu-central-1")
    assert settings.queue_url == "https://sqs/uploads"
    assert settings.database_url == "postgresql+psycopg2://me@db/catalog"
    assert (settings.workers, settings.task_timeout_s) == (16, 2.5)


@pytest.mark.parametrize("nothing", ["", "  "])
def test_a_variable_set_to_nothing_counts_as_not_set(nothing: str) -> None:
    names = (
        "PROFILE",
        "RAW_URL",
        "S3_ENDPOINT_URL",
        "QUEUE_URL",
        "DATABASE_URL",
        "WORKERS",
        "TASK_TIMEOUT_S",
    )
    assert read_settings({f"SCALEDIFF_{name}": nothing for name in names}) == read_settings({})


@pytest.mark.parametrize(
    ("variable", "value", "mend"),
    [
        ("SCALEDIFF_PROFILE", "prod", "use local or production"),
        *(
            ("SCALEDIFF_WORKERS", value, "use a whole number of at least 1")
            for value in ("0", "-1", "2.5", "two", "inf", "nan", "1e3")
        ),
        *(
            ("SCALEDIFF_TASK_TIMEOUT_S", value, "use a number of seconds, at least 1")
            for value in ("0", "0.5", "-3", "soon", "inf", "nan")
        ),
    ],
)
def test_a_wrong_value_is_named_with_its_mend(variable: str, value: str, mend: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({variable: value})
    assert caught.value.variable == variable
    assert str(caught.value) == f"{variable}={value!r}: {mend}"


@pytest.mark.parametrize(
    "url", ["catalog.db", "sqlite://", "sqlite:///", "mysql://me:secret@db/x", "postgres://me:secret@db/x"]
)
def test_a_database_that_cannot_be_used_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(SettingsError, match=r"use sqlite:///\{path\} or postgresql://") as caught:
        read_settings({"SCALEDIFF_DATABASE_URL": url})
    assert str(caught.value).startswith("SCALEDIFF_DATABASE_URL=")
    assert "secret" not in str(caught.value)


def test_the_upload_api_needs_no_setting_on_one_machine() -> None:
    settings = read_settings({})
    assert (settings.upload_secret, settings.upload_public_url) == (None, None)
    assert (settings.upload_origins, settings.trust_proxy) == (("*",), False)


def test_the_upload_api_can_be_set_and_its_secret_is_not_shown() -> None:
    settings = read_settings(
        {
            "SCALEDIFF_UPLOAD_SECRET": "swordfish " * 4,
            "SCALEDIFF_UPLOAD_PUBLIC_URL": "https://api.example/v/",
            "SCALEDIFF_UPLOAD_ORIGINS": "https://play.example, http://localhost:5173/",
            "SCALEDIFF_TRUST_PROXY": "1",
        }
    )
    assert settings.upload_secret == "swordfish " * 4
    assert settings.upload_public_url == "https://api.example/v"
    assert settings.upload_origins == ("https://play.example", "http://localhost:5173")
    assert settings.trust_proxy is True
    assert "swordfish" not in repr(settings)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SCALEDIFF_UPLOAD_PUBLIC_URL", "api.example"),
        ("SCALEDIFF_UPLOAD_ORIGINS", "play.example"),
        ("SCALEDIFF_UPLOAD_ORIGINS", "https://play.example/path"),
        ("SCALEDIFF_UPLOAD_ORIGINS", ","),
        ("SCALEDIFF_TRUST_PROXY", "yes"),
    ],
)
def test_a_wrong_upload_setting_is_named(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=variable):
        read_settings({variable: value})


def test_a_short_upload_secret_is_refused_and_not_repeated() -> None:
    with pytest.raises(SettingsError, match="9 characters; use at least 32") as caught:
        read_settings({"SCALEDIFF_UPLOAD_SECRET": "swordfish"})
    assert "swordfish" not in str(caught.value)
