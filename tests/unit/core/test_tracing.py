"""Spans hang together, and whoever is not traced has none."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace import get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from paylink.core.log_ids import log_ids
from paylink.core.tracing import (
    CLIENT,
    GO_ON_MAX,
    INTERNAL,
    UNTRACED,
    Ids,
    Place,
    Span,
    current_span,
    going_on,
    in_this_trace,
    is_sampled,
    new_span_id,
    new_trace_id,
    parse_traceparent,
    span,
    working_for,
)
from paylink.services.groups import Groups
from paylink.services.promise import Promise

ENDED: list[Span] = []


@pytest.fixture
def root() -> Span:
    ENDED.clear()
    return Span(Ids(new_trace_id(), new_span_id()), ENDED.append, "root", INTERNAL, {}, None)


def names() -> list[str]:
    return [one.name for one in ENDED]


HEX = "0123456789abcdef"
NEARLY = st.builds(
    "-".join,
    st.tuples(
        st.sampled_from(["00", "01", "fe", "ff", "0", "0A"]),
        st.one_of(st.text(HEX, min_size=32, max_size=32), st.just("0" * 32), st.text(HEX + "G", max_size=33)),
        st.one_of(st.text(HEX, min_size=16, max_size=16), st.just("0" * 16), st.text(HEX + "F", max_size=17)),
        st.sampled_from(["00", "01", "ff", "1", "0g", "01-", "01-x", "01x", "01\n"]),
    ),
)


@given(st.one_of(NEARLY, st.text(max_size=80)))
def test_a_traceparent_is_read_as_opentelemetry_reads_it(text: str):
    carrier = {"traceparent": text}
    theirs = get_current_span(TraceContextTextMapPropagator().extract(carrier)).get_span_context()
    ours = parse_traceparent(text)
    # They strip what stands around it; a field's value has no such thing by then.
    if text == text.strip() and "\n" not in text:
        assert ours == (Ids(theirs.trace_id, theirs.span_id) if theirs.is_valid else None)


@given(st.sampled_from(["00", "01", "cc"]), st.integers(0, 255), st.sampled_from(["", "-more"]))
def test_whether_it_is_sampled_is_read_as_opentelemetry_reads_it(version: str, flags: int, more: str):
    text = f"{version}-{'a' * 32}-{'b' * 16}-{flags:02x}{more}"
    theirs = get_current_span(TraceContextTextMapPropagator().extract({"traceparent": text})).get_span_context()
    if parse_traceparent(text) is not None:
        assert is_sampled(text) == theirs.trace_flags.sampled


def test_an_enormous_traceparent_is_read_at_once():
    """Whoever sends it has nothing of it."""
    for text in ("0" * 10_000_000, f"00-{'a' * 32}-{'b' * 16}-01" + "-" * 10_000_000, "00-" * 3_000_000):
        assert parse_traceparent(text) is None


def test_a_place_tells_where_it_is():
    place = Place(Ids(0xABC, 0xDEF), ENDED.append)
    assert place.traceparent == f"00-{'0' * 29}abc-{'0' * 13}def-01"
    assert parse_traceparent(place.traceparent) == place.ids


def test_without_a_current_span_there_is_none():
    assert current_span() is None
    with span("anything", {"a": 1}, CLIENT) as none:
        assert none is UNTRACED
        assert current_span() is None
        none.set("a", 2)
        none.link(Place(Ids(1, 2), ENDED.append))


def test_a_span_is_under_the_current_one_and_ends_with_its_block(root: Span):
    with root, span("outer") as outer, span("inner", {"a": 1}, CLIENT) as inner:
        assert current_span() is inner
    assert current_span() is None
    assert names() == ["inner", "outer", "root"]
    assert isinstance(inner, Span)
    assert isinstance(outer, Span)
    assert (inner.parent_id, outer.parent_id) == (outer.ids.span_id, root.ids.span_id)
    assert {s.ids.trace_id for s in ENDED} == {root.ids.trace_id}
    assert (inner.kind, inner.attributes) == (CLIENT, {"a": 1})
    assert all(s.ended_ns is not None and s.started_ns <= s.ended_ns for s in ENDED)


def test_what_a_block_raises_is_told_by_its_class_alone(root: Span):
    with pytest.raises(ValueError, match="secret"), root:
        raise ValueError("a secret")
    assert root.error
    assert root.attributes == {"error.type": "ValueError"}
    assert current_span() is None


def test_a_span_ends_once(root: Span):
    root.end()
    ended = root.ended_ns
    root.end()
    root.set("late", 1)
    assert names() == ["root"]
    assert root.ended_ns == ended
    assert root.attributes == {}


@pytest.mark.parametrize("step_s", [-86_400, -1, 3600])
def test_a_clock_that_is_set_meanwhile_makes_nothing_longer_or_shorter(
    root: Span, monkeypatch: pytest.MonkeyPatch, step_s: int
):
    now_ns = root.started_ns + step_s * 10**9
    monkeypatch.setattr("time.time_ns", lambda: now_ns)
    root.end()
    assert root.ended_ns is not None
    assert 0 <= root.ended_ns - root.started_ns < 10**9


def test_what_is_sent_on_its_way_goes_on_in_the_trace(root: Span):
    """Of very many the first do, so that no trace grows without an end."""
    ids = [uuid.uuid4() for _ in range(GO_ON_MAX + 5)]
    assert going_on(ids) == {}
    with root:
        assert going_on([]) == {}
        assert going_on(ids[:2]) == {ids[0]: root, ids[1]: root}
        assert list(going_on(ids)) == ids[:GO_ON_MAX]


def test_another_thread_has_no_span_unless_it_works_for_one(root: Span):
    seen = []

    def look() -> None:
        seen.append(current_span())
        with working_for(root):
            seen.append(current_span())
        seen.append(current_span())

    with root:
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        with working_for(None):
            seen.append(current_span())
    assert seen == [None, root, None, None]


def test_what_is_handed_to_another_thread_stays_in_its_trace(root: Span):
    seen = []

    def look(number: int) -> int:
        seen.append(current_span())
        return number

    assert in_this_trace(look) is look
    with root:
        handed = in_this_trace(look)
    with ThreadPoolExecutor(1) as threads:
        assert list(threads.map(handed, [1, 2])) == [1, 2]
        threads.submit(look, 3).result()
    assert seen == [root, root, None]


def test_what_goes_on_after_a_promise_stays_in_its_trace(root: Span):
    seen = []
    first: Promise[int] = Promise()

    def further(value: int) -> Promise[int]:
        seen.append(current_span())
        end: Promise[int] = Promise()
        end.keep(value)
        return end

    with root:
        end = first.go_on(further)
    thread = threading.Thread(target=first.keep, args=(7,))
    thread.start()
    thread.join()
    assert end.result(1) == 7
    assert seen == [root]


def test_the_ids_of_the_log_are_the_spans_too(root: Span):
    with root, log_ids(transaction_id="t", attempt_id=None):
        pass
    assert root.attributes == {"paylink.transaction_id": "t"}


@pytest.mark.parametrize("by_caller", [True, False])
def test_a_group_works_for_the_first_who_is_traced_and_the_others_link_to_it(root: Span, by_caller: bool):
    first, held = threading.Event(), threading.Event()
    seen = []

    def work(items, within_s):
        seen.append(current_span())
        if items == [0]:
            first.set()
            assert held.wait(5)
        return [item * item for item in items]

    groups: Groups[int, int] = Groups("squares", work, size_max=8, by_caller=by_caller)
    if by_caller:
        held.set()
    untraced = groups.submit(0, within_s=5)
    assert first.wait(5)
    other = Span(Ids(new_trace_id(), new_span_id()), ENDED.append, "other", INTERNAL, {}, None)
    with root:
        one = groups.submit(2, within_s=5)
    with other:
        two = groups.submit(3, within_s=5)
    held.set()
    assert [p.result(5) for p in (untraced, one, two)] == [0, 4, 9]
    mine, theirs = sorted((s for s in ENDED if s.name == "squares"), key=lambda s: s.ids.trace_id != root.ids.trace_id)
    assert (mine.parent_id, theirs.parent_id) == (root.ids.span_id, other.ids.span_id)
    if by_caller:
        assert seen == [None, mine, theirs]
        assert theirs.links == []
    else:
        assert seen == [None, mine]
        assert theirs.links == [mine.ids]
        assert mine.attributes == theirs.attributes == {"paylink.group.size": 2}


def test_what_a_group_cannot_do_fails_its_span(root: Span):
    def work(items, within_s):
        raise ValueError("a secret")

    groups: Groups[int, int] = Groups("squares", work, size_max=8, by_caller=True)
    with root, pytest.raises(ValueError, match="secret"):
        groups.submit(2, within_s=5).result(5)
    [failed] = [s for s in ENDED if s.name == "squares"]
    assert failed.error
    assert failed.attributes["error.type"] == "ValueError"
