"""A person pays: a real browser opens the checkout URL, clicks, and comes back to the shop."""

import shutil
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from paylink.providers.registry import provider_slugs
from support.running import RunningStack

BROWSERS = ("chromium", "google-chrome", "chromium-browser")
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 800}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    assert found is not None, "no browser; ./scripts/test installs one"
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=found, args=arguments)
        yield browser
        browser.close()


def checkout(running: RunningStack, order: str, provider: str = "stripe") -> dict[str, str]:
    """The shop's own page is the sandbox's health page here: something on this machine that a browser can open."""
    return running.client.create_checkout(
        provider, 150_000, "IDR", order, success_url=f"{running.sandbox}/healthz?order={order}"
    )


CLICKS = {
    "midtrans": ["button:has-text('QRIS')", "button:has-text('Simulate: pay')"],
    "stripe": ["button[value=pay]"],
    "xendit": ["summary:has-text('DANA')", "details:has-text('DANA') button:has-text('Simulate payment')"],
}
"""What a payer presses at each provider, one after the other."""


def await_state(running: RunningStack, transaction_id: str, state: str) -> None:
    for _ in range(200):
        if running.client.transaction(transaction_id)["state"] == state:
            return
        time.sleep(0.05)
    raise AssertionError(running.client.transaction(transaction_id))


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("slug", provider_slugs())
def test_paying_leads_back_to_the_shop_and_ends_paid(
    running: RunningStack, browser: Browser, slug: str, size: dict[str, int]
):
    """No page is wider than its screen, and one that is paid has nothing left to press but the way back."""
    order = f"browser-{slug}-{size['width']}"
    answer = checkout(running, order, slug)
    page: Page = browser.new_page(viewport=size)
    page.goto(answer["checkout_url"])
    expect(page.get_by_text("Rp 150.000").first).to_be_visible()
    expect(page.get_by_text("A demo order").first).to_be_visible()
    expect(page.get_by_text("no real money").first).to_be_visible()
    for click in CLICKS[slug]:
        expect(page.locator(click)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        page.click(click)
    page.wait_for_url(f"{running.sandbox}/healthz?order={order}*")
    await_state(running, answer["id"], "paid")
    page.goto(answer["checkout_url"])
    assert page.locator("button").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    page.close()


def test_a_virtual_account_waits_for_its_transfer(running: RunningStack, browser: Browser):
    """Choosing a bank shows a number and moves nothing; the transfer does."""
    answer = checkout(running, "browser-va", "midtrans")
    page = browser.new_page(viewport=PHONE)
    page.goto(answer["checkout_url"])
    page.get_by_role("button", name="BCA").click()
    expect(page.get_by_text("Virtual account number", exact=True)).to_be_visible()
    page.reload()
    expect(page.get_by_text("Virtual account number", exact=True)).to_be_visible()
    assert running.client.transaction(answer["id"])["state"] == "pending"
    page.get_by_role("button", name="Simulate: pay").click()
    page.wait_for_url("**/healthz?order=browser-va*")
    await_state(running, answer["id"], "paid")
    page.close()


def test_a_refused_card_leads_to_another_method(running: RunningStack, browser: Browser):
    answer = checkout(running, "browser-refused-card", "midtrans")
    page = browser.new_page()
    page.goto(answer["checkout_url"])
    page.get_by_role("link", name="Credit/debit card").click()
    page.get_by_role("button", name="4911 1111 1111 1113").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was charged")
    page.get_by_role("button", name="GoPay").click()
    page.get_by_role("button", name="Simulate: pay").click()
    page.wait_for_url("**/healthz?order=browser-refused-card*")
    await_state(running, answer["id"], "paid")
    page.close()


def test_an_invoice_that_was_paid_too_little_is_not_paid(running: RunningStack, browser: Browser):
    answer = checkout(running, "browser-too-little", "xendit")
    page = browser.new_page()
    page.goto(answer["checkout_url"])
    page.get_by_role("button", name="Pay too little").click()
    for _ in range(200):
        events = running.client.transaction(answer["id"])["events"]
        if [event["state"] for event in events] == ["parked"]:
            break
        time.sleep(0.05)
    transaction = running.client.transaction(answer["id"])
    assert (transaction["state"], [e["reason"] for e in transaction["events"]]) == ("pending", ["amount_mismatch"])
    page.close()


def test_a_declined_card_can_try_again(running: RunningStack, browser: Browser):
    answer = checkout(running, "browser-declined")
    page = browser.new_page()
    page.goto(answer["checkout_url"])
    page.click("button[value=fail]")
    expect(page.get_by_text("declined").first).to_be_visible()
    page.click("button[value=pay]")
    page.wait_for_url("**/healthz?order=browser-declined")
    await_state(running, answer["id"], "paid")
    page.close()


def test_letting_it_expire_ends_expired(running: RunningStack, browser: Browser):
    answer = checkout(running, "browser-expired")
    page = browser.new_page()
    page.goto(answer["checkout_url"])
    page.click("button[value=expire]")
    await_state(running, answer["id"], "expired")
    page.close()


def test_the_redirect_alone_changes_nothing(running: RunningStack, browser: Browser):
    """A payer who opens the success address without paying is still a payer who has not paid."""
    answer = checkout(running, "browser-redirect")
    page = browser.new_page()
    page.goto(f"{running.sandbox}/healthz?order=browser-redirect")
    page.close()
    assert running.client.transaction(answer["id"])["state"] == "pending"
