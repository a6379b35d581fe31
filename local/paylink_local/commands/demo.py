"""`paylink demo`: a whole payment at each provider in the sandbox, against the running stack, with its timeline."""

import argparse
import os
import sys
import time
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from paylink_local.demo_client import DemoClient, DemoFailed
from paylink_local.services.environment import simulated_providers
from paylink_local.services.running import running_environment
from paylink_local.supervisor.errors import CannotRun
from paylink_local.supervisor.home import Home

HELP = "Pay at each provider in the sandbox, and show what happened."

AMOUNT = 150_000
CURRENCY = "IDR"
_DEADLINE_S = 60.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--provider", help="only this one")


def run(args: argparse.Namespace) -> int:
    settings, api, sandbox = _stack()
    slugs = simulated_providers(settings)
    if not slugs:
        raise CannotRun("every enabled provider is a real one, and the demo pays on the sandbox's pages only")
    if args.provider is not None and args.provider not in slugs:
        raise CannotRun(f"{args.provider} is not in the sandbox; there are: {', '.join(slugs)}")
    client = DemoClient(api, sandbox, settings["PAYLINK_DEMO_MERCHANT_KEY"])
    failed = 0
    for slug in [args.provider] if args.provider else slugs:
        try:
            _pay_through(client, slug)
        except DemoFailed as exc:
            failed += 1
            print(f"\n{slug}: {exc}", file=sys.stderr)
    if failed:
        print(f"\n{failed} of the payments did not end paid.", file=sys.stderr)
        return 1
    print("\nEvery payment ended paid.")
    return 0


def _stack() -> tuple[Mapping[str, str], str, str]:
    """Return the settings of the stack with the addresses of its API and its sandbox."""
    if api := os.environ.get("PAYLINK_API_URL"):
        # Started by others: what the environment says is all there is to know.
        host = os.environ.get("PAYLINK_SANDBOX_HOST", "localhost")
        return os.environ, api, f"http://{host}:{os.environ['PAYLINK_SANDBOX_PORT']}"
    settings = running_environment(Home.of(os.environ), os.environ)
    api, sandbox = (f"http://127.0.0.1:{settings[name]}" for name in ("PAYLINK_API_PORT", "PAYLINK_SANDBOX_PORT"))
    return settings, api, sandbox


def _pay_through(client: DemoClient, slug: str) -> None:
    order = f"demo-{uuid.uuid4().hex[:8]}"
    started = time.time()
    print(f"\n{slug}: an order of Rp 150.000, {order}")
    checkout = client.create_checkout(slug, AMOUNT, CURRENCY, order)
    page = client.page_of(checkout["checkout_url"])
    client.pay(slug, page["id"])
    transaction = _await_paid(client, checkout["id"])
    for at, line in sorted(_timeline(client, checkout, page, transaction), key=lambda entry: entry[0]):
        print(f"  {max(0.0, at - started):6.3f} s  {line}")
    pages, charges = client.count(page["reference"])
    print(f"  transaction {checkout['id']} is {transaction['state']}: {pages} page, {charges} charge at {slug}")
    if (pages, charges) != (1, 1):
        raise DemoFailed(f"one page and one charge were expected, the sandbox has {pages} and {charges}")


def _await_paid(client: DemoClient, transaction_id: str) -> dict[str, Any]:
    """
    Raises:
        DemoFailed: It is not paid by the deadline.
    """
    stop_at = time.monotonic() + _DEADLINE_S
    while True:
        transaction = client.transaction(transaction_id)
        if transaction["state"] == "paid":
            return transaction
        if time.monotonic() >= stop_at:
            raise DemoFailed(f"transaction {transaction_id} is {transaction['state']} after {_DEADLINE_S:.0f} s")
        time.sleep(0.05)


def _timeline(
    client: DemoClient, checkout: dict[str, Any], page: dict[str, Any], transaction: dict[str, Any]
) -> list[tuple[float, str]]:
    lines = [(_epoch(page["created_at"]), f"payment page made: {checkout['checkout_url']}")]
    for charge in client.charges(page["reference"]):
        lines.append((_epoch(charge["created_at"]), f"the payer pays on the page ({charge['id']})"))
    for delivery in client.deliveries(page["reference"]):
        for attempt in delivery["attempts"]:
            answer = attempt["status_code"] or attempt["error"]
            signed = " and ".join(attempt["signed_with"])
            what = f"webhook {delivery['type']}, proved by {signed}, answered {answer}"
            lines.append((_epoch(attempt["at"]), what))
    for row in transaction["history"]:
        evidence = f"{row['evidence']} {row['evidence_id']}" if row["evidence_id"] else row["evidence"]
        lines.append((_epoch(row["at"]), f"state {row['state']}, evidence: {evidence}"))
    return lines


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
