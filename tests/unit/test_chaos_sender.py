"""`./scripts/chaos`: the sender behaves as a provider does, and remembers what it was told."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from chaos import sender as module
from chaos.events import Webhook, paid_session
from chaos.sender import NO_ANSWER, Sender
from support.serving import QuietHandler, serving


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BACKOFF_FIRST_S", 0.01)
    monkeypatch.setattr(module, "_TWICE_AFTER_S", 0.01)


@contextmanager
def answering(*statuses: int) -> Iterator[tuple[str, list[str]]]:
    """Serve these statuses in turn, and the last of them from then on; 0 hangs up. Gives the ids that arrived."""
    left, arrived = list(statuses), []
    lock = threading.Lock()

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            with lock:
                arrived.append(self.headers["webhook-id"])
                status = left.pop(0) if len(left) > 1 else left[0]
            if status == 0:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with serving(Handler) as address:
        yield address, arrived


def webhooks(count: int) -> list[Webhook]:
    return [Webhook("/v1/webhook/some", f"evt_{number}", b"{}", "token") for number in range(count)]


def test_what_is_refused_is_sent_until_it_is_accepted():
    with answering(503, 0, 401, 200) as (address, arrived), Sender(address) as sender:
        sender.offer(webhooks(1), per_s=100, until=threading.Event())
        assert sender.finish(within_s=10)
    (sent,) = sender.sent
    assert sent.statuses == {503: 1, NO_ANSWER: 1, 401: 1, 200: 2}
    assert (sent.tries, sent.accepted) == (len(arrived), 2)
    assert 0 < sent.slowest_s < 5


def test_each_tenth_event_is_sent_again_after_its_first_2xx():
    with answering(200) as (address, arrived), Sender(address) as sender:
        sender.offer(webhooks(20), per_s=1000, until=threading.Event())
        assert sender.finish(within_s=10)
    assert {event_id: arrived.count(event_id) for event_id in arrived} == {
        f"evt_{number}": 2 if number in (0, 10) else 1 for number in range(20)
    }


def test_what_is_never_accepted_is_told():
    with answering(503) as (address, _), Sender(address) as sender:
        sender.offer(webhooks(1), per_s=100, until=threading.Event())
        assert not sender.finish(within_s=0.3)
    assert sender.sent[0].accepted == 0


def test_no_new_event_starts_once_the_load_is_over():
    over = threading.Event()
    over.set()
    with answering(200) as (address, arrived), Sender(address) as sender:
        sender.offer(webhooks(5), per_s=1000, until=over)
        assert sender.finish(within_s=5)
    assert arrived == []


def test_a_signature_is_as_old_as_its_try(monkeypatch: pytest.MonkeyPatch):
    webhook = paid_session("whsec_unit", 1, "01948a00-0000-7000-8000-000000000001")
    monkeypatch.setattr("chaos.events.time.time", lambda: 1_767_225_600.0)
    first = webhook.headers()["Stripe-Signature"]
    monkeypatch.setattr("chaos.events.time.time", lambda: 1_767_225_900.0)
    again = webhook.headers()["Stripe-Signature"]
    assert first.startswith("t=1767225600,v1=")
    assert again.startswith("t=1767225900,v1=")
