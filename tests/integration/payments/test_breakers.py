"""The circuit breakers as Redis keeps them, and what checkout makes of them."""

import random
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from paylink.core import breaker
from paylink.core.breaker import CLOSED, HALF_OPEN, OPEN, BreakerRules, BreakerState
from paylink.core.errors import StorageUnavailable
from paylink.core.secret import Secret
from paylink.edge.breakers import _STEP, Breakers
from paylink.edge.shared_redis import SharedRedis
from paylink.services import checkout_begin
from support.stack import Stack

QUICK = BreakerRules(window_ms=60_000, failures_min=3, open_ms=500, open_max_ms=2_000, probe_ms=5_000)
CLOCK = "local clock = redis.call('TIME')\nlocal now = clock[1] * 1000 + math.floor(clock[2] / 1000)\n"


def breakers(url: str, rules: BreakerRules = QUICK) -> Breakers:
    return Breakers(SharedRedis(Secret(url)), rules)


def fail(made: Breakers, account_id: uuid.UUID, times: int) -> None:
    for _ in range(times):
        made.report(account_id, made.admit(account_id), worked=False)


def test_redis_goes_every_step_as_the_pure_breaker_does(services: dict[str, str]):
    """The script with a clock that the test sets, beside `core/breaker.py`, at random times around every limit."""
    assert CLOCK in _STEP
    link = SharedRedis(Secret(services["PAYLINK_REDIS_URL"])).link
    script = _STEP.replace(CLOCK, "local now = tonumber(ARGV[10])\n")
    limits = [QUICK.window_ms, QUICK.failures_min, QUICK.failures_percent]
    times = [QUICK.open_ms, QUICK.open_max_ms, QUICK.probe_ms, 60_000]
    seed = random.randrange(2**32)
    print("seed", seed)
    chance, key, state, now_ms, probe = random.Random(seed), f"breaker:{uuid.uuid4()}", BreakerState(), 10**12, 0
    seen: Counter[str] = Counter()
    for _ in range(4_000):
        to_limit = max(state.open_until, state.probe_until) - now_ms
        now_ms += chance.choice([0, 1, 30, max(0, to_limit), max(0, to_limit - 1), chance.choice([0, 200_000])])
        action = chance.choice(["admit", "admit", "worked", "failed", "failed", "release"])
        number = chance.randrange(4) if action == "admit" else chance.choice([0, probe])
        wait_ms, got = link.run_script(script, [key], [action, number, *limits, *times, now_ms])
        match action:
            case "admit":
                state, permit = breaker.admit(state, now_ms, QUICK, worked=number)
                assert (wait_ms, got) == permit
                probe = permit.probe or probe
            case "release":
                state = breaker.release(state, probe=number)
            case outcome:
                state = breaker.report(state, now_ms, QUICK, probe=number, worked=outcome == "worked")
        stored = iter(link.run("HGETALL", key))
        assert {name.decode(): int(value) for name, value in zip(stored, stored, strict=True)} == vars(state)
        seen[f"{action} {state.name(now_ms)}"] += 1
    assert len(seen) == 12, seen


def test_all_processes_learn_of_an_opening_at_once(services: dict[str, str]):
    account_id, other = uuid.uuid4(), uuid.uuid4()
    one, two = (breakers(services["PAYLINK_REDIS_URL"]) for _ in range(2))
    fail(one, account_id, 2)
    fail(two, account_id, 1)
    assert one.states([account_id, other]) == two.states([account_id, other]) == [OPEN, CLOSED]
    assert two.admit(account_id).wait_ms > 0
    assert two.admit(other).wait_ms == 0


def test_of_many_at_once_one_is_the_probe(services: dict[str, str]):
    made, account_id = breakers(services["PAYLINK_REDIS_URL"]), uuid.uuid4()
    fail(made, account_id, 3)
    time.sleep(0.55)
    assert made.states([account_id]) == [HALF_OPEN]
    with ThreadPoolExecutor(16) as threads:
        permits = list(threads.map(made.admit, [account_id] * 64))
    [probe] = [permit for permit in permits if permit.wait_ms == 0]
    made.report(account_id, probe, worked=True)
    assert made.states([account_id]) == [CLOSED]


def test_successes_count_though_they_are_told_late(services: dict[str, str]):
    """Half of the calls must fail: three of twenty are no outage."""
    made, account_id = breakers(services["PAYLINK_REDIS_URL"]), uuid.uuid4()
    for _ in range(17):
        made.report(account_id, made.admit(account_id), worked=True)
    fail(made, account_id, 3)
    assert made.states([account_id]) == [CLOSED]


def test_without_redis_each_process_has_its_own():
    one, two = (breakers("unix:///nowhere.sock") for _ in range(2))
    account_id = uuid.uuid4()
    fail(one, account_id, 3)
    assert (one.states([account_id]), two.states([account_id])) == ([OPEN], [CLOSED])
    assert one.admit(account_id).wait_ms > 0
    time.sleep(0.55)
    probe = one.admit(account_id)
    assert probe.wait_ms == 0
    one.report(account_id, probe, worked=True)
    assert one.states([account_id]) == [CLOSED]


