"""Signing in with a wallet extension that speaks the Wallet Standard, in a real browser.

The wallet is a fake (`fake_wallet.js`): real protocol, real Ed25519 keys and signatures, no owner.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.game.conftest import ARTEFACTS, NewPage, Served

pytestmark = [pytest.mark.slow, pytest.mark.browser]
FAKE_WALLET = Path(__file__).with_name("fake_wallet.js").read_text()


def with_wallet(page: Any, url: str, **behaviour: bool) -> None:
    """Open the game in a browser with the extension, and ask it to connect."""
    page.add_init_script(f"window.fakeWallet = {json.dumps(behaviour)}; {FAKE_WALLET}")
    page.goto(f"{url}/?fast=1&size=256x144")
    page.click("#intro-connect")


def test_a_wallet_extension_signs_the_player_in(served: Served, new_page: NewPage) -> None:
    with new_page() as page:
        with_wallet(page, served.url)
        page.wait_for_selector("#hud-recording", state="visible", timeout=120_000)
        page.screenshot(path=ARTEFACTS / "wallet-signed-in.png")
        wallet = page.evaluate("sessionStorage.getItem('scalediff.wallet')")
        assert 32 <= len(wallet) <= 44
        assert page.evaluate("localStorage.getItem('scalediff.burner')") is None
        page.goto(f"{served.url}/player.html")
        page.wait_for_selector(f"text={wallet[:4]}")


def test_a_signature_over_other_bytes_is_refused_and_the_player_reads_why(
    served: Served, new_page: NewPage
) -> None:
    with new_page() as page:
        with_wallet(page, served.url, lies=True)
        page.wait_for_selector("#intro-error:has-text('the signature is not the wallet')")
        page.screenshot(path=ARTEFACTS / "wallet-refused.png")
        assert page.is_enabled("#intro-guest")


def test_a_player_who_refuses_in_the_wallet_can_still_play_as_a_guest(
    served: Served, new_page: NewPage
) -> None:
    with new_page() as page:
        with_wallet(page, served.url, refuses=True)
        page.wait_for_selector("#intro-error:has-text('User rejected')")
        page.click("#intro-guest")
        page.wait_for_selector("#hud-recording", state="visible", timeout=120_000)


def test_a_wallet_that_comes_after_the_page_is_found(served: Served, new_page: NewPage) -> None:
    with new_page() as page:
        page.goto(f"{served.url}/?fast=1&size=256x144")
        page.wait_for_selector("#intro-connect")
        assert page.is_disabled("#intro-connect")
        page.evaluate(FAKE_WALLET)
        page.click("#intro-connect")
        page.wait_for_selector(".intro-log >> text=signed in as")
