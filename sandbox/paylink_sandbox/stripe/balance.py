"""Balance transactions: what each money movement did to the merchant's balance."""

from paylink_sandbox.documents import Document
from paylink_sandbox.errors import NotPossible
from paylink_sandbox.stripe.account import Account

PAYOUT = "in_payout"
"""Of a kept movement: the payout that it was paid out with."""

_AVAILABLE_AFTER_S = 2 * 86_400
_CHARGE_FEE_PER_MILLE = 29


def add_charge_movement(account: Account, charge: Document, amount: int) -> str:
    """Return the id. The fee is 2.9 %, rounded down, without a fixed part."""
    kind = "charge" if charge["id"].startswith("ch_") else "payment"
    fee = amount * _CHARGE_FEE_PER_MILLE // 1000
    return _add(account, charge["id"], charge["currency"], kind, "charge", amount, fee)


def add_refund_movement(account: Account, refund: Document, amount: int) -> str:
    """A negative amount gives money back; a positive one takes a failed refund back. Fees stay with Stripe."""
    kind = "refund" if amount < 0 else "refund_failure"
    return _add(account, refund["id"], refund["currency"], kind, kind, amount, 0)


def add_dispute_movement(account: Account, dispute: Document, amount: int) -> Document:
    """Return the whole transaction: disputes carry theirs expanded. Without the dispute fee."""
    category = "dispute" if amount < 0 else "dispute_reversal"
    movement = _add(account, dispute["id"], dispute["currency"], "adjustment", category, amount, 0)
    return account.get("balance_transaction", movement)


def current(account: Account, movement: Document) -> Document:
    """The transaction as it stands now: funds become available after two days. Its payout is told by lists alone."""
    status = "available" if is_available(account, movement) else "pending"
    return {name: value for name, value in movement.items() if name != PAYOUT} | {"status": status}


def pay_out(account: Account) -> Document:
    """
    Pay out all that is available, currency by currency in alphabetical order, one currency a call.

    Raises NotPossible when nothing is.
    """
    waiting = [m for m in account.all_of("balance_transaction") if PAYOUT not in m and is_available(account, m)]
    sums: dict[str, int] = {}
    for movement in waiting:
        sums[movement["currency"]] = sums.get(movement["currency"], 0) + movement["net"]
    currency = next((currency for currency, total in sorted(sums.items()) if total > 0), None)
    if currency is None:
        raise NotPossible("nothing can be paid out: money becomes available after two days")
    payout = account.add(
        {
            "id": account.new_id("po_1"),
            "object": "payout",
            "amount": sums[currency],
            "arrival_date": account.now() + _AVAILABLE_AFTER_S,
            "automatic": True,
            "balance_transaction": None,
            "created": account.now(),
            "currency": currency,
            "description": "STRIPE PAYOUT",
            "destination": None,
            "livemode": False,
            "metadata": {},
            "method": "standard",
            "status": "paid",
            "type": "bank_account",
        }
    )
    payout["balance_transaction"] = _add(account, payout["id"], currency, "payout", "payout", -payout["amount"], 0)
    account.save(payout)
    paid_out = [m for m in waiting if m["currency"] == currency]
    for movement in (*paid_out, account.get("balance_transaction", payout["balance_transaction"])):
        account.save({**movement, PAYOUT: payout["id"]})
    return payout


def is_available(account: Account, movement: Document) -> bool:
    return bool(movement["available_on"] <= account.now())


def _add(account: Account, source: str, currency: str, kind: str, category: str, amount: int, fee: int) -> str:
    detail = {"amount": fee, "application": None, "currency": currency, "description": "Stripe processing fees"}
    movement = {
        "id": account.new_id("txn_3"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": account.now() + _AVAILABLE_AFTER_S,
        "balance_type": "payments",
        "created": account.now(),
        "currency": currency,
        "description": None,
        "exchange_rate": None,
        "fee": fee,
        "fee_details": [{**detail, "type": "stripe_fee"}] if fee else [],
        "net": amount - fee,
        "reporting_category": category,
        "source": source,
        "status": "pending",
        "type": kind,
    }
    account.add(movement)
    return str(movement["id"])
