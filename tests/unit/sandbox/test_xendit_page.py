"""The invoice page, as a payer sees and uses it."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import urllib3

from .conftest import Merchant
from .xendit_support import Xendit, serve

SHOP = "http://localhost:9/thanks"


@pytest.fixture
def xendit(merchant: Merchant, tmp_path: Path) -> Iterator[Xendit]:
    with serve(merchant, tmp_path) as running:
        yield running


def page(xendit: Xendit, invoice: dict[str, str]) -> str:
    answer = urllib3.request("GET", f"{xendit.api}/pay/{invoice['id']}")
    assert answer.status == 200
    return answer.data.decode()


def press(xendit: Xendit, invoice: dict[str, str], action: str) -> urllib3.BaseHTTPResponse:
    return urllib3.request("POST", f"{xendit.api}/pay/{invoice['id']}/{action}", redirect=False)


def test_the_page_says_what_is_paid_and_until_when(xendit: Xendit) -> None:
    """Shop, amount, order, description, items, time left, and that no real money moves."""
    made = xendit.invoice(
        description="Delivered on Tuesday",
        invoice_duration=3 * 3600 + 90,
        items=[{"name": "Café chair", "price": 75_000, "quantity": 2}],
    )
    text = page(xendit, made)
    for expected in ("Rp 150.000", "Demo Store", "PL-1", "Delivered on Tuesday", "Café chair", "no real money"):
        assert expected in text
    assert "3 h 1 min left to pay" in text
    assert re.search(r"Pay before \d\d \w{3} \d{4}, \d\d\.\d\d WIB", text)
    assert "<script" not in text
    assert " style=" not in text
    assert not re.search(r'(src|href)="https?://(?!localhost)', text)


def test_every_way_to_pay_has_what_the_payer_needs(xendit: Xendit) -> None:
    """Account numbers and codes as the API tells them, a QR image, and a button each."""
    made = xendit.invoice()
    text = page(xendit, made)
    numbers = [bank["bank_account_number"] for bank in made["available_banks"]]
    numbers += [outlet["payment_code"] for outlet in made["available_retail_outlets"]]
    shown = re.findall(r'class="number">([^<]+)<', text)
    assert set(numbers) <= {number.replace(" ", "") for number in shown}
    assert text.count("data:image/svg+xml") == 1
    for code in ("QRIS", "BCA", "MANDIRI", "OVO", "SHOPEEPAY", "CREDIT_CARD", "INDOMARET"):
        assert f'action="/xendit/pay/{made["id"]}/pay-{code.lower()}"' in text


def test_the_page_offers_only_the_chosen_methods(xendit: Xendit) -> None:
    text = page(xendit, xendit.invoice(payment_methods=["OVO"]))
    assert re.findall(r"/(pay-[a-z_]+)\"", text) == ["pay-ovo"]


def test_the_page_has_a_style_of_its_own(xendit: Xendit) -> None:
    text = page(xendit, xendit.invoice())
    (sheet,) = re.findall(r'href="(/xendit/[^"]+\.css)"', text)
    answer = urllib3.request("GET", xendit.url + sheet)
    assert (answer.status, answer.headers["Content-Type"].split(";")[0]) == (200, "text/css")


def test_paying_leads_to_the_shop(xendit: Xendit) -> None:
    """By whichever button; the page then shows how and when, and the way back."""
    made = xendit.invoice(success_redirect_url=SHOP)
    answer = press(xendit, made, "pay-dana")
    assert (answer.status, answer.headers["Location"]) == (303, SHOP)
    text = page(xendit, made)
    assert "Payment successful" in text
    assert "DANA" in text
    assert f'href="{SHOP}"' in text
    assert "/pay-" not in text


def test_without_a_shop_to_return_to_the_page_shows_the_outcome(xendit: Xendit) -> None:
    made = xendit.invoice()
    assert press(xendit, made, "pay").headers["Location"] == f"/xendit/pay/{made['id']}"
    assert "Payment successful" in page(xendit, made)


def test_a_double_click_makes_one_payment(xendit: Xendit) -> None:
    """However many clicks arrive at once, for however many methods."""
    made = xendit.invoice(success_redirect_url=SHOP)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda code: press(xendit, made, f"pay-{code}"), ["ovo", "bca", "qris", "dana"] * 4))
    assert {answer.headers["Location"] for answer in answers} == {SHOP}
    assert len(xendit.control.ledger()["charges"]) == 1
    assert len({delivery["event_id"] for delivery in xendit.control.deliveries()}) == 1


def test_a_refused_attempt_says_so_and_can_be_repeated(xendit: Xendit) -> None:
    """The payer is sent neither to the shop's success address nor to that for failures."""
    made = xendit.invoice(success_redirect_url=SHOP, failure_redirect_url="http://localhost:9/cart")
    assert press(xendit, made, "fail").headers["Location"] == f"/xendit/pay/{made['id']}"
    text = page(xendit, made)
    assert "The payment was refused." in text
    assert 'role="alert"' in text
    assert 'href="http://localhost:9/cart"' in text
    assert SHOP not in text
    press(xendit, made, "pay-bni")
    assert "refused" not in page(xendit, made)


