"""A fake CARLA installation: scripts that stand where CARLA and the upstream evaluator stand.

Fakes, because no CARLA runs here. The server only listens on its port (and starts a child, as the
shell script of the real one does); the evaluator takes upstream's arguments, connects to that port,
writes upstream's results document, and misbehaves as a plan says.
"""

import json
import stat
import sys
from pathlib import Path

from scalediff_contract.jobs import CarlaPlaces

SERVER = '''#!{python}
"""Fake CARLA server."""
import json, os, pathlib, socket, subprocess, sys, time
plan = pathlib.Path({plan!r})
def next_behaviour():
    launches = sorted(plan.parent.glob("launch_*"))
    behaviours = json.loads(plan.read_text()).get("server", [])
    (plan.parent / f"launch_{{len(launches):03d}}_{{os.getpid()}}").write_text("")
    return behaviours[len(launches)] if len(launches) < len(behaviours) else "ok"
behaviour = next_behaviour()
port = next(int(a.partition("=")[2]) for a in sys.argv if a.startswith("-carla-rpc-port="))
if behaviour == "clash":
    print("bind: Address already in use", flush=True)
    sys.exit(1)
if behaviour == "slow":
    time.sleep(1.0)
if behaviour == "never":
    time.sleep(60.0)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with socket.create_server(("127.0.0.1", port)) as listener:
    if behaviour == "dies":
        time.sleep(0.6)
        os._exit(139)
    while True:
        listener.accept()[0].close()
'''

EVALUATOR = '''"""Fake of leaderboard_evaluator.py: its arguments and its document, not its simulation."""
import argparse, json, os, pathlib, signal, socket, subprocess, sys, time
parser = argparse.ArgumentParser()
for name in ("host", "port", "traffic-manager-port", "traffic-manager-seed", "timeout", "routes",
             "routes-subset", "repetitions", "agent", "agent-config", "track", "checkpoint",
             "debug-checkpoint"):
    parser.add_argument("--" + name, required=True)
args = parser.parse_args()
plan = pathlib.Path({plan!r})
socket.create_connection(("localhost", int(args.port)), timeout=5).close()
key = f"{{args.routes_subset}}_rep{{args.traffic_manager_seed}}"
tries = len(list(plan.parent.glob(f"try_{{key}}_*")))
(plan.parent / f"try_{{key}}_{{tries:03d}}_{{os.getpid()}}").write_text("")
behaviours = json.loads(plan.read_text()).get(key, [])
behaviour = behaviours[tries] if tries < len(behaviours) else "ok"
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])  # upstream's agent may fork, too
print("driving", key, behaviour, flush=True)
from scoring.leaderboard import Event, EventType, Failure, RouteRun, ScorerVersion, make_results
def write(failure=None, events=(), percent=100):
    run = RouteRun(route_id=f"RouteScenario_{{args.routes_subset}}_rep0", index=0, route_length_m=200.0,
                   criteria=[[Event(type=EventType.ROUTE_COMPLETION, percentage=percent)], *events],
                   failure=failure, duration_system_s=2.0, duration_game_s=1.0)
    made = make_results([run], version=ScorerVersion.V2_1, total_routes=1, sensors=["carla_camera"])
    text = json.dumps(made)
    pathlib.Path(args.checkpoint).write_text(text)
    return text
if behaviour == "hang":
    time.sleep(600)
elif behaviour == "segv":
    os.kill(os.getpid(), signal.SIGSEGV)
elif behaviour == "truncated":
    text = write()
    pathlib.Path(args.checkpoint).write_text(text[: len(text) // 2])
elif behaviour == "agent_crash":
    write(Failure.AGENT_RUNTIME, percent=3)
    sys.exit(255)
elif behaviour == "simulation":
    write(Failure.SIMULATION, percent=0)
    sys.exit(255)
elif behaviour == "failed":
    write(percent=40)
elif behaviour == "blocked":
    write(events=[[Event(type=EventType.VEHICLE_BLOCKED, message="Agent got blocked")]], percent=40)
elif behaviour == "red":
    write(events=[[Event(type=EventType.TRAFFIC_LIGHT_INFRACTION, message="ran a red light")]])
else:
    time.sleep(0.3)
    write()
'''

ROUTES = "<routes>{}</routes>"
ROUTE = (
    '<route id="{}" town="Town12"><waypoints><position x="0" y="0" z="0"/>'
    '<position x="200" y="0" z="0"/></waypoints></route>'
)


def install(folder: Path, plan: dict[str, list[str]], routes: int) -> tuple[CarlaPlaces, Path]:
    """Write the fakes and a routes file with so many routes.

    Args:
        folder: Where.
        plan: `server`: behaviour of each launch in turn; `{route}_rep{k}`: of each try.
        routes: How many.
    """
    plan_file = folder / "plan" / "plan.json"
    plan_file.parent.mkdir(parents=True)
    plan_file.write_text(json.dumps(plan))
    for name in ("carla", "leaderboard/leaderboard", "scenario_runner"):
        (folder / name).mkdir(parents=True)
    server = folder / "carla" / "CarlaUE4.sh"
    server.write_text(SERVER.format(python=sys.executable, plan=str(plan_file)))
    server.chmod(server.stat().st_mode | stat.S_IXUSR)
    evaluator = folder / "leaderboard" / "leaderboard" / "leaderboard_evaluator.py"
    evaluator.write_text(EVALUATOR.format(plan=str(plan_file)))
    routes_file = folder / "three.xml"
    routes_file.write_text(ROUTES.format("".join(ROUTE.format(number) for number in range(routes))))
    places = CarlaPlaces(
        carla_root=str(folder / "carla"),
        leaderboard_root=str(folder / "leaderboard"),
        scenario_runner_root=str(folder / "scenario_runner"),
    )
    return places, routes_file


def started(folder: Path) -> list[int]:
    """Process ids (and group ids) of every server and evaluator that was started."""
    found = [*(folder / "plan").glob("launch_*"), *(folder / "plan").glob("try_*")]
    return [int(path.name.rpartition("_")[2]) for path in found]
