"""The chart names what is there: values, variables of the configuration, options of the command."""

import re
from pathlib import Path

import yaml

from gpu_services.generation.service import config
from gpu_services.generation.service.cli import _parser

DEPLOY = Path(__file__).parents[3] / "deploy"
CHART = DEPLOY / "helm" / "generation"
TEMPLATES = "\n".join(path.read_text() for path in (CHART / "templates").iterdir())


def test_every_value_that_a_template_reads_has_a_default() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    for path in set(re.findall(r"\.Values\.([A-Za-z.]+)", TEMPLATES)):
        found = values
        for name in path.split("."):
            assert name in found, path
            found = found[name]


def test_every_variable_of_the_chart_is_one_that_the_service_reads() -> None:
    named = set(re.findall(r"SCALEDIFF_[A-Z_0-9]+", TEMPLATES))
    assert named <= set(re.findall(r"SCALEDIFF_[A-Z_0-9]+", str(config.__doc__)))
    assert {"SCALEDIFF_PROFILE", "SCALEDIFF_GENERATION_QUEUE_URL", "SCALEDIFF_GENERATION_SECRET"} <= named


def test_every_option_of_the_chart_is_one_of_the_command() -> None:
    options = set(re.findall(r"--[a-z][a-z-]+", TEMPLATES))
    assert options <= set(_parser()._option_string_actions)
    image = (DEPLOY / "images" / "generation.Dockerfile").read_text()
    assert set(re.findall(r'"(--[a-z]+)"', image)) <= set(_parser()._option_string_actions)