def test_another_amount_is_shown_as_such(xendit: Xendit) -> None:
    made = xendit.invoice()
    press(xendit, made, "pay-other-amount")
    text = page(xendit, made)
    assert "Another amount was received" in text
    assert "Rp 135.000" in text


def test_an_expired_page_takes_no_money_but_late_money(xendit: Xendit) -> None:
    """By button or by time: no way to pay is offered, and pressing an old button changes nothing."""
    by_button, by_time = xendit.invoice("PL-1"), xendit.invoice("PL-2")
    press(xendit, by_button, "expire")
    xendit.clock.offset_s = 86_401
    for made in (by_button, by_time):
        assert press(xendit, made, "pay-qris").status == 303
        text = page(xendit, made)
        assert "This invoice has expired" in text
        assert "Simulate payment" not in text
    assert xendit.control.ledger()["charges"] == []
    press(xendit, by_time, "pay-late")
    assert "Payment successful" in page(xendit, by_time)


def test_text_from_the_merchant_is_escaped(xendit: Xendit) -> None:
    text = page(
        xendit,
        xendit.invoice(
            "<b>PL</b>", description="<script>1</script>", items=[{"name": "<i>x", "price": 1, "quantity": 1}]
        ),
    )
    assert not re.search(r"<b>|<script>|<i>", text)


@pytest.mark.parametrize(("currency", "shown"), [("USD", "US$ 12.34"), ("PHP", "PHP 12.34"), ("MYR", "RM 12.34")])
def test_other_currencies_are_shown_in_their_own_way(xendit: Xendit, currency: str, shown: str) -> None:
    text = page(xendit, xendit.invoice(amount=12.34, currency=currency))
    assert shown in text
    assert "UTC" in text


def test_the_operator_sees_the_few_buttons_that_make_sense(xendit: Xendit) -> None:
    """One for each outcome, not one for each bank; what a payment allows depends on how it was paid."""
    made = xendit.invoice()
    text = urllib3.request("GET", xendit.url).data.decode()
    offered = re.findall(rf'/operator/xendit/pages/{made["id"]}/([a-z-]+)"', text)
    assert offered == ["pay", "fail", "pay-other-amount", "expire"]
    press(xendit, made, "pay-bca")
    text = urllib3.request("GET", xendit.url).data.decode()
    assert re.findall(r'/operator/xendit/charges/[^/]+/([a-z-]+)"', text) == ["settle", "dispute"]


def test_an_unknown_page_is_not_found(xendit: Xendit) -> None:
    assert urllib3.request("GET", f"{xendit.api}/pay/65f0a1b2c3d4e5f60718293a").status == 404
