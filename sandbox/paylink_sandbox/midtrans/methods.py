"""The payment methods of the page, and how they differ. Numbers have plausible lengths; no real one is meant."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Refunds(Enum):
    """How much of a payment the merchant can give back by API."""

    NONE = "none"
    FULL = "full"
    PARTIAL = "partial"


class Kind(Enum):
    """What the payer is given to pay with."""

    CARD = "card"
    QR = "qr"
    ACCOUNT = "account"
    BILL = "bill"
    STORE = "store"


def _digits(length: int, prefix: str = "") -> str:
    return prefix + "".join(str(secrets.randbelow(10)) for _ in range(length - len(prefix)))


def _nothing() -> dict[str, Any]:
    return {}


def _account(bank: str, prefix: str, length: int) -> Callable[[], dict[str, Any]]:
    return lambda: {
        "va_numbers": [{"bank": bank, "va_number": _digits(length, prefix)}],
        "payment_amounts": [],
    }


@dataclass(frozen=True)
class Method:
    """
    code: the name in `enabled_payments`. details: makes what the answers of a new transaction hold beside the common
    fields. reversible: the bank may take settled money back. has_fraud_status: False for stores, whose answers lack it.
    """

    code: str
    payment_type: str
    kind: Kind
    name: str
    hint: str
    refunds: Refunds
    details: Callable[[], dict[str, Any]]
    reversible: bool = False
    has_fraud_status: bool = True


_ALL = (
    Method("credit_card", "credit_card", Kind.CARD, "Credit/debit card", "Test cards", Refunds.PARTIAL, _nothing),
    Method("gopay", "gopay", Kind.QR, "GoPay", "Scan with the Gojek app", Refunds.PARTIAL, _nothing),
    Method("shopeepay", "shopeepay", Kind.QR, "ShopeePay", "Scan with the Shopee app", Refunds.FULL, _nothing),
    Method("qris", "qris", Kind.QR, "QRIS", "Scan with any wallet or bank app", Refunds.PARTIAL, _nothing),
    Method(
        "bca_va", "bank_transfer", Kind.ACCOUNT, "BCA", "Virtual account", Refunds.NONE, _account("bca", "00000", 14)
    ),
    Method("bni_va", "bank_transfer", Kind.ACCOUNT, "BNI", "Virtual account", Refunds.NONE, _account("bni", "988", 16)),
    Method("bri_va", "bank_transfer", Kind.ACCOUNT, "BRI", "Virtual account", Refunds.NONE, _account("bri", "888", 18)),
    Method(
        "permata_va",
        "bank_transfer",
        Kind.ACCOUNT,
        "Permata",
        "Virtual account",
        Refunds.NONE,
        lambda: {"permata_va_number": _digits(16, "850")},
        reversible=True,
    ),
    Method(
        "echannel",
        "echannel",
        Kind.BILL,
        "Mandiri",
        "Bill payment",
        Refunds.NONE,
        lambda: {"biller_code": "70012", "bill_key": _digits(12)},
        reversible=True,
    ),
    Method(
        "indomaret",
        "cstore",
        Kind.STORE,
        "Indomaret",
        "Pay at the till",
        Refunds.NONE,
        lambda: {"store": "indomaret", "payment_code": _digits(14)},
        reversible=True,
        has_fraud_status=False,
    ),
    Method(
        "alfamart",
        "cstore",
        Kind.STORE,
        "Alfamart",
        "Pay at the till",
        Refunds.NONE,
        lambda: {"store": "alfamart", "payment_code": _digits(16)},
        has_fraud_status=False,
    ),
)

METHODS: Mapping[str, Method] = {method.code: method for method in _ALL}
"""By code, in the order in which the page lists them."""
