"""What the payer does on the page, and what the bank does later."""

from paylink_sandbox.documents import Document
from paylink_sandbox.errors import NotFound, NotPossible
from paylink_sandbox.ledger import Charge
from paylink_sandbox.stripe import sessions
from paylink_sandbox.stripe.account import SLUG, Account
from paylink_sandbox.stripe.amounts import amount
from paylink_sandbox.stripe.balance import add_charge_movement
from paylink_sandbox.stripe.objects import BANK_TRANSFER, CARD, new_charge, new_intent

_APPROVED = {
    "network_status": "approved_by_network",
    "reason": None,
    "risk_level": "normal",
    "seller_message": "Payment complete.",
    "type": "authorized",
}
_DECLINED = {
    "network_status": "declined_by_network",
    "reason": "generic_decline",
    "risk_level": "normal",
    "seller_message": "The bank did not return any further details with this decline.",
    "type": "issuer_declined",
}
_DECLINE = {
    "type": "card_error",
    "code": "card_declined",
    "decline_code": "generic_decline",
    "doc_url": "https://stripe.com/docs/error-codes/card-declined",
    "message": "Your card was declined.",
}
_TRANSFER_FAILED = {
    "type": "invalid_request_error",
    "code": "payment_intent_payment_attempt_failed",
    "message": "The bank transfer failed.",
}


