"""A scheduled run that fails is told here, redacted: Lambda's own log repeats what an exception says."""

import traceback

import pytest

from paylink.runtime.http import http_function
from paylink.runtime.schedules import RunFailed, run_logged, run_scheduled


def fail() -> dict[str, object]:
    raise ValueError("of budi@example.com")


def _of_a_function():
    return lambda _, context: run_scheduled(fail, context)


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
    assert run_scheduled(lambda: {"queued": 3}, None) == {"queued": 3}
