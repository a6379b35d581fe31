"""Re-sealing under a new master key: killed midway, run twice at once, beside changes; nothing is lost or left over."""

import base64
import multiprocessing
import signal
import threading
from dataclasses import replace
from typing import Any

import pytest

from paylink.core.keyring import Keyring
from paylink.core.secret import Secret
from paylink.runtime.wiring import Deps
from paylink.services.operator import COMMAND
from paylink.services.resealing import BATCH, Resealing
from paylink.store.provisioning import set_credentials
from paylink.store.sealing import Place, Sealer
from support.reseal_and_die import reseal_and_die
from support.stack import Stack

ACCOUNT = "select id, merchant_id from provider_accounts where provider = 'stripe'"


def keyring(stack: Stack, *ids: str) -> Keyring:
    """Return master keys of which `k1` is the stack's."""
    made = {i: base64.b64encode(i.encode().ljust(32, b".")).decode() for i in ids}
    made |= {i: base64.b64encode(key).decode() for i, key in stack.deps.settings.master_keys.keys.items() if i in ids}
    return Keyring.parse("PAYLINK_MASTER_KEYS", Secret(",".join(f"{i}:{made[i]}" for i in ids)))


@pytest.fixture
def many(stack: Stack) -> int:
    """More credentials than two batches hold, most of them retired; return how many there are."""
    account = stack.rows(ACCOUNT)[0]
    place = Place(account["merchant_id"], account["id"], "webhook_secret")
    current = Secret(stack.environ["PAYLINK_STRIPE_WEBHOOK_SECRET"])
    for number in range(2 * BATCH + 3):
        values = [Secret(f"whsec_{number}"), current]
        stack.deps.database.run(lambda uow, v=values: set_credentials(uow, stack.deps.sealer, place, v))
    return int(stack.rows("select count(*) as n from account_credentials")[0]["n"])


def under(stack: Stack) -> dict[str, int]:
    rows = stack.rows("select master_key_id as k, count(*) as n from account_credentials group by 1")
    return {row["k"]: row["n"] for row in rows}


def opened(stack: Stack, ring: Keyring) -> list[str]:
    """Return every secret that opens."""
    rows = stack.rows(
        "select c.*, a.merchant_id from account_credentials c join provider_accounts a on a.id = c.account_id"
        " order by c.id"
    )
    sealer = Sealer(ring)
    places = [Place(row["merchant_id"], row["account_id"], row["field"]) for row in rows]
    return [
        sealer.unseal(bytes(row["sealed"]), row["master_key_id"], place).reveal()
        for row, place in zip(rows, places, strict=True)
    ]


def test_everything_comes_under_the_key_in_use_and_opens_with_it_alone(stack: Stack, many: int):
    before = opened(stack, keyring(stack, "k1"))
    done = Resealing(stack.deps.database, Sealer(keyring(stack, "k2", "k1"))).reseal(COMMAND)
    assert (done.resealed, done.unopened, dict(done.remaining)) == (many, 0, {})
    assert under(stack) == {"k2": many}
    assert opened(stack, keyring(stack, "k2")) == before
    again = Resealing(stack.deps.database, Sealer(keyring(stack, "k2"))).reseal(COMMAND)
    assert (again.resealed, dict(again.remaining)) == (0, {})
    trail = stack.operator("GET", "/v1/audit").body["audit"]
    assert {one["action"] for one in trail} == {"credentials.resealed"}
    assert sum(one["details"]["credentials"] for one in trail) == many


def test_what_does_not_open_is_counted_and_left(stack: Stack):
    stack.rows("update account_credentials set master_key_id = 'k0' where field = 'webhook_secret'")
    done = Resealing(stack.deps.database, Sealer(keyring(stack, "k2", "k1"))).reseal(COMMAND)
    assert (done.unopened, dict(done.remaining)) == (1, {"k0": 1})


def test_runs_at_once_share_the_work(stack: Stack, many: int):
    before = opened(stack, keyring(stack, "k1"))
    sealer = Sealer(keyring(stack, "k2", "k1"))
    done: list[Any] = []
    threads = [
        threading.Thread(target=lambda: done.append(Resealing(stack.deps.database, sealer).reseal(COMMAND)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(one.resealed for one in done) == many
    assert under(stack) == {"k2": many}
    assert opened(stack, keyring(stack, "k2")) == before


def test_a_secret_that_is_set_meanwhile_is_kept(stack: Stack, many: int):
    """Also by a process whose settings are older: then it is told of as remaining."""
    account = stack.rows(ACCOUNT)[0]
    place = Place(account["merchant_id"], account["id"], "webhook_secret")
    older, newer = Sealer(keyring(stack, "k1", "k2")), Sealer(keyring(stack, "k2", "k1"))
    stop = threading.Event()

    def change() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            values = [Secret(f"whsec_meanwhile_{number}")]
            stack.deps.database.run(lambda uow, v=values: set_credentials(uow, older, place, v))

    thread = threading.Thread(target=change)
    thread.start()
    for _ in range(5):
        Resealing(stack.deps.database, newer).reseal(COMMAND)
    stop.set()
    thread.join()
    both = keyring(stack, "k2", "k1")
    stored = opened(stack, both)
    last = Resealing(stack.deps.database, newer).reseal(COMMAND)
    assert dict(last.remaining) == {}
    assert opened(stack, keyring(stack, "k2")) == stored
    account_now = Deps(replace(stack.deps.settings, master_keys=both)).accounts.get(account["id"])
    assert account_now.secret("webhook_secret").reveal().startswith("whsec_meanwhile_")


@pytest.fixture
def ring(stack: Stack) -> str:
    keys = keyring(stack, "k2", "k1")
    return ",".join(f"{i}:{base64.b64encode(key).decode()}" for i, key in keys.keys.items())


@pytest.mark.parametrize("dies_after", [1, BATCH, BATCH + 1, 2 * BATCH + 1])
def test_a_run_that_is_killed_leaves_what_it_did_and_the_next_goes_on(
    stack: Stack, many: int, ring: str, dies_after: int
):
    before = opened(stack, keyring(stack, "k1"))
    context = multiprocessing.get_context("forkserver")
    process = context.Process(target=reseal_and_die, args=(stack.environ, ring, dies_after))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    whole_batches = (dies_after - 1) // BATCH * BATCH
    assert under(stack) == {"k1": many - whole_batches} | ({"k2": whole_batches} if whole_batches else {})
    assert opened(stack, keyring(stack, "k2", "k1")) == before
    done = Resealing(stack.deps.database, Sealer(keyring(stack, "k2", "k1"))).reseal(COMMAND)
    assert (done.resealed, dict(done.remaining)) == (many - whole_batches, {})
    assert opened(stack, keyring(stack, "k2")) == before
