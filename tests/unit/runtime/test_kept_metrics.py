"""What processes count: added up over all of them, kept over their deaths, bounded."""

import random
import subprocess
import sys
import tempfile
import threading
import timeit
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paylink.core.metrics import EVENT_WAIT, FUNCTION_DURATION, METRICS, OF_PROCESSES, PROBLEMS
from paylink.runtime import kept_metrics
from paylink.runtime.kept_metrics import FILE_BYTES, KeptMetrics, read_kept

LABELS = st.text(max_size=20)


def problems(folder: Path, *labels: str) -> float:
    return read_kept(folder)[PROBLEMS, labels][0]


def test_a_value_falls_into_the_first_bucket_whose_bound_it_does_not_exceed(tmp_path):
    metrics = KeptMetrics(tmp_path, "gateway")
    for value in (0.0, EVENT_WAIT.bounds[0], EVENT_WAIT.bounds[0] * 1.01, EVENT_WAIT.bounds[-1] + 1):
        metrics.observe(EVENT_WAIT, value, "one")
    *buckets, total = read_kept(tmp_path)[EVENT_WAIT, ("one",)]
    assert buckets[:2] == [2, 1]
    assert buckets[-1] == 1
    assert sum(buckets) == 4
    assert total == pytest.approx(EVENT_WAIT.bounds[0] * 2.01 + EVENT_WAIT.bounds[-1] + 1)


def test_living_processes_have_a_file_each_and_are_added_up(tmp_path):
    held = [KeptMetrics(tmp_path, process) for process in ("gateway", "gateway", "worker")]
    for metrics in held:
        metrics.count(PROBLEMS, "metrics", "forbidden")
    assert problems(tmp_path, "metrics", "forbidden") == 3
    names = sorted(file.name for file in tmp_path.iterdir())
    assert names == ["gateway-0.metrics", "gateway-1.metrics", "worker-0.metrics"]


def test_who_starts_after_another_has_ended_counts_on_in_its_file(tmp_path):
    for number in range(1, 6):
        metrics = KeptMetrics(tmp_path, "gateway")
        metrics.count(PROBLEMS, "metrics", "forbidden")
        assert problems(tmp_path, "metrics", "forbidden") == number
        metrics.close()
    assert len(list(tmp_path.iterdir())) == 1


COUNTS_UNTIL_KILLED = """
import signal, sys
from pathlib import Path
from paylink.core.metrics import PROBLEMS
from paylink.runtime.kept_metrics import KeptMetrics
metrics = KeptMetrics(Path(sys.argv[1]), "gateway")
for _ in range(1000):
    metrics.count(PROBLEMS, "metrics", "forbidden")
print("done", flush=True)
signal.pause()
"""


def test_nothing_is_lost_when_a_process_is_killed(tmp_path):
    for number in (1, 2):
        command = [sys.executable, "-c", COUNTS_UNTIL_KILLED, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "done\n"
            process.kill()
        assert problems(tmp_path, "metrics", "forbidden") == 1000 * number
    assert len(list(tmp_path.iterdir())) == 1


def test_threads_lose_nothing(tmp_path):
    metrics = KeptMetrics(tmp_path, "gateway")

    def work() -> None:
        for number in range(5000):
            metrics.count(PROBLEMS, "metrics", str(number % 3))
            metrics.observe(FUNCTION_DURATION, 0.5, "metrics", "ok")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(problems(tmp_path, "metrics", str(n)) for n in range(3)) == 20_000
    *buckets, total = read_kept(tmp_path)[FUNCTION_DURATION, ("metrics", "ok")]
    assert (sum(buckets), total) == (20_000, 10_000)


@given(st.lists(st.tuples(st.sampled_from(OF_PROCESSES), st.tuples(LABELS, LABELS, LABELS), st.floats(0, 1e6))))
def test_whatever_the_labels_what_is_read_is_what_was_counted(counted):
    with tempfile.TemporaryDirectory() as name:
        folder, expected = Path(name), {}
        held = [KeptMetrics(folder, "gateway"), KeptMetrics(folder, "gateway")]
        for number, (metric, labels, value) in enumerate(counted):
            labels = labels[: len(metric.labels)]
            known, total = expected.get((metric, labels), (0, 0.0))
            if metric.kind == "counter":
                held[number % 2].count(metric, *labels)
            else:
                held[number % 2].observe(metric, value, *labels)
            expected[metric, labels] = (known + 1, total + value)
        kept = read_kept(folder)
        for metrics in held:
            metrics.close()
    assert kept.keys() == expected.keys()
    for (metric, labels), values in kept.items():
        known, total = expected[metric, labels]
        if metric.kind == "counter":
            assert values == [known]
        else:
            assert sum(values[:-1]) == known
            assert values[-1] == pytest.approx(total)


def test_a_full_file_drops_what_is_new_counts_what_is_known_and_tells_it_once(tmp_path, caplog):
    metrics = KeptMetrics(tmp_path, "gateway")
    metrics.count(PROBLEMS, "metrics", "known")
    for number in range(5000):
        metrics.observe(FUNCTION_DURATION, 1.0, f"function-{number}", "ok")
    metrics.count(PROBLEMS, "metrics", "known")
    kept = read_kept(tmp_path)
    assert kept[PROBLEMS, ("metrics", "known")] == [2]
    assert 2000 < len(kept) < 5000
    assert [file.stat().st_size for file in tmp_path.iterdir()] == [FILE_BYTES]
    assert [record.getMessage() for record in caplog.records] == ["there is no room for more metrics"]


@given(st.binary(max_size=200), st.integers(0, 4000), st.booleans())
def test_a_broken_file_begins_anew_and_stops_nobody(garbage, at, cut):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        metrics = KeptMetrics(folder, "gateway")
        for number in range(20):
            metrics.observe(FUNCTION_DURATION, 0.1, f"function-{number}", "ok")
        metrics.close()
        [file] = folder.iterdir()
        raw = bytearray(file.read_bytes())
        raw[at : at + len(garbage)] = garbage
        file.write_bytes(raw[:at] if cut else raw[:FILE_BYTES])
        read_kept(folder)
        again = KeptMetrics(folder, "gateway")
        again.count(PROBLEMS, "metrics", "forbidden")
        assert problems(folder, "metrics", "forbidden") >= 1
        again.close()


def test_a_file_of_another_version_of_the_list_begins_anew(tmp_path, monkeypatch):
    KeptMetrics(tmp_path, "gateway").count(PROBLEMS, "metrics", "forbidden")
    (tmp_path / "gateway-0.metrics").rename(tmp_path / "gateway-1.metrics")
    monkeypatch.setattr(kept_metrics, "_LIST", random.randbytes(16))
    assert read_kept(tmp_path) == {}


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path):
    with pytest.raises(OSError, match="nowhere"):
        KeptMetrics(tmp_path / "nowhere", "gateway")


def test_an_observation_costs_microseconds(tmp_path):
    """A bound that only a mistake exceeds, such as a system call for each; the measured figure is in the document."""
    metrics = KeptMetrics(tmp_path, "gateway")
    best = min(timeit.repeat(lambda: metrics.observe(FUNCTION_DURATION, 0.1, "f", "ok"), number=2000, repeat=5))
    assert best / 2000 < 50e-6


def test_the_list_has_each_name_once_and_bounds_for_histograms_alone():
    names = [metric.name for metric in METRICS]
    assert len(set(names)) == len(names)
    assert all((metric.kind == "histogram") == bool(metric.bounds) for metric in METRICS)
