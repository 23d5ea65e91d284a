"""The payer's key: where it may come from, and that nothing ever tells it."""

import copy
import json
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from solders.keypair import Keypair

from resources.secrets import SecretMissingError
from resources.settings import SettingsError, read_settings
from resources.solana.errors import PayerKeyError
from resources.solana.keys import Payer, is_wallet, load_payer, throwaway_payer
from resources.solana.resource import Solana
from tests.conftest import AWS_REGION

KEY = Keypair.from_seed(bytes(range(32)))
AS_LIST, AS_BASE58 = json.dumps(list(bytes(KEY))), str(KEY)


def key_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "key.json"
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("text", [AS_LIST, AS_BASE58, f"\n {AS_LIST}\n"], ids=["list", "base58", "spaces"])
def test_a_key_comes_from_a_file_or_the_environment(tmp_path: Path, text: str) -> None:
    for environment in (
        {"SCALEDIFF_PAYER_KEYPAIR": text},
        {"SCALEDIFF_PAYER_KEYPAIR_FILE": str(key_file(tmp_path, text))},
    ):
        assert load_payer(read_settings(environment)).address == str(KEY.pubkey())


@pytest.mark.slow
def test_a_key_comes_from_the_secret_manager(aws: Callable[[str], Any], aws_endpoint: str) -> None:
    aws("secretsmanager").create_secret(Name="payer-of-tests", SecretString=AS_LIST)
    places = {"SCALEDIFF_S3_ENDPOINT_URL": aws_endpoint, "SCALEDIFF_S3_REGION": AWS_REGION}
    solana = Solana.from_settings(read_settings({**places, "SCALEDIFF_PAYER_SECRET": "payer-of-tests"}))
    assert (solana.is_dry_run, solana.payer().address) == (False, str(KEY.pubkey()))
    missing = Solana.from_settings(read_settings({**places, "SCALEDIFF_PAYER_SECRET": "no-such"}))
    with pytest.raises(SecretMissingError, match="'no-such'"):
        missing.payer()


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = key_file(tmp_path, AS_LIST, mode)
    with pytest.raises(PayerKeyError, match="chmod 600"):
        load_payer(read_settings({"SCALEDIFF_PAYER_KEYPAIR_FILE": str(path)}))


BROKEN = {
    "another key's half": json.dumps([*list(bytes(KEY))[:63], 255 - bytes(KEY)[63]]),
    "cut": AS_BASE58[:-2],
    "cut list": AS_LIST[:-3],
    "too long": json.dumps([*bytes(KEY), 7]),
    "no numbers": AS_LIST.replace("[", '["').replace("]", '"]').replace(",", '","'),
    "doubled": AS_BASE58 + AS_BASE58,
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_a_broken_key_is_refused_without_a_word_of_it(tmp_path: Path, text: str) -> None:
    with pytest.raises(PayerKeyError, match="no Ed25519 key pair") as refused:
        load_payer(read_settings({"SCALEDIFF_PAYER_KEYPAIR": text}))
    told = "".join(traceback.format_exception(refused.value)) + repr(refused.value)
    assert not any(secret in told for secret in secrets_of(text))


def secrets_of(text: str) -> list[str]:
    """Pieces of a key's text that nothing may repeat."""
    return [text[start : start + 12] for start in range(0, len(text) - 12, 6)]


def test_no_key_at_all_is_the_dry_run(tmp_path: Path) -> None:
    solana = Solana.from_settings(read_settings({"SCALEDIFF_HOME": str(tmp_path)}))
    assert solana.is_dry_run
    with pytest.raises(PayerKeyError, match="none is set"):
        solana.payer()
    assert list(tmp_path.iterdir()) == []


def test_a_payer_tells_its_address_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEDIFF_PAYER_KEYPAIR", AS_BASE58)
    settings = read_settings()
    payer = load_payer(settings)
    solana = Solana.from_settings(settings)
    told = [repr(payer), str(payer), f"{payer!s}", repr(settings), str(settings), repr(solana), str(solana)]
    told += [str(solana.model_dump()), solana.model_dump_json(), str(vars(solana))]
    for text in told:
        assert not any(secret in text for secret in [*secrets_of(AS_BASE58), *secrets_of(AS_LIST)])
    assert solana.payer().address == payer.address == str(KEY.pubkey())
    for duplicate in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="never pickled"):
            duplicate(payer)


def test_a_throwaway_payer_is_its_owners_and_stays(tmp_path: Path) -> None:
    path = throwaway_payer(tmp_path / "new")
    assert path.name == "throwaway_payer.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert throwaway_payer(tmp_path / "new") == path
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    embedded = Solana.from_settings(read_settings({"SCALEDIFF_HOME": str(path.parent)}))
    assert not embedded.is_dry_run
    assert embedded.payer().address == Payer(Keypair.from_json(path.read_text())).address


def test_a_throwaway_payer_never_counts_on_a_real_chain(tmp_path: Path) -> None:
    throwaway_payer(tmp_path)
    environment = {"SCALEDIFF_HOME": str(tmp_path), "SCALEDIFF_SOLANA_URL": "https://rpc.example/?key=x"}
    solana = Solana.from_settings(read_settings(environment))
    assert solana.is_dry_run
    with pytest.raises(PayerKeyError, match="embedded chain"):
        solana.make_throwaway_payer()


def test_links_lead_to_the_explorer_of_the_chain(tmp_path: Path) -> None:
    def link(**environment: str) -> str | None:
        return Solana.from_settings(read_settings({"SCALEDIFF_HOME": str(tmp_path), **environment})).link(
            "Sig"
        )

    assert link(SCALEDIFF_SOLANA_URL="https://rpc.example") == "https://explorer.solana.com/tx/Sig"
    assert link(SCALEDIFF_SOLANA_URL="https://api.devnet.solana.com").endswith("/tx/Sig?cluster=devnet")  # type: ignore[union-attr]
    assert (
        link(SCALEDIFF_SOLANA_EXPLORER_URL="https://solscan.io/tx/{signature}") == "https://solscan.io/tx/Sig"
    )
    assert link() is None
    (tmp_path / "chain").mkdir()
    (tmp_path / "chain" / "port").write_text("8899")
    assert link() == "http://127.0.0.1:8899/tx/Sig"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SCALEDIFF_SOLANA_URL", "rpc.example/?key=hidden-key"),
        ("SCALEDIFF_SOLANA_EXPLORER_URL", "https://explorer.example/tx"),
    ],
)
def test_a_wrong_place_is_named_without_a_providers_key(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=variable) as refused:
        read_settings({variable: value})
    assert "hidden-key" not in str(refused.value)


def test_only_addresses_that_can_sign_are_wallets() -> None:
    assert is_wallet(str(KEY.pubkey()))
    from solders.pubkey import Pubkey

    derived, _ = Pubkey.find_program_address([b"x"], Pubkey.default())
    assert not any(map(is_wallet, [str(derived), "0x12", "", "1" * 31]))
