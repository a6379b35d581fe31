"""What a payer and an operator see and press."""

import re
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import pytest
import urllib3

from .conftest import Merchant, Sandbox, order


def post(
    url: str, fields: dict[str, str] | None = None, headers: dict[str, str] | None = None
) -> urllib3.BaseHTTPResponse:
    form = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
    return urllib3.request("POST", url, body=urlencode(fields or {}), headers=form, redirect=False)


def page_of(sandbox: Sandbox, session_id: str) -> str:
    return f"{sandbox.url}/stripe/pay/{session_id}"


def test_the_payment_page_says_what_is_paid(sandbox: Sandbox) -> None:
    """Amount as people write it, shop, order, description, line items, until when, and that no real money moves."""
    session = sandbox.create(payment_intent_data={"description": "Delivered on Tuesday"})
    text = urllib3.request("GET", page_of(sandbox, session.id)).data.decode()
    for expected in ("Rp 150.000", "Demo Store", "ORDER-1", "Café table", "Delivered on Tuesday", "no real money"):
        assert expected in text
    assert re.search(r"Open until \d\d \w{3} \d{4}, \d\d\.\d\d WIB", text)
    assert "<script" not in text
    assert not re.search(r'(src|href)="https?://(?!localhost)', text)


def test_a_description_that_names_the_only_line_is_shown_once(sandbox: Sandbox) -> None:
    """A shop that sends one text as the product's name and the payment's description does not say it twice."""
    session = sandbox.create(payment_intent_data={"description": "Café table"})
    assert urllib3.request("GET", page_of(sandbox, session.id)).data.decode().count("Café table") == 1


def test_paying_leads_back_to_the_shop(sandbox: Sandbox) -> None:
    """303 to success_url with the session id filled in; the page then says paid."""
    session = sandbox.create()
    answer = post(page_of(sandbox, session.id) + "/pay")
    assert answer.status == 303
    assert answer.headers["Location"] == f"http://localhost:9/thanks?session={session.id}"
    assert "Payment received" in urllib3.request("GET", page_of(sandbox, session.id)).data.decode()


def test_a_double_click_makes_one_charge(sandbox: Sandbox) -> None:
    """However many POSTs arrive at once, there is one charge, and each leads to the shop."""
    session = sandbox.create()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: post(page_of(sandbox, session.id) + "/pay"), range(16)))
    assert {answer.headers["Location"] for answer in answers} == {f"http://localhost:9/thanks?session={session.id}"}
    assert len(sandbox.control.ledger()["charges"]) == 1


def test_a_decline_is_shown_and_can_be_paid_after(sandbox: Sandbox) -> None:
    """The page comes back with the reason and its Pay button."""
    session = sandbox.create()
    answer = post(page_of(sandbox, session.id) + "/fail")
    assert answer.headers["Location"] == f"/stripe/pay/{session.id}"
    text = urllib3.request("GET", page_of(sandbox, session.id)).data.decode()
    assert "Your card was declined." in text
    assert f"/stripe/pay/{session.id}/pay" in text


def test_an_expired_page_takes_no_money(sandbox: Sandbox) -> None:
    """After expiry, by button or by time, there is no Pay button and a POST changes nothing."""
    session, late = sandbox.create(), sandbox.create("ORDER-2")
    post(page_of(sandbox, session.id) + "/expire")
    sandbox.clock.offset_s = 24 * 3600
    for session_id in (session.id, late.id):
        assert post(page_of(sandbox, session_id) + "/pay").status == 303
        text = urllib3.request("GET", page_of(sandbox, session_id)).data.decode()
        assert "expired" in text
        assert "/pay/" + session_id + "/pay" not in text
    assert sandbox.control.ledger()["charges"] == []


def test_text_from_the_merchant_is_escaped(sandbox: Sandbox) -> None:
    """A product called <script> is a product, not a script."""
    given = order("<b>ORDER</b>")
    given["line_items"][0]["price_data"]["product_data"]["name"] = "<script>alert(1)</script>"
    session = sandbox.client.v1.checkout.sessions.create(given)
    for url in (page_of(sandbox, session.id), sandbox.url):
        text = urllib3.request("GET", url).data.decode()
        assert "<script>" not in text
        assert "<b>ORDER" not in text


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "evil.example"},
        {"Host": "localhost.evil.example:8081"},
    ],
)
def test_other_sites_cannot_press_buttons(sandbox: Sandbox, headers: dict[str, str]) -> None:
    """A POST from another origin, or to a foreign host name, is refused and changes nothing."""
    session = sandbox.create()
    for path in (f"/stripe/pay/{session.id}/pay", f"/_sandbox/stripe/pages/{session.id}/pay", "/operator/faults/clear"):
        assert post(sandbox.url + path, headers=headers).status == 403
    assert sandbox.control.ledger()["charges"] == []


def test_pages_carry_a_policy_against_foreign_content(sandbox: Sandbox) -> None:
    """No script, no frame, no foreign style."""
    headers = urllib3.request("GET", sandbox.url).headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


@pytest.mark.parametrize("text", ["50000", "50.000", "50.000,00", " Rp 50.000 "])
def test_the_operator_refunds_in_amounts_as_the_page_prints_them(
    sandbox: Sandbox, merchant: Merchant, text: str
) -> None:
    """On a Rp 150.000 charge each of these refunds a third."""
    url = refund_form(sandbox)
    assert post(url, {"amount": text}, {"Origin": sandbox.url}).status == 303
    assert sandbox.control.ledger()["charges"][0]["amount_refunded"] == 5_000_000
    merchant.wait_for("charge.refunded")
    assert "Rp 50.000 refunded" in urllib3.request("GET", sandbox.url).data.decode()


