"""What a payer sees and presses, and where it leads."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from pathlib import Path

import pytest
import urllib3

from paylink_sandbox.midtrans.methods import METHODS

from .conftest import Merchant
from .midtrans_support import Sandbox, environment_of, serve


@pytest.fixture
def sandbox(merchant: Merchant, tmp_path: Path) -> Iterator[Sandbox]:
    with serve(environment_of(merchant, tmp_path)) as sandbox:
        yield sandbox


def press(sandbox: Sandbox, token: str, name: str) -> str:
    """Press a button of the page; give where the browser is led."""
    answer = urllib3.request("POST", f"{sandbox.url}/midtrans/pay/{token}/{name}", redirect=False)
    assert answer.status == 303
    return answer.headers["Location"]


def buttons(page: str) -> set[str]:
    return set(re.findall(r'action="/midtrans/pay/[^/"]+/([a-z0-9_-]+)"', page))


def test_the_page_says_what_is_paid(sandbox: Sandbox) -> None:
    """Shop, amount, order, items, customer, until when, and that no real money moves; no script, nothing foreign."""
    page = sandbox.page(sandbox.create())
    for expected in ("Rp 150.000", "Demo Store", "ORDER-1", "Café table", "Budi", "no real money"):
        assert expected in page
    assert re.search(r"Pay before <strong>\d\d \w{3} \d{4}, \d\d\.\d\d WIB", page)
    assert "<script" not in page
    assert 'style="' not in page
    style = urllib3.request("GET", sandbox.url + re.findall(r'href="([^"]+midtrans\.css)"', page)[0])
    assert (style.status, style.headers["Content-Type"].partition(";")[0]) == (200, "text/css")


def test_every_method_is_offered_unless_the_shop_limits_them(sandbox: Sandbox) -> None:
    """Cards are a page of their own, which shows only where cards are taken."""
    everything = sandbox.create("ORDER-1")
    expected = {f"choose-{code}" for code in METHODS if code != "credit_card"}
    assert buttons(sandbox.page(everything)) == expected | {"pay", "expire"}
    assert buttons(sandbox.page(everything, "?show=card")) == {"card", "fail", "challenge", "pay", "expire"}
    limited = sandbox.create("ORDER-2", enabled_payments=["alfamart", "bca_va"])
    for query in ("", "?show=card"):
        assert buttons(sandbox.page(limited, query)) == {"choose-bca_va", "choose-alfamart", "pay", "expire"}
        assert "?show=card" not in sandbox.page(limited, query)


@pytest.mark.parametrize("method", [code for code in METHODS if code != "credit_card"])
def test_a_choice_shows_how_to_pay(sandbox: Sandbox, method: str) -> None:
    """The very number that the status tells, or a code to scan; a button pays and leads to the shop."""
    token = sandbox.create()
    assert press(sandbox, token, f"choose-{method}") == f"/midtrans/pay/{token}"
    page, status = sandbox.page(token), sandbox.status()
    numbers = [status.get(name) for name in ("permata_va_number", "biller_code", "bill_key", "payment_code")]
    numbers += [account["va_number"] for account in status.get("va_numbers", [])]
    for number in filter(None, numbers):
        assert number in page
    assert ('src="data:image/svg+xml' in page) == (method in ("gopay", "shopeepay", "qris"))
    assert any(numbers) != ("data:image/svg+xml" in page)
    assert buttons(page) == {"pay-chosen", "expire"}
    pending = "order_id=ORDER-1&status_code=201&transaction_status=pending"
    assert f'href="http://localhost:9/thanks?shop=1&{pending}"' in unescape(page)
    settled = "order_id=ORDER-1&status_code=200&transaction_status=settlement"
    assert press(sandbox, token, "pay-chosen") == f"http://localhost:9/thanks?shop=1&{settled}"
    assert "Payment successful" in sandbox.page(token)
    assert f"Paid with <strong>{METHODS[method].name}" in sandbox.page(token)


def test_a_payer_can_go_back_and_choose_again(sandbox: Sandbox) -> None:
    """The list is a link away; the page then shows the new choice."""
    token = sandbox.create()
    press(sandbox, token, "choose-bca_va")
    first = sandbox.status()["va_numbers"][0]["va_number"]
    assert "choose-bni_va" in buttons(sandbox.page(token, "?show=methods"))
    press(sandbox, token, "choose-bni_va")
    page = sandbox.page(token)
    assert first not in page
    assert sandbox.status()["va_numbers"][0]["va_number"] in page


def test_a_double_click_makes_one_transaction_and_one_charge(sandbox: Sandbox) -> None:
    """However many POSTs arrive at once."""
    token = sandbox.create()
    for name in ("choose-bca_va", "pay-chosen"):
        with ThreadPoolExecutor(8) as pool:
            assert len(set(pool.map(lambda _, name=name: press(sandbox, token, name), range(16)))) == 1
    assert len(sandbox.control.ledger()["charges"]) == 1
    assert sorted(item["type"] for item in sandbox.control.settled()) == ["pending", "settlement"]


def test_a_refused_card_is_told_and_can_be_followed_by_another(sandbox: Sandbox) -> None:
    """The reason stands above the methods."""
    token = sandbox.create()
    assert press(sandbox, token, "fail") == f"/midtrans/pay/{token}"
    page = sandbox.page(token)
    assert "The bank refused the card." in page
    assert "choose-bca_va" in buttons(page)
    assert "transaction_status=capture" in press(sandbox, token, "card")


def test_a_card_under_review_is_not_called_successful(sandbox: Sandbox) -> None:
    """Until the shop approves it."""
    token = sandbox.create()
    press(sandbox, token, "challenge")
    assert "under review" in sandbox.page(token)
    sandbox.core.transactions.approve("ORDER-1")
    assert "Payment successful" in sandbox.page(token)


@pytest.mark.parametrize("query", ["", "?show=methods", "?show=card"])
@pytest.mark.parametrize(
    ("actions", "text"),
    [
        (("expire",), "Payment time is over"),
        (("choose-gopay", "expire"), "Payment time is over"),
        (("pay",), "Payment successful"),
    ],
)
def test_a_page_that_is_over_has_no_buttons(sandbox: Sandbox, actions: list[str], text: str, query: str) -> None:
    """It says how it ended and leads back to the shop; a late POST changes nothing."""
    token = sandbox.create()
    for name in actions:
        press(sandbox, token, name)
    page = sandbox.page(token, query)
    assert text in page
    assert buttons(page) == set()
    assert "Back to Demo Store" in page
    before = sandbox.control.ledger()
    for name in ("pay", "pay-chosen", "choose-bca_va", "card"):
        press(sandbox, token, name)
    assert sandbox.control.ledger() == before


def test_text_from_the_merchant_is_escaped(sandbox: Sandbox) -> None:
    """A product called <script> is a product."""
    items = [{"name": "<script>alert(1)</script>", "price": 150_000, "quantity": 1}]
    token = sandbox.create(item_details=items, customer_details={"first_name": "<b>Budi</b>"})
    assert "<script>" not in sandbox.page(token)
    assert "<b>Budi" not in sandbox.page(token)


def test_an_order_without_addresses_ends_on_the_page(sandbox: Sandbox) -> None:
    """No finish address: the payer stays, and no link leads nowhere."""
    token = sandbox.create(callbacks=None, item_details=None, customer_details=None)
    assert press(sandbox, token, "pay") == f"/midtrans/pay/{token}"
    assert "Back to Demo Store" not in sandbox.page(token)


def test_the_operator_sees_the_buttons_that_make_sense(sandbox: Sandbox) -> None:
    """Of the page while it is open, of the charge while it has money."""

    def offered(kind: str) -> set[str]:
        text = urllib3.request("GET", sandbox.url).data.decode()
        return set(re.findall(rf'action="/operator/midtrans/{kind}/[^/"]+/([a-z-]+)"', text))

    token = sandbox.create(enabled_payments=["permata_va"])
    assert offered("pages") == {"pay", "expire"}
    sandbox.control.pay(token, "choose-permata_va")
    assert offered("pages") == {"pay", "pay-chosen", "expire"}
    sandbox.control.pay(token, "pay-chosen")
    assert (offered("pages"), offered("charges")) == (set(), {"reverse", "dispute", "dispute-partial"})
    charge = sandbox.control.ledger()["charges"][0]["id"]
    sandbox.control.charge(charge, "reverse")
    assert offered("charges") == set()
    card = sandbox.paid("ORDER-2", "challenge")
    assert offered("charges") == {"approve", "deny", "void"}
    sandbox.control.charge(card, "approve")
    assert offered("charges") == {"settle", "void"}
    sandbox.control.charge(card, "settle")
    assert offered("charges") == {"refund", "dispute", "dispute-partial"}
    sandbox.control.charge(card, "refund", {"amount": 1})
    assert offered("charges") == {"refund", "refund-confirm"}
