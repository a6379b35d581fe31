"""Xendit's own Python library as the judge of what we send, and of the recorded cases."""

import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from xendit.configuration import Configuration
from xendit.invoice.model.create_invoice_request import CreateInvoiceRequest
from xendit.invoice.model.invoice import Invoice
from xendit.invoice.model.invoice_callback import InvoiceCallback
from xendit.model_utils import validate_and_convert_types
from xendit.refund.model.create_refund import CreateRefund
from xendit.refund.model.refund_callback import RefundCallback

from paylink.core.money import Money
from paylink.providers.payments import PaymentRequest
from paylink.providers.xendit.mapping import invoice_fields
from support.recorded import load_cases
from support.stack import REPOSITORY

NOW = datetime(2026, 1, 1, tzinfo=UTC)
REQUEST = PaymentRequest(
    uuid.UUID("01948a00-0000-7000-8000-000000000001"),
    uuid.UUID("01948a00-0000-7000-8000-000000000002"),
    Money(150_000, "IDR"),
    "PL-20260101-0001",
    NOW,
    NOW + timedelta(days=1),
    success_url="https://shop.example/thanks",
)
CASES_FOLDER = REPOSITORY / "layers" / "paylink" / "paylink" / "providers" / "xendit" / "cases"
CASES = [case.told for case in load_cases(CASES_FOLDER.parents[1]) if case.slug == "xendit"]


def parsed(model: type, body: Any) -> Any:
    """Read by Xendit's own Python library, as it reads answers; raises on a missing field or a wrong type."""
    return validate_and_convert_types(body, (model,), ["body"], True, True, configuration=Configuration())


def test_what_is_sent_is_what_xendits_own_library_would_send():
    """The library's model refuses unknown names and wrong types."""
    full = replace(
        REQUEST,
        failure_url="https://shop.example/cart",
        description="Two tickets",
        customer_name="Ana Dewi",
        customer_email="buyer@example.com",
        metadata={f"name-{n}": "x" * 500 for n in range(20)},
    )
    fields = invoice_fields(full) | {"amount": 150_000.0, "invoice_duration": 86_400.0}
    sent = CreateInvoiceRequest(**fields, _configuration=Configuration(), _spec_property_naming=True)
    assert sent.to_dict()["external_id"] == f"paylink-{REQUEST.attempt_id}"
    assert set(fields) <= set(CreateInvoiceRequest.openapi_types)
    assert len(fields["metadata"]) == 23


def test_a_refund_is_what_xendits_own_library_would_send():
    sent = json.loads((CASES_FOLDER / "refund.json").read_text())["exchanges"][0]["sent"]
    fields = sent | {"amount": float(sent["amount"])}
    assert CreateRefund(**fields, _configuration=Configuration(), _spec_property_naming=True)
    assert set(sent) <= set(CreateRefund.openapi_types)


def test_xendits_own_library_reads_the_recorded_invoices():
    answers = [exchange["body"] for told in CASES for exchange in told.get("exchanges", ())]
    rows = [row for answer in answers for row in (answer if isinstance(answer, list) else [answer])]
    invoices = [row for row in rows if isinstance(row, dict) and "invoice_url" in row]
    assert len(invoices) > 10
    for told in invoices:
        assert parsed(Invoice, told).external_id == told["external_id"]


def test_xendits_own_library_reads_the_recorded_events():
    bodies = [json.loads(told["webhook"]["body"]) for told in CASES if told.get("event") not in (None, "unreadable")]
    paid = [body for body in bodies if "event" not in body and "merchant_name" in body]
    refunds = [body for body in bodies if str(body.get("event")).startswith("refund.")]
    assert len(paid) > 3
    assert len(refunds) > 1
    for body in paid:
        assert parsed(InvoiceCallback, body).status == body["status"]
    for body in refunds:
        assert parsed(RefundCallback, body).event == body["event"]