# What checkout makes of them


def opens_soon(stack: Stack, **rules: Any) -> None:
    """A checkout whose breakers open at the second failure."""
    vars(stack.deps).pop("checkout", None)
    vars(stack.deps)["breakers"] = Breakers(stack.deps.shared_redis, BreakerRules(failures_min=2, **rules))


def test_a_provider_that_answers_errors_is_not_called_any_more(stack: Stack):
    """503 with the time to wait, and nothing is created or stored; the same key is free."""
    opens_soon(stack)
    stack.fault("api_error_before", match="POST")
    assert [stack.checkout().status for _ in range(2)] == [202, 202]
    answer = stack.checkout("k")
    assert (answer.status, answer.problem) == (503, "provider-unreachable")
    assert 1 <= int(answer.headers["Retry-After"]) <= 5
    assert stack.rows("select count(*) as n from transactions")[0]["n"] == 2
    assert stack.rows("select count(*) as n from idempotency_keys")[0]["n"] == 2
    assert stack.ledger()["pages"] == []


def test_a_probe_brings_it_back(stack: Stack):
    opens_soon(stack, open_ms=1_500)
    stack.fault("api_error_before", match="POST", count=2)
    assert [stack.checkout().status for _ in range(3)] == [202, 202, 503]
    time.sleep(1.55)
    assert [stack.checkout().status for _ in range(3)] == [201, 201, 201]


def test_refusals_of_orders_never_open_it(stack: Stack):
    opens_soon(stack)
    assert {stack.checkout(amount=1, currency="USD").status for _ in range(6)} == {422}
    stack.fault("api_rate_limit", match="POST", count=4)
    assert {stack.checkout().status for _ in range(4)} == {503}
    assert stack.checkout().status == 201


def test_an_answer_that_is_there_is_given_while_it_is_open(stack: Stack):
    """And who sends another request with the key learns that, whatever the provider does."""
    opens_soon(stack)
    first = stack.checkout("k")
    stack.fault("api_error_before", match="POST")
    assert [stack.checkout().status for _ in range(3)] == [202, 202, 503]
    stack.forget("answer")
    again = stack.checkout("k")
    assert (again.status, again.body) == (201, first.body)
    stack.forget("answer")
    assert stack.checkout("k", amount=150_001).status == 422


def test_a_takeover_waits_for_the_breaker_too(stack: Stack):
    """What may have been made is looked up when the provider answers again; until then it is not known."""
    opens_soon(stack, open_ms=1_500)
    stack.fault("api_error_after", match="POST", count=1)
    assert stack.checkout("k").status == 202
    stack.fault("api_error_before", match="POST")
    assert stack.checkout().status == 202
    assert stack.checkout("k").status == 202
    stack.fault_off("api_error_before")
    time.sleep(1.55)
    answer = stack.checkout("k")
    assert (answer.status, [p["url"] for p in stack.ledger()["pages"]]) == (201, [answer.body["checkout_url"]])


def test_a_replay_does_not_use_up_the_probe(stack: Stack):
    opens_soon(stack, open_ms=100)
    first = stack.checkout("k")
    stack.fault("api_error_before", match="POST", count=2)
    assert [stack.checkout().status for _ in range(2)] == [202, 202]
    time.sleep(0.12)
    for _ in range(3):
        stack.forget("answer")
        assert stack.checkout("k").body == first.body
    assert stack.checkout().status == 201


def test_a_checkout_that_cannot_be_stored_does_not_use_up_the_probe(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    """Neither its first attempt nor a later one."""
    opens_soon(stack, open_ms=100)
    stack.fault("api_rate_limit", match="POST", count=1)
    assert stack.checkout("k").status == 503
    stack.fault("api_error_before", match="POST", count=2)
    assert [stack.checkout().status for _ in range(2)] == [202, 202]
    time.sleep(0.12)

    def gone(*_: Any, **__: Any) -> Any:
        raise StorageUnavailable(retry_after_s=2)

    for key, step in (("k", "insert_attempts"), ("another", "begin_checkout")):
        with monkeypatch.context() as patch:
            patch.setattr(checkout_begin, step, gone)
            assert stack.checkout(key).status == 503
    stack.free_the_lease()
    assert [stack.checkout("k").status, stack.checkout("another").status] == [201, 201]


@pytest.mark.parametrize("answer", [201, 503])
def test_operators_see_which_accounts_are_cut_off(stack: Stack, answer: int):
    opens_soon(stack)
    if answer == 503:
        stack.fault("api_error_before", match="POST")
        assert [stack.checkout().status for _ in range(3)] == [202, 202, 503]
    page = stack.operator("GET", "/metrics").body
    state = "open" if answer == 503 else "closed"
    assert f'paylink_breaker_state{{account="default",provider="stripe",state="{state}"}} 1.0' in page