class Payments:
    """Each method is one transaction, so a second click finds the session already complete."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def pay(self, session_id: str) -> None:
        """Pay by card: captured at once, or only authorized when the merchant asked for manual capture."""
        with self._account.transaction():
            session, intent = self._begin(session_id, CARD)
            manual = intent["capture_method"] == "manual"
            charge = new_charge(self._account, intent, CARD, "succeeded", captured=not manual)
            charge["outcome"] = _APPROVED
            intent |= {"latest_charge": charge["id"], "payment_method": charge["payment_method"]}
            intent["last_payment_error"] = None
            if manual:
                intent |= {"status": "requires_capture", "amount_capturable": intent["amount"]}
            else:
                intent |= {"status": "succeeded", "amount_received": intent["amount"]}
                charge["balance_transaction"] = add_charge_movement(self._account, charge, intent["amount"])
            self._complete(session, intent, charge, "authorized" if manual else "paid")
            intent_event = "payment_intent.amount_capturable_updated" if manual else "payment_intent.succeeded"
            self._account.emit(
                {intent_event: intent, "charge.succeeded": charge, "checkout.session.completed": session},
                session["client_reference_id"],
            )

    def decline(self, session_id: str) -> None:
        """The card is refused. The session stays open and can be paid again."""
        with self._account.transaction():
            session, intent = self._begin(session_id, CARD)
            charge = new_charge(self._account, intent, CARD, "failed", captured=False)
            charge |= {"failure_code": "card_declined", "failure_message": _DECLINE["message"], "outcome": _DECLINED}
            self._account.add(charge)
            intent |= {"latest_charge": charge["id"], "last_payment_error": {**_DECLINE, "charge": charge["id"]}}
            self._account.save(intent)
            self._account.save(session)
            self._account.emit(
                {"payment_intent.payment_failed": intent, "charge.failed": charge}, session["client_reference_id"]
            )

    def pay_delayed(self, session_id: str) -> None:
        """The payer orders a bank transfer: the session completes unpaid, the money comes later or never."""
        with self._account.transaction():
            session, intent = self._begin(session_id, BANK_TRANSFER)
            charge = new_charge(self._account, intent, BANK_TRANSFER, "pending", captured=True)
            charge["amount_captured"] = 0
            intent |= {"latest_charge": charge["id"], "payment_method": charge["payment_method"]}
            intent |= {"status": "processing", "last_payment_error": None}
            self._complete(session, intent, charge, "processing")
            self._account.emit(
                {"payment_intent.processing": intent, "charge.pending": charge, "checkout.session.completed": session},
                session["client_reference_id"],
            )

    def settle_delayed(self, session_id: str, *, arrived: bool) -> None:
        with self._account.transaction():
            session = self._session(session_id)
            intent = self._account.find("payment_intent", session["payment_intent"] or "")
            if intent is None or intent["status"] != "processing":
                raise NotPossible("no bank transfer is on its way")
            charge = self._account.get("charge", intent["latest_charge"])
            if arrived:
                charge |= {"status": "succeeded", "paid": True, "amount_captured": charge["amount"]}
                charge["balance_transaction"] = add_charge_movement(self._account, charge, charge["amount"])
                intent |= {"status": "succeeded", "amount_received": intent["amount"]}
                session["payment_status"] = "paid"
                outcome, page_state = "succeeded", "paid"
            else:
                failure = {"failure_code": _TRANSFER_FAILED["code"], "failure_message": _TRANSFER_FAILED["message"]}
                charge |= {"status": "failed", **failure}
                intent |= {"status": "requires_payment_method", "last_payment_error": _TRANSFER_FAILED}
                outcome, page_state = "failed", "failed"
            for document in (session, intent, charge):
                self._account.save(document)
            self._account.frame.ledger.set_page_state(SLUG, session_id, page_state)
            self._account.frame.ledger.set_charge(SLUG, charge["id"], state=outcome, amount=charge["amount"])
            intent_event = "payment_intent.succeeded" if arrived else "payment_intent.payment_failed"
            self._account.emit(
                {
                    intent_event: intent,
                    f"charge.{outcome}": charge,
                    f"checkout.session.async_payment_{outcome}": session,
                },
                session["client_reference_id"],
            )

    def expire(self, session_id: str) -> None:
        """The payer lets the time run out."""
        with self._account.transaction():
            session = self._open_session(session_id)
            sessions.close(self._account, session)

    def expire_if_due(self, session_id: str) -> None:
        with self._account.transaction():
            session = self._session(session_id)
            if sessions.is_due(self._account, session):
                sessions.close(self._account, session)

    def _session(self, session_id: str) -> Document:
        session = self._account.find("checkout.session", session_id)
        if session is None:
            raise NotFound(f"no session {session_id!r}")
        return session

    def _open_session(self, session_id: str) -> Document:
        session = self._session(session_id)
        if session["status"] != "open" or sessions.is_due(self._account, session):
            raise NotPossible(f"the session is not open: it is {session['status']}")
        return session

    def takes(self, session_id: str, method: str) -> bool:
        session = self._account.find("checkout.session", session_id)
        return session is not None and method in session["payment_method_types"]

    def _begin(self, session_id: str, method: str) -> tuple[Document, Document]:
        """The open session and its payment intent, which is made at the first attempt."""
        session = self._open_session(session_id)
        if method not in session["payment_method_types"]:
            raise NotPossible(f"this page does not take {method}")
        if session["payment_intent"]:
            return session, self._account.get("payment_intent", session["payment_intent"])
        data = sessions.intent_data(self._account, session_id)
        intent = self._account.add(new_intent(self._account, session, data))
        session["payment_intent"] = intent["id"]
        return session, intent

    def _complete(self, session: Document, intent: Document, charge: Document, page_state: str) -> None:
        email = session["customer_email"]
        session |= {"status": "complete", "payment_status": "paid" if page_state == "paid" else "unpaid", "url": None}
        session["customer_details"] = {
            "address": None,
            "email": email,
            "name": None,
            "phone": None,
            "tax_exempt": "none",
            "tax_ids": [],
        }
        charge["billing_details"]["email"] = email
        self._account.add(charge)
        self._account.save(intent)
        self._account.save(session)
        ledger = self._account.frame.ledger
        ledger.set_page_state(SLUG, session["id"], page_state)
        total = amount(charge["amount"], charge["currency"])
        ledger.add_charge(
            Charge(
                provider=SLUG,
                id=charge["id"],
                page_id=session["id"],
                reference=session["client_reference_id"],
                amount=total,
                refunded=total.with_units(0),
                state={"processing": "pending", "authorized": "authorized", "paid": "succeeded"}[page_state],
                dispute=None,
                created_at=self._account.frame.now(),
            )
        )
