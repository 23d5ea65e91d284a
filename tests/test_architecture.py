"""The shape of the tree: import direction, lightness of loading, names that clash with nobody."""

import importlib.metadata
import itertools
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OUR_PACKAGES = (
    "scalediff_contract",
    "scoring",
    "world",
    "resources",
    "scalediff_assets",
    "gpu_services",
    "upload_api",
)
HEAVY = ("torch", "cv2", "av", "mlflow", "ray", "boto3", "dagster_aws", "matplotlib", "world")


def modules_after(statement: str) -> set[str]:
    script = f"{statement}\nimport sys, json\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.slow
def test_imports_go_in_one_direction() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_loading_the_code_location_imports_nothing_heavy() -> None:
    loaded = modules_after("import scalediff_assets.definitions") & set(HEAVY)
    baseline = modules_after("import dagster") & set(HEAVY)
    assert loaded - baseline == set()


def test_environment_variables_are_read_in_one_place() -> None:
    readers = {
        path.relative_to(ROOT).as_posix()
        for package in OUR_PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if "os.environ" in path.read_text() or "getenv" in path.read_text()
    }
    # home.py hands the home folder on to the processes that it starts.
    # Jobs run apart: torchrun, Pipes, CARLA and MLflow talk to a process through its environment.
    allowed = {
        "resources/settings.py",
        "scalediff_assets/home.py",
        "scalediff_assets/ui.py",
        "resources/tracking.py",
    }
    assert {reader for reader in readers if not reader.startswith("gpu_services/")} <= allowed


def test_no_installed_package_clashes_with_our_top_level_names() -> None:
    owners = importlib.metadata.packages_distributions()
    foreign = {name: set(owners.get(name, [])) - {"scalediff"} for name in OUR_PACKAGES}
    assert not any(foreign.values()), foreign


def test_asset_bodies_are_short() -> None:
    import ast

    long = []
    for path in (ROOT / "scalediff_assets").glob("*/assets.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                lines = (node.end_lineno or 0) - body[0].lineno + 1
                if lines > 40:
                    long.append(f"{path.name}:{node.name} {lines}")
    assert long == []


def test_constraints_pin_everything_that_is_required() -> None:
    pinned = {
        line.split("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    required = [*project["dependencies"], *itertools.chain(*project["optional-dependencies"].values())]
    names = {re.split(r"[\[<>=!~ ]", text)[0].lower() for text in required}
    assert names - {"scalediff"} <= pinned
