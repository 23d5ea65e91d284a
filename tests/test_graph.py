"""A readable snapshot of the graph; change it when you mean to change the graph."""

from pathlib import Path

import dagster as dg

from scalediff_assets.definitions import defs

# Resolved when tests are collected: Dagster keeps a global that a temporary instance of another test
# leaves dangling.
REPOSITORY = defs.get_repository_def()
SNAPSHOT = Path(__file__).with_name("graph_snapshot.txt")


def describe_graph() -> str:
    """The graph in lines: assets with their upstream, then checks, jobs, schedules and sensors."""
    repository = REPOSITORY
    graph = repository.asset_graph
    lines = []
    for key in graph.toposorted_asset_keys:
        node = graph.get(key)
        parents = " ".join(sorted(parent.to_user_string() for parent in node.parent_keys)) or "-"
        kinds = ",".join(sorted(kind.removeprefix("dagster/kind/") for kind in node.tags if "kind" in kind))
        owners = ",".join(node.owners)
        lines.append(
            f"asset {key.to_user_string()} <- {parents} | group {node.group_name} | "
            f"{type(node.partitions_def).__name__} | {kinds} | {owners} | "
            f"batch {node.backfill_policy.max_partitions_per_run if node.backfill_policy else '-'}"
        )
    for check in sorted(graph.asset_check_keys, key=lambda c: (c.asset_key.to_user_string(), c.name)):
        spec = graph.get_check_spec(check)
        blocking = "blocking" if spec.blocking else "not blocking"
        lines.append(f"check {check.asset_key.to_user_string()}.{check.name} {blocking}")
    lines += sorted(f"job {job.name}" for job in repository.get_all_jobs() if not job.name.startswith("__"))
    lines += sorted(f"schedule {s.name} {s.cron_schedule}" for s in repository.schedule_defs)
    lines += sorted(f"sensor {s.name}" for s in repository.sensor_defs)
    return "\n".join(lines) + "\n"


def test_the_graph_is_the_one_in_the_snapshot() -> None:
    assert describe_graph() == SNAPSHOT.read_text()


def test_every_asset_is_described_grouped_owned_and_has_a_column_schema() -> None:
    for definition in defs.assets or []:
        assert isinstance(definition, dg.AssetsDefinition)
        (spec,) = definition.specs
        assert spec.description
        assert spec.group_name != "default"
        assert spec.owners
        assert spec.kinds
        assert "dagster/column_schema" in spec.metadata
