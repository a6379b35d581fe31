"""Draws the time of a check against the size of its message."""

from pathlib import Path

from bench.crypto.cases import PYCA, STANDARD, size_name
from bench.crypto.comparison import OURS, Outcome

_LINES = {
    STANDARD: ("hmac.digest + compare_digest", "#d95f02", "s"),
    PYCA: ("cryptography, HMAC.copy()", "#7570b3", "^"),
    OURS: ("paycrypto, key.verify", "#1b9e77", "o"),
}
_TICKS = [64 * 4**step for step in range(8)]


def draw(outcomes: list[Outcome], caption: str, file: Path) -> None:
    """Write a PNG of those outcomes that have a message size. Needs matplotlib, from the dependency group `bench`."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    sized = {o.comparison.message_bytes: o for o in outcomes if o.comparison.message_bytes is not None}
    sizes = sorted(sized)
    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    for name, (label, colour, marker) in _LINES.items():
        times = [sized[size].time_ns(name).median / 1e3 for size in sizes]
        axes.plot(sizes, times, color=colour, marker=marker, markersize=4.5, linewidth=1.6, label=label)
    floors = [sized[size].floor_ns() / 1e3 for size in sizes]
    axes.plot(sizes, floors, color="black", linestyle="--", linewidth=1.2, label="the SHA-256 blocks alone")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(_TICKS, [size_name(size) for size in _TICKS])
    axes.set_yticks([0.1, 1, 10, 100, 1000], ["100 ns", "1 µs", "10 µs", "100 µs", "1 ms"])
    axes.set_xlabel("message")
    axes.set_ylabel("time of one check, called from Python")
    axes.set_title("HMAC-SHA256 verification")
    axes.grid(which="major", alpha=0.3)
    axes.legend(frameon=False)
    figure.supxlabel(caption, fontsize=7, color="0.35")
    figure.savefig(file, dpi=130)
    plt.close(figure)
