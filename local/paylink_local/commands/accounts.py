"""`paylink accounts`: merchants' accounts at providers, and their credentials. Never prints a secret."""

import argparse
import sys
from typing import Any

from paylink.core.fees import FeeAgreement, FeeTerms
from paylink.runtime.operator_request import CredentialRequest, parse_account
from paylink.runtime.query import read_moment, read_values
from paylink.runtime.strict_body import validate
from paylink.services.fee_agreements import FeeAgreements
from paylink.services.operator import COMMAND
from paylink.services.ports import utc_now
from paylink.services.provider_accounts import ProviderAccounts
from paylink.services.resealing import Resealing
from paylink_local.operator_commands import (
    add_page,
    operator_deps,
    print_json,
    print_page,
    read_id,
    read_page_options,
    short_time,
)
from paylink_local.secret_input import read_secret

HELP = "List, make and change accounts at providers, give them credentials, and re-seal all of them."

_HEADER = ("ID", "ACCOUNT", "MERCHANT", "STATE", "DEFAULT", "CREDENTIALS", "MISSING", "CREATED")
_FILTERS = frozenset({"merchant_id", "provider"})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="the newest first", allow_abbrev=False)
    listing.add_argument("--merchant", dest="merchant_id", metavar="ID", help="of this merchant")
    listing.add_argument("--provider", help="at this provider")
    add_page(listing)
    create = actions.add_parser("create", help="prints the id of the new one", allow_abbrev=False)
    create.add_argument("--merchant", required=True, metavar="ID", help="whose it is")
    create.add_argument("--provider", required=True, help="an enabled provider")
    create.add_argument("--name", required=True, help="stands in the address of its webhooks")
    create.add_argument("--default", action="store_true", help="for the merchant's new checkouts; the first one is")
    create.add_argument("--short-address", action="store_true", help="also take webhooks at /v1/webhook/PROVIDER")
    setting = actions.add_parser("set", help="give it a credential, by prompt or standard input", allow_abbrev=False)
    setting.add_argument("id", metavar="ID")
    setting.add_argument("field", metavar="FIELD", help="such as secret_key; `show` tells which are missing")
    setting.add_argument("--from-env", metavar="NAME", help="take it from this environment variable")
    setting.add_argument("--keep-others", action="store_true", help="older values stay live, as while it is rolled")
    for action, text in (
        ("show", "one of them, with the address of its webhooks"),
        ("default", "use it for its merchant's new checkouts at its provider"),
        ("disable", "no new checkouts; webhooks and reconciliation go on"),
        ("enable", "let new checkouts use it again"),
    ):
        actions.add_parser(action, help=text, allow_abbrev=False).add_argument("id", metavar="ID")
    fees = actions.add_parser("fees", help="what its provider may keep: show it, or agree on it", allow_abbrev=False)
    fees.add_argument("id", metavar="ID")
    fees.add_argument("--currency", metavar="CODE", help="agree for this currency, such as IDR")
    fees.add_argument("--percent-ppm", type=int, default=0, metavar="N", help="of the gross amount; 7000 is 0.7 %%")
    fees.add_argument("--fixed", type=int, default=0, metavar="N", help="in the currency's smallest unit")
    fees.add_argument("--tax-ppm", type=int, default=0, metavar="N", help="on both; 110000 is 11 %%")
    fees.add_argument("--tolerance", type=int, default=0, metavar="N", help="by so much a fee may differ")
    fees.add_argument("--from", dest="valid_from", metavar="TIME", help="for lines from then on (UTC); now without it")
    fees.add_argument("--end", action="store_true", help="nothing is agreed any more")
    actions.add_parser("reseal", help="put every credential under the master key in use", allow_abbrev=False)


def run(args: argparse.Namespace) -> int:
    with operator_deps() as (deps, _):
        accounts = deps.provider_accounts
        match args.action:
            case "list":
                show = print_json if args.json else _print
                show(accounts.list_accounts(read_page_options(args, _FILTERS)))
            case "create":
                _create(args, accounts)
            case "set":
                value = read_secret(args.field, args.from_env).reveal()
                given = validate(CredentialRequest, {"value": value, "keep_others": args.keep_others})
                changed = accounts.set_credential(
                    read_id(args.id), args.field, given.value, COMMAND, keep_others=given.keep_others
                )
                print_json(changed)
            case "show":
                print_json(accounts.show(read_id(args.id)))
            case "default":
                print_json(accounts.change(read_id(args.id), COMMAND, make_default=True))
            case "fees":
                _fees(args, FeeAgreements(deps.database))
            case "reseal":
                return _reseal(Resealing(deps.database, deps.sealer), deps.sealer.active)
            case action:
                print_json(accounts.change(read_id(args.id), COMMAND, disabled=action == "disable"))
    return 0


def _create(args: argparse.Namespace, accounts: ProviderAccounts) -> None:
    wanted = {
        "merchant_id": args.merchant,
        "provider": args.provider,
        "name": args.name,
        "is_default": args.default,
        "short_address": args.short_address,
    }
    created = accounts.create(parse_account(wanted), COMMAND).body
    print(created["id"])
    print(f"webhooks come to {created['webhook_url']}", file=sys.stderr)
    if created["missing"]:
        print(f"set {' and '.join(created['missing'])}, then enable it", file=sys.stderr)


def _fees(args: argparse.Namespace, agreements: FeeAgreements) -> None:
    account_id = read_id(args.id)
    if args.currency is None:
        print_json(agreements.show(account_id))
        return
    given = {} if args.valid_from is None else {"from": args.valid_from}
    valid_from = read_values(given, {"from": read_moment}).get("from", utc_now())
    terms = None if args.end else FeeTerms(args.percent_ppm, args.fixed, args.tax_ppm, args.tolerance)
    print_json(agreements.agree(account_id, FeeAgreement(args.currency, valid_from, terms), COMMAND))


def _reseal(resealing: Resealing, active: str) -> int:
    done = resealing.reseal(COMMAND)
    print(f"re-sealed under {active}: {done.resealed}")
    for key_id, count in done.remaining.items():
        print(f"still under {key_id}: {count}")
    if done.unopened:
        print("some do not open with the master keys that are set here: add the one that they need", file=sys.stderr)
    if not done.remaining:
        print("No other master key is needed any more.")
    return 1 if done.remaining else 0


def _print(page: dict[str, Any]) -> None:
    print_page([_HEADER, *map(_row, page["accounts"])], page["next_cursor"])


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    return (
        one["id"],
        f"{one['provider']}/{one['name']}",
        one["merchant_id"],
        one["state"],
        "yes" if one["is_default"] else "",
        ",".join(dict.fromkeys(credential["field"] for credential in one["credentials"])),
        ",".join(one["missing"]),
        short_time(one["created_at"]),
    )
