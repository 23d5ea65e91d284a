"""The Dagster UI's main pages in a real browser, on a home with real runs.

Screenshots are kept in test-artefacts/ for people to look at.
"""

import shutil
import subprocess
import sys
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from scalediff_assets.home import instance, use_home
from scalediff_assets.ui import MLFLOW, running_ui
from world.recorder import RecordedBundle

ROOT = Path(__file__).parents[2]
ARTEFACTS = ROOT / "test-artefacts"
CHROMIUM = shutil.which("chromium")
BROWSER_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None, reason="Chromium is not installed (Debian: apt-get install chromium)"
    ),
]


@pytest.fixture
def ui(
    tmp_path: Path, recorded: Callable[..., RecordedBundle], monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, str]]:
    """The UI's address and the hour that was run."""
    folder = tmp_path / "bundles"
    for bundle in (recorded(1), recorded(2)):
        (folder / bundle.wallet).mkdir(parents=True, exist_ok=True)
        for file, content in bundle.files.items():
            (folder / str(bundle.key_of(file, "recorded"))).write_bytes(content)
    home = tmp_path / "home"
    for name in ("SCALEDIFF_HOME", "DAGSTER_HOME"):
        monkeypatch.setenv(name, "")  # use_home sets both; this puts back what was there
    settings = use_home(home)
    scalediff("ingest", str(folder), "--home", str(home))
    scalediff("ui", "--port", "0", "--home", str(home))
    running = running_ui(settings)
    assert running is not None
    with instance(settings) as dagster_instance:
        (hour,) = dagster_instance.get_materialized_partitions(dg.AssetKey("segments"))
    yield running.url, hour
    scalediff("ui", "--stop", "--home", str(home))
    assert running_ui(settings) is None
    assert running_ui(settings, MLFLOW) is None


def scalediff(*arguments: str) -> None:
    command = [sys.executable, "-m", "scalediff_assets.cli", *arguments]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, timeout=300)


@pytest.fixture
def page() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=BROWSER_ARGUMENTS)
        made = browser.new_page(viewport={"width": 1500, "height": 1100})
        made.set_default_timeout(60_000)
        yield made
        browser.close()


def keep(page: Any, name: str) -> None:
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"{name}.png")


def test_the_main_pages_show_the_graph_and_its_pictures(ui: tuple[str, str], page: Any) -> None:
    url, hour = ui
    page.goto(f"{url}/asset-groups")
    for group in ("sessions", "quality", "datasets"):
        page.get_by_text(group, exact=True).first.wait_for()
    keep(page, "graph")

    partition = urllib.parse.quote(hour)
    pictures = {
        "raw_sessions": "verdicts",
        "aligned_sessions": "paths",
        "segments": "contact_sheet",
        "quality_scores": "signals",
    }
    for asset, picture in pictures.items():
        page.goto(f"{url}/assets/{asset}?view=partitions&partition={partition}")
        row = page.locator("tr", has=page.get_by_text(picture, exact=True))
        row.get_by_text("Show Markdown").click()
        image = page.locator("img[src^='data:image/']").first
        image.wait_for()
        assert image.evaluate("element => element.naturalWidth") > 200
        keep(page, asset)

    page.goto(f"{url}/assets/cilrs_datasets?view=partitions&partition={hour[:10]}")
    page.get_by_text("dataset_hash", exact=True).wait_for()
    keep(page, "cilrs_datasets")

    page.goto(f"{url}/assets/segments?view=overview")
    page.get_by_text("The one decode pass").first.wait_for()
    page.get_by_text("data", exact=True).first.wait_for()
    page.get_by_text("signals.sharpness").first.wait_for()
    keep(page, "segments_overview")

    page.goto(f"{url}/assets/segments?view=checks")
    page.get_by_text("failure_rate").first.wait_for()
    keep(page, "checks")

    page.goto(f"{url}/automation")
    page.get_by_text("rescore_recent_hours").first.wait_for()
    keep(page, "automation")
