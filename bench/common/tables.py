"""Verdicts as a table, for a terminal and for a page."""

from collections.abc import Iterator, Sequence

from bench.common.goals import Verdict


def text_table(verdicts: Sequence[Verdict]) -> Iterator[str]:
    yield f"{'':<52}{'must':>10}{'aim':>10}{'found':>10}{'quartiles':>16}"
    for verdict in verdicts:
        goal = verdict.goal
        found = f"{number(verdict.figure.median)} {goal.unit}"
        mark = "" if verdict.passed else "  MISSED"
        bounds = f"{bound(verdict, goal.must):>10}{_aim(verdict):>10}"
        yield f"{goal.what:<52}{bounds}{found:>10}{_quartiles(verdict):>16}{mark}"


def page_table(verdicts: Sequence[Verdict]) -> Iterator[str]:
    yield "| | must | aim | found | quartiles |"
    yield "|---|---|---|---|---|"
    for verdict in verdicts:
        goal = verdict.goal
        found = f"{number(verdict.figure.median)} {goal.unit}".strip()
        mark = found if verdict.passed else f"**{found}**, missed"
        yield f"| {goal.what} | {bound(verdict, goal.must)} | {_aim(verdict)} | {mark} | {_quartiles(verdict)} |"


def _aim(verdict: Verdict) -> str:
    return "" if verdict.goal.aim is None else bound(verdict, verdict.goal.aim)


def _quartiles(verdict: Verdict) -> str:
    return f"{number(verdict.figure.low)}-{number(verdict.figure.high)}"


def bound(verdict: Verdict, wanted: float) -> str:
    return f"{'>=' if verdict.goal.at_least else '<='} {wanted:g}"


def number(figure: float) -> str:
    """Three digits, or more left of the point."""
    return f"{figure:,.0f}" if figure >= 100 or figure == 0 else f"{figure:.3g}"
