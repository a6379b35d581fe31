"""
Real histories of payments: what a provider's simulator sent and answered while one was made, paid, refunded, disputed.

A history is recorded once and played many times, each time under names of its own (`play.py`).
"""

import time
from dataclasses import dataclass

from paylink.core.states import Dispute, State
from paylink.providers.payments import Payment, Reference
from paylink.providers.port import ProviderError
from support.provider_case import Case

AMOUNT = 150_000

Headers = dict[str, str]
End = tuple[State, int, int, Dispute | None]
"""State, captured, refunded, dispute."""

PAID: End = (State.PAID, AMOUNT, 0, None)
PARTLY_REFUNDED: End = (State.PARTIALLY_REFUNDED, AMOUNT, 50_000, None)
REFUNDED: End = (State.REFUNDED, AMOUNT, AMOUNT, None)
DISPUTED: End = (State.DISPUTED, AMOUNT, 0, Dispute.OPEN)
LOST: End = (State.DISPUTED, AMOUNT, 0, Dispute.LOST)
FAILED: End = (State.FAILED, 0, 0, None)
EXPIRED: End = (State.EXPIRED, 0, 0, None)
CANCELLED: End = (State.CANCELLED, 0, 0, None)


@dataclass(frozen=True)
class Script:
    """
    What happens to a payment, step by step, and where it must end.

    A step is the name of an action on the page, or `charge:` and one on the charge, with `:amount` in whole rupiah.
    """

    slug: str
    steps: tuple[str, ...]
    end: End

    @property
    def name(self) -> str:
        return f"{self.slug}: {', '.join(self.steps)}"


@dataclass(frozen=True)
class Sent:
    """One webhook, and the stage of the history at which it was sent: 0 is the creation, 1 the first step."""

    raw: bytes
    headers: Headers
    stage: int


@dataclass(frozen=True)
class History:
    """`answers[n]` is what the provider answers at stage n."""

    script: Script
    created: Payment
    webhooks: tuple[Sent, ...]
    answers: tuple[Payment | ProviderError, ...]


def record(case: Case, script: Script) -> History:
    """Play the script at the simulator, and keep what it sends and answers."""
    first = len(case.webhooks)
    created = case.provider.create_payment(case.account, case.request())
    known = dict.fromkeys(created.references)
    webhooks: list[Sent] = []
    answers: list[Payment | ProviderError] = []
    for stage, step in enumerate(("", *script.steps)):
        if step:
            _act(case, created, step)
        _await_deliveries(case)
        webhooks += [Sent(raw, headers, stage) for raw, headers in case.webhooks[first + len(webhooks) :]]
        answers.append(_ask(case, created, known))
    return History(script, created, tuple(webhooks), tuple(answers))


def _act(case: Case, created: Payment, step: str) -> None:
    target, _, rest = step.partition(":")
    if target != "charge":
        case.act(created.checkout_url, step)
        return
    action, _, amount = rest.partition(":")
    charge = case.call("GET", "/_sandbox/ledger")["charges"][0]
    case.act_on_charge(action, **({"amount": int(amount) * 10 ** charge["exponent"]} if amount else {}))


def _await_deliveries(case: Case) -> None:
    for _ in range(800):
        if all(d["state"] != "pending" for d in case.call("GET", "/_sandbox/deliveries")["deliveries"]):
            return
        time.sleep(0.01)
    raise AssertionError("the sandbox still has undelivered webhooks")


def _ask(case: Case, created: Payment, known: dict[Reference, None]) -> Payment | ProviderError:
    """Ask by all that is known by now, as processing does."""
    references = tuple(r for r in known if r.kind in case.provider.capabilities.lookup_kinds)
    query = case.query(created)
    try:
        answer = case.provider.fetch_payment(
            case.account, type(query)(references, query.amount, query.expires_at, query.asked_at)
        )
    except ProviderError as exc:
        return exc
    known.update(dict.fromkeys(answer.references))
    return answer
