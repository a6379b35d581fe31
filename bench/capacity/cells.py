"""Tables in Markdown, with a column for each load."""

from collections.abc import Callable, Iterable, Iterator

from bench.capacity.inputs import LOADS, Load
from bench.common.tables import number


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    heads = list(heads)
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    yield from (f"| {' | '.join(row)} |" for row in rows)


def by_load(what: str, rows: dict[str, Callable[[Load], str]]) -> Iterator[str]:
    heads = [what, *(f"{load.peak_per_s:,} /s" for load in LOADS)]
    return table(heads, ([name, *(cell(load) for load in LOADS)] for name, cell in rows.items()))


def ms(seconds: float) -> str:
    return f"{number(1e3 * seconds)} ms"
