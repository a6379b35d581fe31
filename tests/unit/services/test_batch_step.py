"""A step of a batch: what follows it, and what the batch is once it is done."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from paylink.core.reconciliation import Repair
from paylink.providers.port import Effect, ErrorKind, ProviderError
from paylink.services.batch_step import Asking, Step, after_step, summed
from paylink.services.questions import Askers, Questions
from paylink.store.reconciliation import Batch, Doubt

IDS = tuple(UUID(int=n) for n in range(1, 41))


def batch_of(count: int, position: int = 0) -> Batch:
    fields: dict[str, Any] = dict.fromkeys(Batch.__dataclass_fields__)
    empty = {"totals": {}, "findings": [], "doubts": {}, "changed": 0, "failed": 0, "stalls": 0, "reordered": False}
    return Batch(**fields | empty | {"transaction_ids": IDS[:count], "position": position, "repair": Repair.ALL})


def asking(ids: list[UUID]) -> Asking:
    return Asking(Questions(Askers(), lambda known: ValueError()), 0, 0, asked=ids)


@st.composite
def histories(draw: st.DrawFn) -> tuple[int, list[tuple[int, list[bool]]]]:
    """How many transactions there are, and of each step its size and which of its questions come again."""
    steps = draw(
        st.lists(st.tuples(st.integers(1, 12), st.lists(st.booleans(), min_size=12, max_size=12)), max_size=12)
    )
    return draw(st.integers(0, 40)), steps


@given(histories())
def test_whatever_comes_again_each_is_done_once_and_none_is_on_its_way_twice(
    history: tuple[int, list[tuple[int, list[bool]]]],
):
    """Steps overlap: the next one is on its way when the present one is written."""
    count, steps = history
    batch = batch_of(count)
    done: list[UUID] = []
    present = asking(list(batch.left[:8]))
    for size, again in steps:
        ahead = asking(list(present.following(batch)[:size]))
        assert not set(ahead.asked) & {*present.asked, *done}
        repeated = [i for i, comes in zip(present.asked, again, strict=False) if comes]
        batch = after_step(batch, Step(asked=present.asked, unasked=repeated))
        done += [i for i in present.asked if i not in repeated]
        assert list(batch.transaction_ids[: batch.position]) == done
        assert sorted(batch.transaction_ids) == list(IDS[:count])
        assert batch.reordered or batch.transaction_ids == IDS[:count]
        present = ahead if ahead.asked else asking(list(batch.left[:8]))


@given(histories(), st.sets(st.sampled_from(IDS)))
def test_what_is_in_doubt_comes_after_all_others_and_each_is_done_once(
    history: tuple[int, list[tuple[int, list[bool]]]], doubtful: set[UUID]
):
    """Also where the provider tells some to come again, of both kinds."""
    count, steps = history
    batch = batch_of(count)
    done: list[UUID] = []
    for size, again in steps:
        asked = list(batch.next[:size])
        first = [i for i in batch.left if i not in batch.doubts]
        assert set(asked) <= set(first or batch.left)
        assert set(asking(asked).following(batch)) == set(first or batch.left) - set(asked)
        repeated = [i for i, comes in zip(asked, again, strict=False) if comes]
        doubts = {i: Doubt(1, frozenset()) for i in asked if i in doubtful and i not in {*repeated, *batch.doubts}}
        batch = after_step(batch, Step(asked=asked, unasked=repeated, doubts=doubts))
        done += [i for i in asked if i not in {*repeated, *doubts}]
        assert list(batch.transaction_ids[: batch.position]) == done
        assert sorted(batch.transaction_ids) == list(IDS[:count])
        assert set(batch.left[len(batch.left) - len(batch.doubts) :]) == set(batch.doubts)
        assert batch.reordered or batch.transaction_ids == IDS[:count]


def test_a_step_in_which_nothing_was_done_is_a_stall():
    batch = after_step(batch_of(4), Step(asked=list(IDS[:2]), limited=list(IDS[:2])))
    assert (batch.position, batch.stalls, batch.left) == (0, 1, IDS[:4])
    batch = after_step(replace(batch, stalls=3), Step(asked=list(IDS[:2]), limited=[IDS[0]]))
    assert (batch.position, batch.stalls, batch.left) == (1, 0, (IDS[0], IDS[2], IDS[3]))
    doubts = {IDS[0]: Doubt(1, frozenset())}
    batch = after_step(replace(batch, stalls=3), Step(asked=[IDS[0]], doubts=doubts))
    assert (batch.position, batch.stalls, batch.next) == (1, 0, (IDS[2], IDS[3]))


def test_what_several_have_learned_is_added():
    failed = ProviderError(ErrorKind.UNAVAILABLE, "away", effect=Effect.NOTHING)
    step = Step(asked=list(IDS[:3]), totals={"IDR": {"n": 1, "ours": 0, "theirs": 5}}, changed=1)
    step.add(
        Step(
            limited=[IDS[1]], failed={IDS[2]: failed}, totals={"IDR": {"n": 2, "ours": 1, "theirs": 1}}, broken=[IDS[3]]
        )
    )
    assert (step.again, list(step.failed), step.changed, step.broken) == ((IDS[1],), [IDS[2]], 1, [IDS[3]])
    assert step.totals == {"IDR": {"n": 3, "ours": 1, "theirs": 6}}
    assert summed({}, {"USD": {"n": 1, "ours": 2, "theirs": 3}}) == {"USD": {"n": 1, "ours": 2, "theirs": 3}}
