"""The runner of real CARLA, against a fake installation that breaks in every way upstream's does."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gpu_services.driving.carla.evaluate import evaluate_on_carla, should_repeat
from gpu_services.driving.carla.ports import Ports
from gpu_services.driving.carla.processes import group_lives
from gpu_services.driving.carla.settings import RunnerSettings
from gpu_services.errors import CarlaError
from scalediff_contract.jobs import EvaluateResult, EvaluateSpec
from scoring.leaderboard import rederive_global
from tests.gpu_services.driving.carla.fake_installation import install, started

SETTINGS = RunnerSettings(launch_timeout_s=8.0, silence_s=2.0, route_cap_s=20.0, health="tcp", attempts=4)
HEALTHY_S = RunnerSettings(launch_timeout_s=8.0, silence_s=8.0, route_cap_s=20.0, health="tcp", attempts=4)


def run(
    folder: Path,
    plan: dict[str, list[str]],
    *,
    routes: int = 1,
    settings: RunnerSettings = HEALTHY_S,
    workers: int = 1,
) -> EvaluateResult:
    places, routes_file = install(folder, plan, routes)
    agent = folder / "agent.py"
    agent.write_text("")
    return evaluate_on_carla(spec_of(folder, places, routes_file, agent, workers), lambda *_: None, settings)


def spec_of(folder: Path, places: object, routes_file: Path, agent: Path, workers: int = 1) -> EvaluateSpec:
    return EvaluateSpec(
        agent=str(agent),
        route_set=str(routes_file),
        backend="carla",
        carla=places,  # type: ignore[arg-type]
        output_url=str(folder / "out"),
        workers=workers,
    )


def assert_no_orphans(folder: Path) -> None:
    alive = [group for group in started(folder) if group_lives(group)]
    assert not alive


def document(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / "out" / "results_2.1.json").read_text())
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "statuses"),
    [
        ("segv", ("no result", "Perfect")),
        ("truncated", ("no result", "Perfect")),
        ("agent_crash", ("Failed - Agent crashed", "Perfect")),
        ("simulation", ("Failed - Simulation crashed", "Perfect")),
        ("failed", ("Failed", "Perfect")),
    ],
)
def test_a_crash_costs_one_extra_attempt(fault: str, statuses: tuple[str, ...], tmp_path: Path) -> None:
    result = run(tmp_path, {"0_rep0": [fault]})
    assert result.attempts == {"RouteScenario_0_rep0": statuses}
    assert len(document(tmp_path)["_checkpoint"]["records"]) == 1  # type: ignore[index]
    assert_no_orphans(tmp_path)


@pytest.mark.slow
def test_a_hanging_evaluator_is_ended_and_driven_again(tmp_path: Path) -> None:
    result = run(tmp_path, {"0_rep0": ["hang"]}, settings=SETTINGS)
    assert result.attempts == {"RouteScenario_0_rep0": ("no result", "Perfect")}
    assert_no_orphans(tmp_path)


@pytest.mark.slow
def test_an_ended_route_is_not_driven_again(tmp_path: Path) -> None:
    result = run(tmp_path, {"0_rep0": ["blocked"]})
    assert result.attempts == {"RouteScenario_0_rep0": ("Failed - Agent got blocked",)}
    assert_no_orphans(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("server", [["clash"], ["slow"], ["clash", "clash"]])
def test_a_server_that_clashes_or_starts_slowly_costs_no_attempt(server: list[str], tmp_path: Path) -> None:
    result = run(tmp_path, {"server": server})
    assert result.attempts == {"RouteScenario_0_rep0": ("Perfect",)}
    assert_no_orphans(tmp_path)


@pytest.mark.slow
def test_a_server_that_dies_while_driving_costs_one_attempt(tmp_path: Path) -> None:
    result = run(tmp_path, {"server": ["dies"], "0_rep0": ["hang"]})
    assert result.attempts == {"RouteScenario_0_rep0": ("no result", "Perfect")}
    assert_no_orphans(tmp_path)


@pytest.mark.slow
def test_a_route_that_always_crashes_ends_with_one_final_result(tmp_path: Path) -> None:
    result = run(tmp_path, {"0_rep0": ["segv"] * 9})
    assert result.attempts == {"RouteScenario_0_rep0": ("no result",) * SETTINGS.attempts}
    records = document(tmp_path)["_checkpoint"]["records"]  # type: ignore[index]
    assert [record["status"] for record in records] == ["Failed - Simulation crashed"]
    assert_no_orphans(tmp_path)


@pytest.mark.slow
def test_results_are_merged_in_route_order_and_rederive(tmp_path: Path) -> None:
    run(tmp_path, {"1_rep0": ["red"], "2_rep0": ["truncated"]}, routes=3, workers=2)
    whole = document(tmp_path)
    checkpoint = whole["_checkpoint"]
    assert [r["route_id"] for r in checkpoint["records"]] == [f"RouteScenario_{k}_rep0" for k in range(3)]  # type: ignore[index]
    record = checkpoint["global_record"]  # type: ignore[index]
    derived = rederive_global(whole)
    assert {name: record[name] for name in derived if name != "meta"} == {
        k: v for k, v in derived.items() if k != "meta"
    }
    assert record["meta"]["backend"] == "carla"
    two = json.loads((tmp_path / "out" / "results_2.0.json").read_text())
    assert two["_checkpoint"]["records"][1]["scores"]["score_penalty"] == 0.7
    assert checkpoint["records"][1]["scores"]["score_penalty"] == pytest.approx(1 / 1.4, abs=1e-6)  # type: ignore[index]
    assert_no_orphans(tmp_path)


@pytest.mark.slow
def test_finished_routes_are_not_driven_again_after_a_stop(tmp_path: Path) -> None:
    run(tmp_path, {}, routes=2)
    before = len(started(tmp_path))
    (tmp_path / "out" / "routes" / "RouteScenario_1_rep0.json").unlink()
    places_and_file = (tmp_path / "carla", tmp_path / "three.xml")
    assert all(path.exists() for path in places_and_file)
    from scalediff_contract.jobs import CarlaPlaces

    places = CarlaPlaces(
        carla_root=str(tmp_path / "carla"),
        leaderboard_root=str(tmp_path / "leaderboard"),
        scenario_runner_root=str(tmp_path / "scenario_runner"),
    )
    spec = spec_of(tmp_path, places, tmp_path / "three.xml", tmp_path / "agent.py")
    evaluate_on_carla(spec, lambda *_: None, HEALTHY_S)
    assert len(started(tmp_path)) == before + 2  # one server, one evaluator


@pytest.mark.slow
def test_a_runner_that_is_asked_to_stop_leaves_no_process(tmp_path: Path) -> None:
    places, routes_file = install(tmp_path, {"0_rep0": ["hang"]}, 1)
    (tmp_path / "agent.py").write_text("")
    spec = spec_of(tmp_path, places, routes_file, tmp_path / "agent.py")
    (tmp_path / "spec.json").write_text(spec.model_dump_json())
    code = (
        "import sys\n"
        "from gpu_services.driving.carla.evaluate import evaluate_on_carla\n"
        "from gpu_services.driving.carla.settings import RunnerSettings\n"
        "from scalediff_contract.jobs import EvaluateSpec\n"
        f"spec = EvaluateSpec.model_validate_json(open({str(tmp_path / 'spec.json')!r}).read())\n"
        "evaluate_on_carla(spec, lambda *_: None, RunnerSettings(health='tcp', silence_s=60))\n"
    )
    root = Path(__file__).parents[4]
    runner = subprocess.Popen(
        [sys.executable, "-c", code], cwd=root, env=os.environ | {"PYTHONPATH": str(root)}
    )
    deadline_s = time.monotonic() + 60
    while len(started(tmp_path)) < 2 and time.monotonic() < deadline_s:
        time.sleep(0.1)
    runner.send_signal(signal.SIGTERM)
    runner.wait(30)
    assert len(started(tmp_path)) == 2
    assert_no_orphans(tmp_path)


@pytest.mark.parametrize(
    ("statuses", "again"),
    [
        (["no result"], True),
        (["Failed - Simulation crashed"], True),
        (["Failed"], True),
        (["Failed", "Failed"], False),
        (["Failed - Agent timed out"], False),
        (["Failed - Agent deviated from the route"], False),
        (["Completed"], False),
        (["no result"] * 4, False),
    ],
)
def test_only_crashes_are_repeated(statuses: list[str], again: bool) -> None:
    assert should_repeat(statuses, None, 4) is again


def test_an_installation_that_is_not_there_is_named(tmp_path: Path) -> None:
    places, routes_file = install(tmp_path, {}, 1)
    (tmp_path / "carla" / "CarlaUE4.sh").unlink()
    (tmp_path / "agent.py").write_text("")
    with pytest.raises(CarlaError, match="CARLA_ROOT"):
        evaluate_on_carla(spec_of(tmp_path, places, routes_file, tmp_path / "agent.py"), lambda *_: None)


def test_blocks_of_ports_do_not_overlap() -> None:
    ports = Ports(first=41_000)
    blocks = [ports.take() for _ in range(20)]
    used = {
        port for block in blocks for port in (block.rpc, block.rpc + 1, block.rpc + 2, block.traffic_manager)
    }
    assert len(used) == 80