@pytest.mark.parametrize(
    ("text", "status", "reason"),
    [
        ("50,000", 400, "write it like 150.000 or 150000"),
        ("-5", 400, "write it like 150.000 or 150000"),
        ("١٢", 400, "write it like 150.000 or 150000"),
        ("9" * 5000, 400, "write it like 150.000 or 150000"),
        ("150.001", 409, "greater than unrefunded amount"),
    ],
)
def test_a_refused_refund_keeps_the_input_and_leads_back(sandbox: Sandbox, text: str, status: int, reason: str) -> None:
    """The operator's page comes back with the reason, a link to the charge, and the field as it was written."""
    url = refund_form(sandbox)
    answer = post(url, {"amount": text})
    page = answer.data.decode()
    charge = sandbox.control.ledger()["charges"][0]
    assert (answer.status, charge["amount_refunded"]) == (status, 0)
    assert reason in page
    assert f'value="{text}"' in page
    assert f'href="#{charge["id"]}"' in page
    assert f'id="{charge["id"]}"' in page


def refund_form(sandbox: Sandbox) -> str:
    sandbox.control.pay(sandbox.create().id)
    return f"{sandbox.url}/operator/stripe/charges/{sandbox.control.ledger()['charges'][0]['id']}/refund"


def test_errors_elsewhere_lead_to_the_overview(sandbox: Sandbox) -> None:
    """A browser that asks for what is not there gets a page with a way on."""
    answer = urllib3.request("GET", f"{sandbox.url}/stripe/pay/none", headers={"Accept": "text/html"})
    assert answer.status == 404
    assert 'href="/"' in answer.data.decode()


def test_the_operator_sees_the_newest_and_on_request_all(sandbox: Sandbox) -> None:
    """Twenty payments are listed; the link shows the rest, and buttons pressed there lead back there."""
    oldest, *_ = [sandbox.create(f"ORDER-{number}") for number in range(21)]
    newest = urllib3.request("GET", sandbox.url).data.decode()
    assert oldest.id not in newest
    assert 'href="/?show=all#payments"' in newest
    everything = urllib3.request("GET", f"{sandbox.url}/?show=all").data.decode()
    assert 'href="/#payments"' in everything
    action = f"/operator/stripe/pages/{oldest.id}/expire?show=all"
    assert f'action="{action}"' in everything
    assert post(sandbox.url + action).headers["Location"] == f"/?show=all#{oldest.id}"


def test_the_operator_arms_and_clears_faults(sandbox: Sandbox) -> None:
    """The form and the control API set the same knobs."""
    fields = {"kind": "webhook_delay", "number": "2", "count": "3", "provider": "", "match": ""}
    assert post(f"{sandbox.url}/operator/faults", fields).status == 303
    armed = sandbox.control.call("GET", "/_sandbox/faults")["faults"]
    assert armed == [{"kind": "webhook_delay", "provider": None, "match": "", "seconds": 2.0, "count": 3}]
    assert "next 3" in urllib3.request("GET", sandbox.url).data.decode()
    assert post(f"{sandbox.url}/operator/faults/clear", {"kind": "webhook_delay"}).status == 303
    assert sandbox.control.call("GET", "/_sandbox/faults")["faults"] == []


def test_a_fault_lasts_until_cleared_unless_counted(sandbox: Sandbox) -> None:
    """The form as it stands arms a fault for every time; a banner says so until everything is cleared."""
    assert "Clear all" not in urllib3.request("GET", sandbox.url).data.decode()
    form = {"kind": "webhook_drop", "number": "", "count": "", "provider": "", "match": ""}
    assert 'name="count" inputmode="numeric" value=""' in urllib3.request("GET", sandbox.url).data.decode()
    for kind in ("webhook_drop", "api_rate_limit"):
        post(f"{sandbox.url}/operator/faults", {**form, "kind": kind})
    assert [fault["count"] for fault in sandbox.control.call("GET", "/_sandbox/faults")["faults"]] == [None, None]
    page = urllib3.request("GET", sandbox.url).data.decode()
    assert page.index("Clear all") < page.index("<h1>")
    assert "every time, until cleared" in page
    post(f"{sandbox.url}/operator/faults/clear")
    assert sandbox.control.call("GET", "/_sandbox/faults")["faults"] == []


def test_a_refused_fault_keeps_the_form(sandbox: Sandbox) -> None:
    """The reason stands above the form, which is filled in as it was."""
    fields = {"kind": "api_timeout", "number": "soon", "count": "3", "provider": "stripe", "match": "POST /v1/refunds"}
    answer = post(f"{sandbox.url}/operator/faults", fields)
    page = answer.data.decode()
    assert answer.status == 400
    assert "seconds must be a number from 0 to 120" in page
    assert '<option value="api_timeout" selected>' in page
    for text in ("soon", "3", "POST /v1/refunds"):
        assert f'value="{text}"' in page


def test_the_operator_sees_and_resends_webhooks(sandbox: Sandbox, merchant: Merchant) -> None:
    """Each webhook is listed with its last answer and a resend button that works."""
    sandbox.control.pay(sandbox.create().id, "expire")
    delivery = sandbox.control.settled()[-1]
    assert "checkout.session.expired" in urllib3.request("GET", sandbox.url).data.decode()
    before = len(merchant.received)
    assert post(f"{sandbox.url}/operator/deliveries/{delivery['id']}/resend").status == 303
    merchant.wait_until(lambda: len(merchant.received) == before + 1)
