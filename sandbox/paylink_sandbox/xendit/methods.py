"""The ways to pay that an invoice offers."""

from collections.abc import Sequence
from dataclasses import dataclass

from paylink_sandbox.documents import Document
from paylink_sandbox.money import Amount
from paylink_sandbox.xendit.amounts import to_number
from paylink_sandbox.xendit.errors import XenditError


@dataclass(frozen=True)
class Group:
    """
    Methods that work alike. payment_method: the word on invoices; category: the word on transactions.

    refundable: money taken this way can be sent back; a bank transfer or cash at a counter cannot.
    """

    title: str
    payment_method: str
    category: str
    refundable: bool


BANK = Group("Bank transfer", "BANK_TRANSFER", "VIRTUAL_ACCOUNT", refundable=False)
EWALLET = Group("E-wallet", "EWALLET", "EWALLET", refundable=True)
QR = Group("QR code", "QR_CODE", "QR_CODE", refundable=True)
CARD = Group("Card", "CREDIT_CARD", "CARDS", refundable=True)
RETAIL = Group("Retail outlet", "RETAIL_OUTLET", "RETAIL_OUTLET", refundable=False)


@dataclass(frozen=True)
class Method:
    """code: what `payment_methods` and `payment_channel` call it. prefix: how its account numbers begin."""

    code: str
    name: str
    group: Group
    prefix: str = ""

    def destination(self, invoice_id: str) -> str | None:
        """The virtual account number or payment code of one invoice."""
        if not self.prefix:
            return None
        return f"{self.prefix}{int(invoice_id[8:], 16) % 10**10:010d}"


_CARD = Method("CREDIT_CARD", "Credit or debit card", CARD)
_METHODS: dict[str, tuple[Method, ...]] = {
    "IDR": (
        Method("QRIS", "QRIS", QR),
        Method("BCA", "BCA", BANK, "10766"),
        Method("BNI", "BNI", BANK, "88085"),
        Method("BRI", "BRI", BANK, "13282"),
        Method("MANDIRI", "Mandiri", BANK, "88908"),
        Method("PERMATA", "Permata", BANK, "72935"),
        Method("OVO", "OVO", EWALLET),
        Method("DANA", "DANA", EWALLET),
        Method("SHOPEEPAY", "ShopeePay", EWALLET),
        Method("LINKAJA", "LinkAja", EWALLET),
        _CARD,
        Method("ALFAMART", "Alfamart", RETAIL, "PLK"),
        Method("INDOMARET", "Indomaret", RETAIL, "PLK"),
    ),
    "PHP": (
        Method("QRPH", "QR Ph", QR),
        Method("GCASH", "GCash", EWALLET),
        Method("PAYMAYA", "Maya", EWALLET),
        Method("GRABPAY", "GrabPay", EWALLET),
        _CARD,
        Method("7ELEVEN", "7-Eleven", RETAIL, "PLK"),
    ),
    "THB": (Method("PROMPTPAY", "PromptPay", QR), Method("TRUEMONEY", "TrueMoney", EWALLET), _CARD),
    "VND": (Method("MOMO", "MoMo", EWALLET), Method("VIETCAPITAL", "BVBank", BANK, "99900"), _CARD),
    "MYR": (Method("TOUCHNGO", "Touch 'n Go", EWALLET), Method("GRABPAY", "GrabPay", EWALLET), _CARD),
    "USD": (_CARD,),
}
CODES = tuple(dict.fromkeys(method.code for methods in _METHODS.values() for method in methods))


def offered(currency: str, codes: Sequence[str] | None) -> list[Method]:
    """
    The methods of an invoice: all of its currency, or those named.

    Raises:
        XenditError: The account does not have one of them, or none is named.
    """
    methods = _METHODS[currency]
    if codes is None:
        return list(methods)
    if not codes:
        raise XenditError(400, "NO_COLLECTION_METHODS_ERROR", "No payment method is left.", "payment_methods")
    unknown = sorted(set(codes) - {method.code for method in methods})
    if unknown:
        message = f"These payment methods are not available for {currency}: {', '.join(unknown)[:200]}"
        raise XenditError(400, "UNAVAILABLE_PAYMENT_METHOD_ERROR", message, "payment_methods")
    return [method for method in methods if method.code in codes]


def available_lists(methods: Sequence[Method], invoice_id: str, total: Amount, merchant: str) -> Document:
    """The `available_*` lists of an invoice."""
    amount = to_number(total)

    def of(group: Group) -> list[Method]:
        return [method for method in methods if method.group is group]

    return {
        "available_banks": [
            {
                "bank_code": method.code,
                "collection_type": "POOL",
                "bank_account_number": method.destination(invoice_id),
                "transfer_amount": amount,
                "bank_branch": "Virtual Account",
                "account_holder_name": merchant,
            }
            for method in of(BANK)
        ],
        "available_retail_outlets": [
            {
                "retail_outlet_name": method.code,
                "payment_code": method.destination(invoice_id),
                "transfer_amount": amount,
                "merchant_name": merchant,
            }
            for method in of(RETAIL)
        ],
        "available_ewallets": [{"ewallet_type": method.code} for method in of(EWALLET)],
        "available_qr_codes": [{"qr_code_type": method.code} for method in of(QR)],
        "available_direct_debits": [],
        "available_paylaters": [],
        "should_exclude_credit_card": not of(CARD),
    }
