"""The local secret: made once, whoever comes first, and for its owner only."""

import stat
import threading
from pathlib import Path

import pytest

from resources.settings import SettingsError, read_settings
from upload_api.config import config_from
from upload_api.secret import key_for, local_secret

PRODUCTION = {
    "SCALEDIFF_PROFILE": "production",
    "SCALEDIFF_RAW_URL": "s3://raw",
    "SCALEDIFF_LAKE_URL": "s3://lake",
    "SCALEDIFF_CLEAN_URL": "s3://clean",
    "SCALEDIFF_MODELS_URL": "s3://models",
    "SCALEDIFF_TRACKING_URI": "https://mlflow.example",
    "SCALEDIFF_QUEUE_URL": "https://sqs/uploads",
    "SCALEDIFF_DATABASE_URL": "postgresql://me@db/catalog",
}


def test_many_first_callers_get_one_secret(tmp_path: Path) -> None:
    path, start, found = tmp_path / "home" / "upload_secret", threading.Barrier(16), []

    def ask() -> None:
        start.wait()
        found.append(local_secret(path))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16
    assert set(found) == {path.read_bytes()}
    assert len(found[0]) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_each_purpose_has_a_key_of_its_own() -> None:
    keys = {key_for(b"s" * 32, purpose) for purpose in ("nonces", "tokens", "urls")}
    assert len(keys | {key_for(b"t" * 32, "urls")}) == 4


def test_the_local_profile_makes_its_secret_and_finds_it_again(tmp_path: Path) -> None:
    settings = read_settings({"SCALEDIFF_HOME": str(tmp_path)})
    assert (
        config_from(settings).secret
        == config_from(settings).secret
        == local_secret(tmp_path / "upload_secret")
    )


def test_production_needs_the_secret_and_a_config_never_shows_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="SCALEDIFF_UPLOAD_SECRET"):
        config_from(read_settings(PRODUCTION))
    config = config_from(read_settings({**PRODUCTION, "SCALEDIFF_UPLOAD_SECRET": "swordfish " * 4}))
    assert config.secret == b"swordfish " * 4
    assert "swordfish" not in repr(config)
