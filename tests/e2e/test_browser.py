"""A person pays: a real browser opens the checkout URL, clicks, and comes back to the shop."""

import shutil
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

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


def checkout(running: RunningStack, order: str) -> dict[str, str]:
    """The shop's own page is the sandbox's health page here: something on this machine that a browser can open."""
    return running.client.create_checkout(
        "stripe", 150_000, "IDR", order, success_url=f"{running.sandbox}/healthz?order={order}"
    )


def await_state(running: RunningStack, transaction_id: str, state: str) -> None:
    for _ in range(200):
        if running.client.transaction(transaction_id)["state"] == state:
            return
        time.sleep(0.05)
    raise AssertionError(running.client.transaction(transaction_id))


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_paying_leads_back_to_the_shop_and_ends_paid(running: RunningStack, browser: Browser, size: dict[str, int]):
    answer = checkout(running, f"browser-{size['width']}")
    page: Page = browser.new_page(viewport=size)
    page.goto(answer["checkout_url"])
    expect(page.get_by_text("Rp 150.000").first).to_be_visible()
    expect(page.get_by_text(f"browser-{size['width']}").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    page.click("button[value=pay]")
    page.wait_for_url(f"{running.sandbox}/healthz?order=browser-{size['width']}")
    await_state(running, answer["id"], "paid")
    page.goto(answer["checkout_url"])
    assert page.locator("button[value=pay]").count() == 0
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
