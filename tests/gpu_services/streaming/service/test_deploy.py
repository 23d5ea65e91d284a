"""The chart renders to manifests that fit the service: its options, its ports, its metrics, its drain."""

import functools
import re
from pathlib import Path
from typing import Any

import yaml

from gpu_services.streaming.service.arguments import parser, read
from gpu_services.streaming.service.instruments import Instruments

ROOT = Path(__file__).parents[4]
CHART = ROOT / "deploy" / "helm" / "streaming"
IMAGE = ROOT / "deploy" / "images" / "streaming.Dockerfile"
_VALUE = re.compile(r"\{\{ \.Values\.([A-Za-z.]+) \}\}")


def rendered() -> dict[str, Any]:
    """The chart's manifests by kind: values put in by name, which is all that its templates ask for."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())

    def value_of(match: re.Match[str]) -> str:
        return str(functools.reduce(lambda node, name: node[name], match[1].split("."), values))

    found = {}
    for path in sorted((CHART / "templates").glob("*.yaml")):
        text = _VALUE.sub(value_of, path.read_text())
        assert "{{" not in text, f"{path.name} asks for more than values by name"
        manifest = yaml.safe_load(text)
        found[manifest["kind"]] = manifest
    return found


def container() -> dict[str, Any]:
    found: dict[str, Any] = rendered()["Deployment"]["spec"]["template"]["spec"]["containers"][0]
    return found


def test_the_service_understands_the_arguments_that_the_chart_gives() -> None:
    options = parser().parse_args([str(argument) for argument in container()["args"]])
    assert (options.backend, options.preset, options.max_sessions) == ("wan", "wan-1.3b", 4)
    entry = re.search(r"ENTRYPOINT (\[.*\])", IMAGE.read_text())
    assert entry is not None
    given = [*yaml.safe_load(entry[1])[1:], *container()["args"], "--no-auth"]
    assert read([str(argument) for argument in given]).port == container()["ports"][0]["containerPort"]


def test_a_pod_has_a_gpu_of_the_kind_that_was_chosen() -> None:
    pod = rendered()["Deployment"]["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"scalediff.dev/gpu": "h200"}
    assert container()["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert any(toleration["key"] == "nvidia.com/gpu" for toleration in pod["tolerations"])


def test_a_pod_has_time_to_drain() -> None:
    pod = rendered()["Deployment"]["spec"]["template"]["spec"]
    drain_s = parser().parse_args([str(argument) for argument in container()["args"]]).drain_s
    assert pod["terminationGracePeriodSeconds"] >= drain_s + 10
    assert rendered()["Deployment"]["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_probes_ask_addresses_that_exist() -> None:
    paths = {container()[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}
    source = (ROOT / "gpu_services" / "streaming" / "service" / "app.py").read_text()
    assert paths == {"/healthz", "/readyz"}
    assert all(f'Route("{path}"' in source for path in paths)


def test_the_autoscaler_follows_a_metric_that_the_service_has() -> None:
    manifests = rendered()
    rule = yaml.safe_load(manifests["ConfigMap"]["data"]["config.yaml"])["rules"][0]
    series = rule["seriesQuery"].partition("{")[0]
    assert series in Instruments().text().decode()
    metric = manifests["HorizontalPodAutoscaler"]["spec"]["metrics"][0]["pods"]["metric"]["name"]
    assert metric == rule["name"]["as"]
    assert manifests["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]["name"] == "scalediff-stream"


def test_secrets_come_from_kubernetes_and_the_pod_may_do_little() -> None:
    names = {entry["name"]: entry["valueFrom"]["secretKeyRef"]["key"] for entry in container()["env"]}
    assert names == {
        "SCALEDIFF_UPLOAD_SECRET": "upload-secret",
        "SCALEDIFF_STREAM_TURN_SECRET": "turn-secret",
    }
    rights = container()["securityContext"]
    assert rights["readOnlyRootFilesystem"] and rights["capabilities"]["drop"] == ["ALL"]


def test_the_image_holds_every_package_that_the_service_imports() -> None:
    copied = set(re.findall(r"^COPY (\w+) \1$", IMAGE.read_text(), re.MULTILINE))
    assert {"scalediff_contract", "scoring", "world", "gpu_services"} <= copied
