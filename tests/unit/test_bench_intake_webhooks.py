"""What `./scripts/bench intake` sends is what Stripe sends: both sides must take it."""

import io
import json
from typing import Any

import pytest

from bench.common.seeding import AMOUNT, CURRENCY, Seeded
from bench.common.webhooks import BODY_BYTES, requests
from bench.intake import bare
from paylink.core.money import Money
from paylink.core.states import State
from paylink.providers.registry import enabled_providers
from paylink.store.ids import new_id

SECRET = "whsec_bench"
STRIPE = enabled_providers(["stripe"], {"PAYLINK_STRIPE_API_BASE": "http://localhost:1/stripe"})["stripe"]


@pytest.fixture
def seeded() -> Seeded:
    return Seeded(new_id(), new_id())


def request_of(seeded: Seeded) -> tuple[dict[str, str], bytes]:
    """Return the headers, with lower-case names, and the body."""
    [request] = requests([seeded], SECRET)
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /v1/webhook/stripe HTTP/1.1"
    return {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}, body


def test_a_body_has_one_kibibyte(seeded: Seeded):
    headers, body = request_of(seeded)
    assert len(body) == int(headers["content-length"]) == BODY_BYTES == 1024


def test_the_yardstick_takes_it_and_refuses_a_forged_one(seeded: Seeded, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bare, "_SECRET", SECRET.encode())
    headers, body = request_of(seeded)
    assert bare.is_genuine(headers["stripe-signature"], body)
    assert not bare.is_genuine(headers["stripe-signature"], body + b" ")
    assert not bare.is_genuine(headers["stripe-signature"].replace("t=1", "t=2"), body)


def test_the_yardstick_answers_a_forged_one_with_401_and_stores_nothing(seeded: Seeded):
    """The empty secret of a process that was told none signs nothing."""
    _, body = request_of(seeded)
    said: list[Any] = []
    environ = {"REQUEST_METHOD": "POST", "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body)}
    environ["HTTP_STRIPE_SIGNATURE"] = "t=1,v1=00"
    assert bare.application(environ, lambda status, headers: said.append(status)) == [b"{}"]
    assert said == ["401 Unauthorized"]


def test_every_event_names_its_own_transaction(seeded: Seeded):
    others = [Seeded(new_id(), new_id()) for _ in range(100)]
    assert len({other.event_id for other in others} | {other.session for other in others}) == 200
    _, body = request_of(seeded)
    event = json.loads(body)
    assert event["id"] == seeded.event_id
    assert event["data"]["object"]["metadata"]["paylink_attempt"] == str(seeded.attempt_id)


def test_our_adapter_reads_it_as_the_payment_of_the_whole_amount(seeded: Seeded):
    _, body = request_of(seeded)
    event = STRIPE.map_webhook(body)
    assert event.event_type == "checkout.session.completed"
    assert event.evidence is not None
    assert event.evidence.state is State.PAID
    assert event.amount == Money(AMOUNT, CURRENCY)
    assert [reference.value for reference in event.references][:2] == [str(seeded.attempt_id), seeded.session]
