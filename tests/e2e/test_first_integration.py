"""docs/first-integration.md: its requests and its two shops, run as they stand there, against the running stack."""

import http.client
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlencode

import pytest
import urllib3

from paylink_local.services.testing import free_port
from support.documents import alike, blocks, page, section
from support.running import RunningStack

PAGE = page("first-integration.md")
T = TypeVar("T")
LANGUAGES = {"python": ("shop.py", sys.executable), "js": ("shop.mjs", "node")}
http_client = urllib3.PoolManager(retries=False, timeout=30.0)


def environ_of(running: RunningStack, **more: str) -> dict[str, str]:
    key = running.client._headers["Authorization"].removeprefix("Bearer ")
    return {**os.environ, "PAYLINK_URL": running.api, "PAYLINK_KEY": key, "NO_PROXY": "*", **more}


def press(checkout_url: str, button: str) -> str:
    """Press a button of the sandbox's page, and return where it leads."""
    answer = http_client.request("POST", f"{checkout_url}/{button}", redirect=False)
    assert answer.status == 303, answer.data
    return answer.headers["Location"]


def until(ask: Callable[[], T], wanted: Callable[[T], bool]) -> T:
    stop_at = time.monotonic() + 60
    while not wanted(answer := ask()):
        assert time.monotonic() < stop_at, answer
        time.sleep(0.2)
    return answer


def test_the_first_payment_by_hand(running: RunningStack):
    """What the page prints is what is answered, ids and times aside; of a transaction it prints a part."""
    part = section(PAGE, "2. One payment by hand")
    (ask_for_page, ask_for_state), shown = blocks(part, "sh"), [json.loads(block) for block in blocks(part, "json")]

    def run(code: str, **more: str) -> dict[str, object]:
        done = subprocess.run(["bash", "-eu", "-c", code], env=environ_of(running, **more), capture_output=True)
        return dict(json.loads(done.stdout))

    made = run(ask_for_page)
    assert alike(made) | {"checkout_url": ""} == alike(shown[0]) | {"checkout_url": ""}
    press(str(made["checkout_url"]), "pay")
    ask_again = ask_for_state.replace("export TX=...", "")
    assert ask_again != ask_for_state
    paid = until(lambda: run(ask_again, TX=str(made["id"])), lambda answer: answer["state"] == "paid")
    assert alike(shown[1]).items() <= alike(paid).items()


class Shop:
    """One of the page's shops in a process of its own."""

    def __init__(self, running: RunningStack, language: str, folder: Path) -> None:
        self._file, self._interpreter = LANGUAGES[language]
        (code,) = blocks(PAGE, language)
        (folder / self._file).write_text(code)
        self._running, self._folder, self._port = running, folder, free_port()
        self._log = folder / "log"

    def open(self, paylink_url: str | None = None) -> None:
        more = {"PORT": str(self._port), "SWEEP_S": "0.5"} | ({"PAYLINK_URL": paylink_url} if paylink_url else {})
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._interpreter, self._file],
                cwd=self._folder,
                env=environ_of(self._running, **more),
                stdout=log,
                stderr=log,
            )
        until(self._listens, bool)

    def _listens(self) -> bool:
        try:
            return self.get("/")[0] == 200
        except urllib3.exceptions.HTTPError:
            assert self._process.poll() is None, self._log.read_text()
            return False

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def get(self, path: str) -> tuple[int, str]:
        answer = http_client.request("GET", f"http://localhost:{self._port}{path}")
        return answer.status, answer.data.decode()

    def buy(self, product: str) -> tuple[int, str]:
        """Return the status and where the payer is sent."""
        form = urlencode({"product": product})
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        url = f"http://localhost:{self._port}/orders"
        answer = http_client.request("POST", url, body=form, headers=headers, redirect=False)
        return answer.status, answer.headers.get("Location", "")

    def shipped(self) -> list[str]:
        return re.findall(r"^ship (\S+)$", self._log.read_text(), re.M)


@pytest.fixture(params=LANGUAGES)
def shop(request: pytest.FixtureRequest, running: RunningStack, tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(running, request.param, tmp_path)
    shop.open()
    yield shop
    shop.kill()


def test_an_order_is_paid_and_shipped_once(shop: Shop):
    status, checkout_url = shop.buy("coffee")
    assert status == 303
    back = urllib3.util.parse_url(press(checkout_url, "pay")).request_uri
    until(lambda: shop.get(back), lambda answer: answer == (200, "Your order is paid, and on its way."))
    time.sleep(1.5)  # three sweeps
    assert [f"/orders/{order}" for order in shop.shipped()] == [back.partition("?")[0]]


def test_a_page_that_expires_ships_nothing(shop: Shop, running: RunningStack):
    _, checkout_url = shop.buy("tea")
    press(checkout_url, "choose-bca_va")
    press(checkout_url, "expire")
    newest = http_client.request("GET", f"{running.api}/v1/tx?limit=1", headers=running.client._headers)
    order = "/orders/" + newest.json()["transactions"][0]["order_reference"]
    until(lambda: shop.get(order), lambda answer: answer == (200, "Your order is expired."))
    assert shop.shipped() == []


def test_a_payer_who_does_not_come_back_to_a_shop_that_died(shop: Shop):
    """The sweep of the next start ships the order."""
    _, checkout_url = shop.buy("coffee")
    shop.kill()
    press(checkout_url, "pay")
    assert shop.shipped() == []
    shop.open()
    until(shop.shipped, lambda orders: len(orders) == 1)


def test_an_order_that_came_while_paylink_was_away(shop: Shop, running: RunningStack):
    """It has a page later, one, under the same key."""
    shop.kill()
    shop.open(paylink_url=f"http://127.0.0.1:{free_port()}")
    status, order = shop.buy("coffee")
    assert status == 303
    assert shop.get(order) == (200, "Your order is new.")
    shop.kill()
    shop.open()
    _, text = until(lambda: shop.get(order), lambda answer: "pending" in answer[1])
    (page_of_order,) = re.findall(r'^Your order is pending\. <a href="([^"]+)">Pay</a>$', text)
    press(page_of_order, "pay")
    until(shop.shipped, lambda orders: orders == [order.removeprefix("/orders/")])
    reference = order.removeprefix("/orders/")
    listed = f"{running.api}/v1/tx?order_reference={reference}"
    answer = http_client.request("GET", listed, headers=running.client._headers)
    assert len(answer.json()["transactions"]) == 1


@pytest.mark.parametrize("path", ["/orders/x", "/orders/", "/orders/__proto__", "/nothing"])
def test_what_a_shop_does_not_have(shop: Shop, path: str):
    assert shop.get(path)[0] == 404
    assert shop.buy("cat")[0] == shop.buy("constructor")[0] == http.client.NOT_FOUND
