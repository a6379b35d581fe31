"""A scheduled run is traced like a request. One that fails is told here, redacted: Lambda's own log repeats it."""

import traceback

import pytest

from paylink.runtime.http import http_function
from paylink.runtime.schedules import RunFailed, run_logged, run_scheduled
from paylink.runtime.trace_export import SpanExporter
from paylink.runtime.tracer import Tracer
from paylink.runtime.traces import use_tracer
from support.collector import Collector


def fail() -> dict[str, object]:
    raise ValueError("of budi@example.com")


def _of_a_function():
    return lambda _, context: run_scheduled("relay_events", fail, context)


def _of_an_app():
    app = http_function("start_reconciliation")
    app.on_schedule(fail)
    return app


@pytest.mark.parametrize("make", [_of_a_function, _of_an_app])
def test_it_fails_without_a_word_of_why(make, caplog: pytest.LogCaptureFixture):
    """The invocation must count as failed; the reason is in our line alone."""
    with pytest.raises(RunFailed) as failed:
        make()({"schedule": "x"}, None)
    assert "budi" not in "".join(traceback.format_exception(failed.value))
    [line] = caplog.records
    assert line.getMessage() == "a scheduled run failed"
    assert line.exc_info is not None
    assert isinstance(line.exc_info[1], ValueError)


def test_another_run_is_told_of_in_its_own_words(caplog: pytest.LogCaptureFixture):
    with pytest.raises(RunFailed):
        run_logged(fail, None, "a migration failed")
    assert [line.getMessage() for line in caplog.records] == ["a migration failed"]


def test_it_answers_what_the_run_gives():
    assert run_scheduled("relay_events", lambda: {"queued": 3}, None) == {"queued": 3}


def _by_name(name: str):
    return lambda: run_scheduled(name, lambda: {"queued": 3}, None)


def _by_app(name: str):
    app = http_function(name)
    app.on_schedule(lambda: {"queued": 3})
    return lambda: app({"schedule": "x"}, None)


@pytest.mark.parametrize("make", [_by_name, _by_app])
def test_a_run_that_is_sampled_is_the_root_of_a_trace(make, exporter: SpanExporter, collector: Collector):
    assert make("resolve_unknown")() == {"queued": 3}
    exporter.flush(5)
    [span] = collector.spans
    assert (span.name, span.kind, span.parent_id) == ("resolve_unknown", "server", "")
    assert span.attributes == {"faas.trigger": "timer"}
    assert not span.failed


@pytest.mark.parametrize("make", [_by_name, _by_app])
def test_a_run_is_sampled_by_the_ratio_of_requests(make, exporter: SpanExporter, collector: Collector):
    use_tracer(Tracer(0.5, exporter))
    run = make("resolve_unknown")
    for _ in range(400):
        run()
    exporter.flush(5)
    # Six standard deviations around 200.
    assert 140 < len(collector.spans) < 260


@pytest.mark.parametrize("make", [_of_a_function, _of_an_app])
def test_a_run_that_fails_is_told_by_what_it_raised_and_its_line_by_its_trace(
    make, exporter: SpanExporter, collector: Collector, caplog: pytest.LogCaptureFixture
):
    with pytest.raises(RunFailed):
        make()({"schedule": "x"}, None)
    exporter.flush(5)
    [span] = collector.spans
    assert span.failed
    assert span.attributes == {"faas.trigger": "timer", "error.type": "ValueError"}
    [line] = caplog.records
    assert vars(line)["trace_id"] == span.trace_id


def test_on_lambda_a_runs_spans_are_taken_before_it_ends(
    exporter: SpanExporter, collector: Collector, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")
    run_scheduled("relay_events", lambda: None, None)
    assert len(collector.spans) == 1
