"""Merchants, keys and provider accounts, made by operators."""

from collections.abc import Sequence
from uuid import UUID

from paylink.core.secret import Secret
from paylink.store.ids import new_id
from paylink.store.sealing import Place, Sealer
from paylink.store.unit_of_work import UnitOfWork

LIVE_VALUES_MAX = 8


def ensure_merchant(uow: UnitOfWork, name: str) -> UUID:
    """Return the merchant's id; the name is made known when it is new."""
    merchant_id: UUID = uow.one("upsert_merchant", id=new_id(), name=name)["id"]
    return merchant_id


def ensure_account(uow: UnitOfWork, merchant_id: UUID, provider: str, name: str, *, is_default: bool) -> UUID:
    """Return the account's id; it is made when it is new."""
    uow.run("insert_account", id=new_id(), merchant_id=merchant_id, provider=provider, name=name, is_default=is_default)
    account_id: UUID = uow.one("find_account_by_name", provider=provider, name=name)["id"]
    return account_id


def set_credentials(uow: UnitOfWork, sealer: Sealer, place: Place, secrets: Sequence[Secret]) -> bool:
    """
    Make these the live values of one field, the newest first, and retire the others; True when anything changed.

    Raises:
        ValueError: More than 8: each is tried at each webhook.
    """
    if len(secrets) > LIVE_VALUES_MAX:
        raise ValueError(f"{place.field}: at most {LIVE_VALUES_MAX} values can be live at once")
    live: dict[Secret, UUID] = {}
    for row in uow.all("list_live_credentials", account_id=place.account_id):
        if row["field"] == place.field:
            live[sealer.unseal(bytes(row["sealed"]), row["master_key_id"], place)] = row["id"]
    # What is stored last is the newest: after the first that must be stored anew, all newer ones must be as well.
    kept = _kept(list(live), secrets)
    for secret in reversed(secrets):
        if secret not in kept:
            sealed, key_id = sealer.seal(secret, place)
            uow.run(
                "insert_credential",
                id=new_id(),
                account_id=place.account_id,
                field=place.field,
                sealed=sealed,
                master_key_id=key_id,
            )
    outdated = [row_id for secret, row_id in live.items() if secret not in kept]
    for row_id in outdated:
        uow.run("retire_credential", id=row_id)
    return bool(outdated) or len(kept) < len(secrets)


def _kept(live: Sequence[Secret], wanted: Sequence[Secret]) -> set[Secret]:
    """Return the oldest of `wanted` that are live in that order already; both are newest first."""
    kept: set[Secret] = set()
    place = len(live)
    for secret in reversed(wanted):
        if secret not in live[:place]:
            break
        place = live.index(secret)
        kept.add(secret)
    return kept
