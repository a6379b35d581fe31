"""A line of the log as a person reads it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paylink.runtime.human_lines import human_line
from paylink.runtime.log_lines import HUMAN, JSON, log_format, write_line

ALERT = {
    "level": "ERROR",
    "location": "alert:88",
    "message": "alert",
    "timestamp": "2026-11-23T22:40:03.931+00:00",
    "service": "paylink",
    "alert": "dead_event",
    "event_row_id": "01a20564-940f-775f-8226-6655642a6623",
    "reason": "",
    "messages": 3,
}


def test_time_level_message_then_what_else_is_known():
    """Ids by their end, for they begin with their time; what is empty, or says where in the code, is left out."""
    assert human_line(ALERT) == "22:40:03.931 ERROR   alert  alert=dead_event event_row_id=…642a6623 messages=3"


def test_a_traceback_follows_indented():
    line = human_line({**ALERT, "exception": "Traceback (most recent call last):\n  File x\nValueError: y\n"})
    first, *rest = line.split("\n")
    assert first == human_line(ALERT)
    assert rest == ["    Traceback (most recent call last):", "      File x", "    ValueError: y"]


@given(st.dictionaries(st.sampled_from(["message", "route", "request_id", "level", "timestamp"]), st.text()))
def test_no_text_from_outside_looks_like_another_line_or_moves_the_cursor(fields: dict[str, str]):
    line = write_line(fields, HUMAN)
    assert line.isprintable()


@given(st.dictionaries(st.text(), st.none() | st.integers() | st.lists(st.text())))
def test_a_line_of_json_is_one_line(fields: dict[str, object]):
    line = write_line(fields, JSON)
    assert "\n" not in line
    json.loads(line)


def test_an_id_is_never_changed_in_json():
    """Not even one that looks like a card number."""
    assert json.loads(write_line({"event_id": "4811111111111114"}, JSON)) == {"event_id": "4811111111111114"}


@pytest.mark.parametrize(("given_form", "form"), [("human", HUMAN), ("json", JSON), ("", JSON), ("odd", JSON)])
def test_the_form_is_that_of_the_settings_and_json_where_nobody_looks(given_form: str, form: str):
    assert log_format({"PAYLINK_LOG_FORMAT": given_form}) == form


def test_on_a_terminal_it_is_for_people(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert log_format({}) == HUMAN
    assert log_format({"PAYLINK_LOG_FORMAT": "json"}) == JSON
