"""Examines accounts at providers: whether each has its secrets, and whether those verify what is sent."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from paylink.providers.port import Provider, Signature
from paylink.store.unit_of_work import Row
from paylink_local.doctor.finding import Finding, named, ok, warning, wrong

_OVERLAP = timedelta(days=7)
_LATELY = timedelta(days=1)


def judge_accounts(
    providers: Mapping[str, Provider], accounts: Sequence[Row], credentials: Sequence[Row]
) -> list[Finding]:
    """accounts: all. credentials: of all of them, retired ones too."""
    check = "accounts"
    found = []
    for account in accounts:
        whose = f"{account['provider']}/{account['name']}"
        provider = providers.get(account["provider"])
        if account["disabled"]:
            continue
        if provider is None:
            seen = f"{whose}: its provider is not enabled, so its webhooks are refused and nothing of it is asked"
            mend = f"add {account['provider']} to PAYLINK_PROVIDERS, or paylink accounts disable {account['id']}"
            found.append(warning(check, seen, mend))
            continue
        live = {row["field"] for row in credentials if row["account_id"] == account["id"] and not row["retired_at"]}
        for field in [field.name for field in provider.credential_fields if field.name not in live]:
            found.append(wrong(check, f"{whose} has no {field}", f"paylink accounts set {account['id']} {field}"))
    if without := sorted(set(providers) - {account["provider"] for account in accounts}):
        mend = "paylink accounts create, or take it out of PAYLINK_PROVIDERS"
        found.append(warning(check, f"enabled, and nobody has an account there: {named(without)}", mend))
    return found or [ok(check, f"{len(accounts)}, each with its secrets")]


def judge_webhook_secrets(
    signatures: Mapping[str, Signature], accounts: Sequence[Row], credentials: Sequence[Row], now: datetime
) -> list[Finding]:
    """credentials: of all accounts, the newest of a field first, with when each last verified a webhook."""
    found: list[Finding] = []
    judged = 0
    for account in accounts:
        signature = signatures.get(account["provider"])
        if signature is None or account["disabled"]:
            continue
        own = [row for row in credentials if row["account_id"] == account["id"]]
        secrets = [row for row in own if row["field"] == signature.secret_field]
        live = [row for row in secrets if row["retired_at"] is None]
        judged += len(live)
        if live:
            found += _of_account(account, secrets, live, now)
    return found or [ok("webhook_secrets", f"{judged} live, and none that webhooks contradict")]


def _of_account(account: Row, secrets: Sequence[Row], live: Sequence[Row], now: datetime) -> Iterator[Finding]:
    check, whose = "webhook_secrets", f"{account['provider']}/{account['name']}"
    newest, *older = live
    if older and now - newest["created_at"] > _OVERLAP:
        days = (now - newest["created_at"]).days
        if newest["last_used_at"] is None:
            seen = f"{whose}: its newest secret has verified nothing in {days} days, while an older one lives beside it"
            yield warning(check, seen, f"enter it at the provider, or paylink credentials retire {newest['id']}")
        else:
            seen = f"{whose}: {len(older)} older secrets still live, {days} days after the newest was set"
            yield warning(check, seen, "paylink credentials list, then retire those")
        return
    used = [row["last_used_at"] for row in secrets if row["last_used_at"] is not None]
    refused = account["last_refused_at"]
    known = max([*used, newest["created_at"] - _LATELY]) + _LATELY
    if refused is not None and now - refused < _LATELY and refused > known:
        seen = f"{whose}: what comes was signed with none of its secrets, and nothing was verified for a day"
        mend = f"compare the secret with the provider's, then paylink accounts set {account['id']} {newest['field']}"
        yield warning(check, seen, mend)
    elif newest["last_used_at"] is None and now - newest["created_at"] > _LATELY:
        others = [row["last_used_at"] for row in secrets if row is not newest and row["last_used_at"] is not None]
        if any(now - moment < _LATELY for moment in others):
            seen = f"{whose}: its newest secret has verified nothing, while webhooks signed with an older one come"
            yield warning(check, seen, f"enter it at the provider, or paylink credentials retire {newest['id']}")
