"""Examines master keys, peppers and API keys: whether all that is stored can be used, and what has grown old."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from paylink.core.api_key import DEMO
from paylink.core.keyring import Keyring
from paylink.store.sealing import CannotUnseal, Place, Sealer
from paylink.store.unit_of_work import Row
from paylink_local.doctor.finding import Finding, named, ok, warning, wrong

_OLD = timedelta(days=365)
_UNUSED = timedelta(days=90)
_EXPIRES_SOON = timedelta(days=14)


def judge_master_keys(master_keys: Keyring, rows: Sequence[Row], sealed: Sequence[Row], now: datetime) -> list[Finding]:
    """rows: how many credentials hang on each key, and since when. sealed: the live ones, which are opened here."""
    check = "master_keys"
    found = []
    for row in rows:
        key_id, live, retired = row["master_key_id"], row["live"], row["retired"]
        if key_id not in master_keys.keys:
            what = (
                f"{live} live and {retired} retired secrets of accounts need the master key {key_id}, which is not set"
            )
            tell = wrong if live else warning
            found.append(tell(check, what, f"add {key_id} behind the others in PAYLINK_MASTER_KEYS"))
        elif key_id != master_keys.active:
            what = f"{live + retired} secrets of accounts are still sealed under {key_id}"
            found.append(warning(check, what, "paylink accounts reseal"))
        elif now - row["since"] > _OLD:
            what = f"{key_id} has been in use for {(now - row['since']).days} days"
            found.append(warning(check, what, "change it: docs/keys.md#changing-the-master-key"))
    sealer = Sealer(master_keys)
    if broken := [
        _whose(row) for row in sealed if row["master_key_id"] in master_keys.keys and not _opens(sealer, row)
    ]:
        what = f"do not open under their master key, which must be another one of the same name: {named(broken)}"
        found.append(
            wrong(check, what, "put the right key into PAYLINK_MASTER_KEYS, or `paylink accounts set` each anew")
        )
    return found or [ok(check, f"all secrets of accounts open under {master_keys.active}")]


def _opens(sealer: Sealer, row: Row) -> bool:
    try:
        sealer.unseal(
            bytes(row["sealed"]), row["master_key_id"], Place(row["merchant_id"], row["account_id"], row["field"])
        )
    except CannotUnseal:
        return False
    return True


def _whose(row: Row) -> str:
    return f"{row['field']} of {row['provider']}/{row['account']}"


def judge_peppers(peppers: Keyring, keys: Sequence[Row], now: datetime) -> list[Finding]:
    """keys: the live ones. How old a pepper is is not stored: it is at most as old as the oldest key under it."""
    check = "peppers"
    found = []
    for pepper_id in sorted({key["pepper_id"] for key in keys} | {peppers.active}):
        under = [key for key in keys if key["pepper_id"] == pepper_id]
        prefixes = named([key["prefix"] for key in under])
        if pepper_id not in peppers.keys:
            seen = f"the pepper {pepper_id} is not set, so these keys are refused: {prefixes}"
            found.append(wrong(check, seen, f"add {pepper_id} behind the others in PAYLINK_API_KEY_PEPPERS"))
        elif pepper_id != peppers.active:
            seen = f"under the older pepper {pepper_id} until they are used: {prefixes}"
            found.append(warning(check, seen, f"paylink keys list --pepper {pepper_id}, then wait, rotate or revoke"))
        elif under and now - min(key["created_at"] for key in under) > 2 * _OLD:
            days = (now - min(key["created_at"] for key in under)).days
            seen = f"{pepper_id} may be {days} days old, as the oldest key under it is"
            found.append(warning(check, seen, "change it: docs/keys.md#changing-the-pepper"))
    return found or [ok(check, f"{len(keys)} live keys under {peppers.active}")]


def judge_api_keys(keys: Sequence[Row], now: datetime, *, production: bool) -> list[Finding]:
    """keys: the live ones, none of which is told but by its prefix."""
    check = "api_keys"
    demo = [key for key in keys if key["prefix"][4:].startswith(DEMO)]
    real = [key for key in keys if key not in demo] if production else list(keys)
    found = list(_in_groups(check, [key for key in real if key["successor_id"] is None], now))
    if production and demo:
        seen = f"made for a demo, and refused in production: {named([key['prefix'] for key in demo])}"
        found.append(warning(check, seen, "paylink keys revoke ID, with the ids of `paylink keys list`"))
    if not any(key["merchant_id"] is None and "merchants:write" in key["scopes"] for key in real):
        seen = "no live key of an operator can make further ones"
        found.append(warning(check, seen, "paylink keys create --operator --name NAME --scopes all"))
    return found or [ok(check, f"{len(keys)} live")]


def _in_groups(check: str, keys: Sequence[Row], now: datetime) -> Iterator[Finding]:
    """One finding for all keys of which the same is to be said; of each the most pressing thing alone."""

    def expires_soon(key: Row) -> bool:
        return key["expires_at"] is not None and key["expires_at"] - now < _EXPIRES_SOON

    def never_used(key: Row) -> bool:
        return key["last_used_at"] is None and now - key["created_at"] > _UNUSED

    def not_used(key: Row) -> bool:
        return key["last_used_at"] is not None and now - key["last_used_at"] > _UNUSED

    def old(key: Row) -> bool:
        return bool(now - key["created_at"] > _OLD)

    judgements: tuple[tuple[Callable[[Row], bool], str, str], ...] = (
        (expires_soon, f"expire within {_EXPIRES_SOON.days} days, and have no successor", "paylink keys rotate ID"),
        (never_used, f"older than {_UNUSED.days} days, and never used", "paylink keys revoke ID"),
        (not_used, f"not used for {_UNUSED.days} days", "paylink keys revoke ID"),
        (old, f"older than {_OLD.days} days", "paylink keys rotate ID"),
    )
    left = list(keys)
    for is_so, what, mend in judgements:
        if told := [key for key in left if is_so(key)]:
            left = [key for key in left if key not in told]
            yield warning(check, f"{what}: {named([key['prefix'] for key in told])}", mend)
