"""Our own refunds: never more than was captured, nothing reserved for ever, in whatever order things become known."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paylink.core.refunds import LIVE, Listed, RefundState, Standing, after_answer, after_figures, rest

CAPTURED = 100
PENDING, SUCCEEDED, FAILED = RefundState.PENDING, RefundState.SUCCEEDED, RefundState.FAILED
TOLD = (PENDING, SUCCEEDED, FAILED)


@pytest.mark.parametrize("state", sorted(LIVE))
def test_what_may_move_money_is_reserved_until_the_sum_holds_it(state: RefundState):
    assert Standing(40, state).reserved == 40
    assert Standing(40, state, counted=True).reserved == 0


@pytest.mark.parametrize("state", [RefundState.FAILED, RefundState.NOT_SENT])
def test_what_moves_none_is_given_back(state: RefundState):
    standing = Standing(40, state)
    assert (standing.reserved, standing.settled) == (0, True)


def test_a_success_is_settled_once_the_sum_holds_it():
    assert not Standing(40, SUCCEEDED).settled
    assert Standing(40, SUCCEEDED, counted=True).settled


def test_a_late_pending_undoes_no_end():
    for end in (SUCCEEDED, FAILED):
        assert after_answer(Standing(40, end), PENDING).state is end


def test_a_bank_may_send_back_what_had_succeeded():
    standing = after_figures(Standing(40, SUCCEEDED, counted=True), Listed(FAILED, counted=False))
    assert (standing.state, standing.reserved) == (FAILED, 0)


def test_a_sum_that_does_not_show_it_any_more_reserves_it_again():
    assert after_figures(Standing(40, SUCCEEDED, counted=True), None).reserved == 40


def test_what_others_gave_back_leaves_less_and_never_less_than_nothing():
    assert rest(100, 30, 20) == 50
    assert rest(100, 90, 20) == 0


@dataclass
class Made:
    """A refund at the provider. None: not there (yet)."""

    amount: int
    state: RefundState | None = None


@dataclass
class Figures:
    """What a status shows: the sum, and what it is made of."""

    total: int
    listed: dict[int, Listed]


@dataclass
class World:
    """A provider, who carries requests out late, twice or never, and our books beside it."""

    counts_pending: bool
    made: list[Made] = field(default_factory=list)
    by_others: int = 0
    statuses: list[Figures] = field(default_factory=lambda: [Figures(0, {})])
    shown: int = 0
    """The newest status that we have heard; a provider's status may lag, but goes forward."""
    ours: list[Standing] = field(default_factory=list)
    refunded: int = 0
    surprised: bool = False
    """The provider has carried out what it had refused, or lists again what had failed: a person is told."""

    @property
    def reserved(self) -> int:
        return sum(standing.reserved for standing in self.ours)

    @property
    def room(self) -> int:
        return CAPTURED - self.by_others - sum(m.amount for m in self.made if m.state in (PENDING, SUCCEEDED))

    # The provider

    def carry_out(self, number: int, state: RefundState) -> None:
        """The same request again does nothing more."""
        refund = self.made[number]
        if refund.state is None:
            refund.state = state if refund.amount <= self.room else FAILED
            self._changed()

    def end(self, number: int, state: RefundState) -> None:
        if self.made[number].state is PENDING or (self.made[number].state is SUCCEEDED and state is FAILED):
            self.made[number].state = state
            self._changed()

    def refund_by_hand(self, amount: int) -> None:
        if amount <= self.room:
            self.by_others += amount
            self._changed()

    def _changed(self) -> None:
        held = (PENDING, SUCCEEDED) if self.counts_pending else (SUCCEEDED,)
        listed = {n: Listed(m.state, m.state in held) for n, m in enumerate(self.made) if m.state is not None}
        total = self.by_others + sum(m.amount for m in self.made if m.state in held)
        self.statuses.append(Figures(total, listed))

    # Us

    def ask(self, amount: int) -> None:
        if amount <= rest(CAPTURED, self.refunded, self.reserved):
            self.made.append(Made(amount))
            self.ours.append(Standing(amount, RefundState.REQUESTED))

    def hear_answer(self, number: int) -> None:
        state = self.made[number].state
        if state is not None:
            self._learn(number, after_answer(self.ours[number], state))

    def hear_nothing(self, number: int) -> None:
        if self.ours[number].state is RefundState.REQUESTED:
            self.ours[number] = Standing(self.ours[number].amount, RefundState.UNKNOWN)

    def pull(self, lag: int, complete: bool) -> None:
        """Hear a status: one that lags, and maybe one that does not tell what its sum is made of."""
        self.shown = max(self.shown, len(self.statuses) - 1 - lag)
        figures = self.statuses[self.shown]
        self.refunded = figures.total
        for number, standing in enumerate(self.ours):
            listed = figures.listed.get(number) if complete else None
            self._learn(number, after_figures(standing, listed))

    def _learn(self, number: int, standing: Standing) -> None:
        self.surprised |= self.ours[number].state not in LIVE and standing.state in LIVE
        self.ours[number] = standing

    def settle(self) -> None:
        """Let everything come to an end, and hear it."""
        for number, refund in enumerate(self.made):
            self.carry_out(number, SUCCEEDED)
            self.end(number, SUCCEEDED)
            assert refund.state is not None
            self.hear_answer(number)
        self.pull(0, complete=True)


AMOUNTS = st.integers(1, CAPTURED)
NUMBERS = st.integers(0, 9)
STEPS = st.one_of(
    st.tuples(st.just("ask"), AMOUNTS),
    st.tuples(st.just("refund_by_hand"), AMOUNTS),
    st.tuples(st.just("carry_out"), NUMBERS, st.sampled_from([PENDING, SUCCEEDED])),
    st.tuples(st.just("end"), NUMBERS, st.sampled_from([SUCCEEDED, FAILED])),
    st.tuples(st.just("hear_answer"), NUMBERS),
    st.tuples(st.just("hear_nothing"), NUMBERS),
    st.tuples(st.just("pull"), st.integers(0, 4), st.booleans()),
)


@settings(max_examples=1000)
@given(st.booleans(), st.lists(STEPS, max_size=40))
def test_our_requests_never_exceed_what_was_captured_and_nothing_stays_reserved(
    counts_pending: bool, steps: list[tuple[object, ...]]
):
    world = World(counts_pending)
    for name, *arguments in steps:
        if name in ("carry_out", "end", "hear_answer", "hear_nothing") and arguments[0] >= len(world.made):
            continue
        getattr(world, str(name))(*arguments)
        live = sum(standing.amount for standing in world.ours if standing.state in LIVE)
        assert live <= CAPTURED or world.surprised
        assert world.refunded <= CAPTURED
    world.settle()
    assert world.reserved == 0
    assert all(standing.settled for standing in world.ours)
    assert world.refunded == world.statuses[-1].total
    for refund, standing in zip(world.made, world.ours, strict=True):
        assert refund.state is standing.state
