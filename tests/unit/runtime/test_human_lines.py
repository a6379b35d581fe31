"""A line of the log as a person reads it."""

import json
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paylink.core.log_ids import LOG_IDS
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


@given(
    st.sampled_from(["exception", "stack"]), st.text() | st.just("a\x1b[2J\r\x85\u2028b\n22:40:03.931 ERROR   other")
)
def test_a_traceback_neither(name: str, text: str):
    """Each of its lines is indented, so that none begins as a line of the log."""
    first, *rest = write_line({**ALERT, name: text}, HUMAN).split("\n")
    assert first == human_line(ALERT)
    assert all(line.isprintable() and line.startswith("    ") for line in rest)


@given(st.dictionaries(st.text(), st.none() | st.integers() | st.lists(st.text())))
def test_a_line_of_json_is_one_line(fields: dict[str, object]):
    line = write_line(fields, JSON)
    assert "\n" not in line
    json.loads(line)


@given(st.uuids(), st.sampled_from(LOG_IDS))
def test_an_id_of_ours_is_never_changed_in_json(uuid: UUID, name: str):
    """Whatever its digits."""
    for text in (str(uuid), str(UUID(int=int(str(uuid.int)[:32], 16))), uuid.hex, f"evt_{uuid.hex}"):
        assert json.loads(write_line({name: text}, JSON)) == {name: text}


@pytest.mark.parametrize("name", ["event_id", "request_id"])
@pytest.mark.parametrize(
    "mark", ["budi@example.com", "4811111111111114", "plm_abcdefghijkl_ABCDEFGHijklmnop", "sk_live_1"]
)
def test_an_id_that_others_chose_is_redacted_and_bounded(name: str, mark: str):
    """An order's reference may be anything, and so may a request's id."""
    for form in (JSON, HUMAN):
        line = write_line({name: f"{mark}:settlement"}, form)
        assert mark not in line
        assert mark[-8:] not in line
        assert len(write_line({name: "x" * 10_000}, form)) < 2_200


@pytest.mark.parametrize(("given_form", "form"), [("human", HUMAN), ("json", JSON), ("", JSON), ("odd", JSON)])
def test_the_form_is_that_of_the_settings_and_json_where_nobody_looks(given_form: str, form: str):
    assert log_format({"PAYLINK_LOG_FORMAT": given_form}) == form


def test_on_a_terminal_it_is_for_people(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert log_format({}) == HUMAN
    assert log_format({"PAYLINK_LOG_FORMAT": "json"}) == JSON
