"""Draws what was measured: rates run by run, latencies, and the burst second by second."""

from pathlib import Path
from typing import Any

from bench.intake.report import Report

_RATES = {
    "bare": ("bare", "#d95f02", "s"),
    "intake": ("PayLink, intake alone", "#1b9e77", "o"),
    "pipeline": ("PayLink, whole pipeline", "#7570b3", "^"),
}
_CURVES = {
    "intake": ("intake, at half of its peak", "#1b9e77"),
    "delay": ("accepted to applied, at half of the steady rate", "#7570b3"),
}
_BURST = {"burst accepted": ("accepted", "#1b9e77"), "burst applied": ("applied", "#7570b3")}
_TICKS = {50.0: "50 %", 90.0: "90 %", 99.0: "99 %", 99.9: "99.9 %"}


def draw(report: Report, file: Path) -> None:
    """Write a PNG of the rows that were measured. Needs matplotlib, from the dependency group `bench`."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (rates, latencies, burst) = plt.subplots(1, 3, figsize=(14, 4.2), layout="constrained")
    _draw_rates(rates, report.lab.series)
    _draw_latencies(latencies, report.lab.curves)
    _draw_burst(burst, report.lab.series)
    for axes in (rates, latencies, burst):
        axes.grid(which="major", alpha=0.3)
        if axes.has_data():
            axes.legend(frameon=False, fontsize=8)
    figure.supxlabel(f"{report.machine['cpu']}, load generator included", fontsize=7, color="0.35")
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=110)
    plt.close(figure)


def _draw_rates(axes: Any, series: dict[str, list[float]]) -> None:
    for name, (label, colour, marker) in _RATES.items():
        if values := series.get(name):
            axes.plot(range(1, len(values) + 1), values, color=colour, marker=marker, markersize=4.5, label=label)
    axes.set_title("Throughput")
    axes.set_xlabel("alternation")
    axes.set_ylabel("events per second")
    axes.set_ylim(bottom=0)


def _draw_latencies(axes: Any, curves: dict[str, dict[float, float]]) -> None:
    """Share of the events on an axis that gives each nine the same room."""
    for name, (label, colour) in _CURVES.items():
        if curve := curves.get(name):
            points = [(1 / (1 - percent / 100), ms) for percent, ms in sorted(curve.items()) if percent < 100]
            axes.plot(*zip(*points, strict=True), color=colour, label=label)
    axes.set_title("Latency")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks([1 / (1 - percent / 100) for percent in _TICKS], list(_TICKS.values()))
    axes.set_xlabel("share of the events")
    axes.set_ylabel("at most so many ms")


def _draw_burst(axes: Any, series: dict[str, list[float]]) -> None:
    for name, (label, colour) in _BURST.items():
        if values := series.get(name):
            axes.plot(range(len(values)), values, color=colour, label=label)
    axes.set_title("A burst at peak")
    axes.set_xlabel("seconds")
    axes.set_ylabel("events per second")
    axes.set_ylim(bottom=0)
