"""`paylink routing`: through which accounts a merchant's checkouts go."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

from paylink.core.errors import InvalidFields
from paylink.core.money import AMOUNT_MAX, InvalidMoney, Money
from paylink.providers.port import PaymentMethod
from paylink.runtime.routing_request import parse_routing
from paylink.services.checkout_order import CheckoutOrder
from paylink.services.operator import COMMAND
from paylink.services.routing import RoutingChanges
from paylink_local.operator_commands import operator_deps, print_json, print_table, short_time
from paylink_local.supervisor.errors import CannotRun

HELP = "Show or replace a merchant's routing rules, or see where an order would go."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    show = actions.add_parser("show", help="the rules, and the accounts there are", allow_abbrev=False)
    replace = actions.add_parser("set", help="replace all rules by those of a file", allow_abbrev=False)
    test = actions.add_parser("test", help="where an order would go; none is made", allow_abbrev=False)
    for action in (show, replace, test):
        action.add_argument("merchant", metavar="MERCHANT", help="its id or its name")
    replace.add_argument("file", metavar="FILE", help="JSON as the API takes it; - reads standard input")
    test.add_argument("--amount", type=_amount, required=True, metavar="N", help="in the currency's smallest unit")
    test.add_argument("--currency", required=True, metavar="CODE", help="such as IDR")
    test.add_argument(
        "--method",
        dest="methods",
        action="append",
        default=[],
        choices=[method.value for method in PaymentMethod],
        help="asked for by the order; may stand several times",
    )
    for action in (show, test):
        action.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    with operator_deps() as (deps, _):
        merchant_id = deps.routing.find_merchant(args.merchant)
        match args.action:
            case "show":
                routing = deps.routing.show(merchant_id)
                print_json(routing) if args.json else _print(routing)
            case "set":
                _print(_replace(deps.routing, merchant_id, _read(args.file)))
            case _:
                preview = deps.routing.preview(merchant_id, _order(args))
                print_json(preview) if args.json else _print_preview(preview)
    return 0


def _replace(routing: RoutingChanges, merchant_id: UUID, body: Any) -> dict[str, Any]:
    """The wrong fields are those of a file, and no options of the command."""
    try:
        rules, version = parse_routing(body)
        return routing.replace(merchant_id, rules, after=version, changed_by=COMMAND.name)
    except InvalidFields as exc:
        raise CannotRun(", ".join(f"{wrong.field}: {wrong.message}" for wrong in exc.fields)) from exc


def _amount(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= AMOUNT_MAX):
        raise argparse.ArgumentTypeError(f"a whole number from 1 to {AMOUNT_MAX} is needed")
    return int(text)


def _read(name: str) -> Any:
    try:
        return json.loads(sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise CannotRun(f"{name}: {exc}") from exc


def _order(args: argparse.Namespace) -> CheckoutOrder:
    """An order of which only what routing looks at is told."""
    try:
        amount = Money(args.amount, args.currency)
    except InvalidMoney as exc:
        raise CannotRun(f"--currency: {exc}") from exc
    return CheckoutOrder(
        provider=None,
        amount=amount,
        order_reference="",
        success_url="",
        failure_url=None,
        description=None,
        customer_name=None,
        customer_email=None,
        metadata={},
        expires_in_s=None,
        fingerprint=b"",
        payment_methods=tuple(map(PaymentMethod, args.methods)),
    )


def _print(routing: dict[str, Any]) -> None:
    changed = f", changed {short_time(routing['changed_at'])} by {routing['changed_by']}" if routing["version"] else ""
    print(f"{routing['merchant']} ({routing['merchant_id']}): version {routing['version']}{changed}")
    print_table([("RULE", "ORDERS", "ACCOUNTS"), *_rule_rows(routing)])
    print_table([("ACCOUNT", "BREAKER"), *((_name(account), account["breaker"]) for account in routing["accounts"])])


def _rule_rows(routing: dict[str, Any]) -> list[tuple[str, str, str]]:
    if not routing["rules"]:
        defaults = [_name(account) for account in routing["accounts"] if account["without_rules"]]
        return [("-", "all", f"without rules: {', then '.join(defaults) or 'none'}")]
    return [(str(n), _conditions(rule), _targets(rule)) for n, rule in enumerate(routing["rules"])]


def _conditions(rule: dict[str, Any]) -> str:
    least, most = rule.get("amount_min"), rule.get("amount_max")
    told = [
        rule.get("currency"),
        f"from {least}" if least else None,
        f"to {most}" if most else None,
        f"by {', '.join(rule['payment_methods'])}" if rule.get("payment_methods") else None,
    ]
    return " ".join(filter(None, told)) or "all"


def _targets(rule: dict[str, Any]) -> str:
    return ", ".join(f"{_name(account)} {account['weight']}" for account in rule["accounts"])


def _print_preview(preview: dict[str, Any]) -> None:
    print("without rules" if preview["rule"] is None else f"rule {preview['rule']}")
    rows = [
        (_name(one), f"{one['share_percent']:g} %", one["breaker"], one["obstacle"] or "")
        for one in preview["accounts"]
    ]
    print_table([("ACCOUNT", "SHARE", "BREAKER", "CANNOT TAKE IT"), *rows])


def _name(account: dict[str, Any]) -> str:
    return f"{account['provider']}/{account['account']}"
