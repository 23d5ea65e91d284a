"""`scalediff audit`: verify the audit log, and read what it says of one job, clip or model."""

import datetime as dt
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from resources.audit_log import AuditLog

app = typer.Typer(name="audit", help="The audit log of the generation line.", no_args_is_help=True)
Home = Annotated[
    Path, typer.Option("--home", help="Folder of the instance and the stores.", envvar="SCALEDIFF_HOME")
]
_HOME = Path(".scalediff")
console = Console()


@app.command()
def verify(
    home: Home = _HOME,
    head: Annotated[
        str | None, typer.Option(help="A hash noted down earlier: finds an end that was cut off.")
    ] = None,
) -> None:
    """Check every entry's hash; ends with an error at the first that was edited or is missing."""
    log = _log(home)
    count = log.verify(head=head)
    console.print(f"{count} entries, the chain is whole; newest hash: {log.head()[1]}", soft_wrap=True)


@app.command()
def show(
    subject: Annotated[str, typer.Argument(help="Id of a job, a clip or a model version.")],
    home: Home = _HOME,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List what the log says of one subject."""
    entries = list(_log(home).entries(subject=subject))
    if as_json:
        for entry in entries:
            console.print(entry.model_dump_json(), soft_wrap=True, highlight=False, markup=False)
        return
    table = Table("entry", "time (UTC)", "actor", "action", "detail", title=f"audit log: {subject}")
    for entry in entries:
        at = dt.datetime.fromtimestamp(entry.event.at_ms / 1000, dt.UTC).strftime("%Y-%m-%d %H:%M:%S")
        event = entry.event
        table.add_row(str(entry.seq), at, event.actor, event.action, json.dumps(event.detail, sort_keys=True))
    console.print(table if entries else f"the log says nothing of {subject}")


def _log(home: Path) -> "AuditLog":
    from resources.profiles import resources_for
    from scalediff_assets.home import use_home

    log: AuditLog = resources_for(use_home(home))["connections"].audit_log()
    return log
