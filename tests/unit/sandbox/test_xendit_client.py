"""xendit-python 7.0.0 reads every answer without an error."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from xendit.apis import BalanceApi, InvoiceApi, RefundApi, TransactionApi
from xendit.exceptions import XenditSdkException
from xendit.invoice.model import CreateInvoiceRequest
from xendit.refund.model import CreateRefund

from .conftest import Merchant
from .xendit_support import Xendit, serve


@pytest.fixture
def xendit(merchant: Merchant, tmp_path: Path) -> Iterator[Xendit]:
    with serve(merchant, tmp_path) as running:
        yield running


def create(xendit: Xendit, amount: float = 150_000.0, **fields: object) -> Any:
    request = CreateInvoiceRequest(external_id="PL-1", amount=amount, **fields)
    return InvoiceApi(xendit.client()).create_invoice(request)


def test_invoices_are_made_read_listed_and_expired(xendit: Xendit) -> None:
    """With every status on the way."""
    api = InvoiceApi(xendit.client())
    made = create(
        xendit, invoice_duration=3600.0, currency="IDR", description="Two chairs", payer_email="a@example.com"
    )
    assert (made.status.value, made.amount, made.currency.value) == ("PENDING", 150_000, "IDR")
    assert {bank.bank_code.value for bank in made.available_banks} == {"BCA", "BNI", "BRI", "MANDIRI", "PERMATA"}
    assert [outlet.retail_outlet_name.value for outlet in made.available_retail_outlets] == ["ALFAMART", "INDOMARET"]
    assert api.get_invoice_by_id(made.id).expiry_date == made.expiry_date
    paid, open_invoice = create(xendit), create(xendit)
    xendit.act({"id": paid.id}, "pay")
    found = api.get_invoices(external_id="PL-1", statuses=["PENDING"], limit=10.0, created_before=datetime.now(UTC))
    assert [invoice.id for invoice in found] == [open_invoice.id, made.id]
    assert api.get_invoice_by_id(paid.id).payment_method.value == "QR_CODE"
    assert api.expire_invoice(made.id).status.value == "EXPIRED"


@pytest.mark.parametrize("currency", ["IDR", "PHP", "THB", "VND", "MYR", "USD"])
def test_an_invoice_paid_by_any_method_it_offers_can_be_read(xendit: Xendit, currency: str) -> None:
    offers = xendit.invoice(amount=50_000, currency=currency)
    kinds = ("bank_code", "retail_outlet_name", "ewallet_type", "qr_code_type")
    rows = [row for name, value in offers.items() if name.startswith("available_") for row in value]
    codes = [row[kind] for row in rows for kind in kinds if kind in row] + ["CREDIT_CARD"]
    for code in codes:
        invoice = xendit.paid(amount=50_000, currency=currency, action=f"pay-{code.lower()}")
        assert invoice["payment_channel"] == code
        assert InvoiceApi(xendit.client()).get_invoice_by_id(invoice["id"]).status.value == "PAID"


def test_refunds_are_made_read_listed_and_cancelled(xendit: Xendit) -> None:
    api = RefundApi(xendit.client())
    invoice = xendit.paid()
    request = CreateRefund(invoice_id=invoice["id"], amount=50_000.0, currency="IDR", reason="REQUESTED_BY_CUSTOMER")
    made = api.create_refund(idempotency_key="key-1", create_refund=request)
    assert (made.amount, made.channel_code, made.country) == (50_000, "QRIS", "ID")
    assert api.get_refund(made.id).id == made.id
    assert [refund.id for refund in api.get_all_refunds(invoice_id=invoice["id"], limit=10.0).data] == [made.id]
    assert api.cancel_refund(made.id).id == made.id


def test_balance_and_transactions_can_be_read(xendit: Xendit) -> None:
    """Payments and refunds, settled and not. (The client's enumeration lacks CHARGEBACK, which the documents have.)"""
    api = TransactionApi(xendit.client())
    for reference, action in (("PL-1", "pay"), ("PL-2", "pay-ovo"), ("PL-3", "pay-bca")):
        xendit.paid(reference, action=action)
    invoice = xendit.paid("PL-4", action="pay-credit_card")
    xendit.refund(invoice, amount=50_000)
    xendit.act_on_charge(invoice, "refund-complete")
    xendit.act_on_charge(invoice, "settle")
    rows = api.get_all_transactions(limit=50.0).data
    assert [row.reference_id for row in rows] == ["PL-4", "PL-4", "PL-3", "PL-2", "PL-1"]
    assert api.get_transaction_by_id(rows[0].id.value).reference_id == "PL-4"
    assert [row.reference_id for row in api.get_all_transactions(types=["REFUND"]).data] == ["PL-4"]
    assert BalanceApi(xendit.client()).get_balance(account_type="CASH").balance == 150_000 - 2_250 - 247 - 50_000


def test_refusals_can_be_read(xendit: Xendit) -> None:
    """A wrong key, an unknown invoice, and a field that is wrong."""
    calls = [
        (401, "INVALID_API_KEY", lambda: InvoiceApi(xendit.client("xnd_development_x")).get_invoice_by_id("x")),
        (404, "INVOICE_NOT_FOUND_ERROR", lambda: InvoiceApi(xendit.client()).get_invoice_by_id("x")),
        (400, "API_VALIDATION_ERROR", lambda: create(xendit, amount=-1.0)),
    ]
    for status, code, call in calls:
        with pytest.raises(XenditSdkException) as caught:
            call()
        assert (int(caught.value.status), caught.value.errorCode) == (status, code)
