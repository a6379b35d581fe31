"""Merchants, provider accounts and their credentials as rows."""

from collections.abc import Sequence
from uuid import UUID

from paylink.core.secret import Secret
from paylink.store.ids import new_id
from paylink.store.sealing import CannotUnseal, Place, Sealer
from paylink.store.unit_of_work import Row, UnitOfWork

LIVE_VALUES_MAX = 8


def ensure_merchant(uow: UnitOfWork, name: str) -> UUID:
    """Return the merchant's id; the name is made known when it is new."""
    merchant_id: UUID = uow.one("upsert_merchant", id=new_id(), name=name)["id"]
    return merchant_id


def ensure_account(uow: UnitOfWork, merchant_id: UUID, provider: str, name: str, *, is_default: bool) -> UUID:
    """Return the account's id; it is made when it is new. `is_default`: with the provider's short webhook address."""
    known = uow.first("find_account_by_name", provider=provider, name=name)
    if known is not None:
        found: UUID = known["id"]
        return found
    return insert_account(uow, merchant_id, provider, name, has_short_address=is_default)


def insert_account(
    uow: UnitOfWork, merchant_id: UUID, provider: str, name: str, *, has_short_address: bool, disabled: bool = False
) -> UUID:
    """Return the new account's id. The first one of a merchant at a provider is its default there."""
    account_id = new_id()
    uow.run(
        "insert_account",
        id=account_id,
        merchant_id=merchant_id,
        provider=provider,
        name=name,
        has_short_address=has_short_address,
        disabled=disabled,
    )
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
    outdated: list[UUID] = []
    for row in _lock_live_rows(uow, place):
        secret = _opened(sealer, row, place)
        # One whose master key is gone can only be replaced.
        if secret is None:
            outdated.append(row["id"])
        else:
            live[secret] = row["id"]
    # What is stored last is the newest: after the first that must be stored anew, all newer ones must be as well.
    kept = _kept(list(live), secrets)
    for secret in reversed(secrets):
        if secret not in kept:
            _insert(uow, sealer, place, secret)
    outdated += [row_id for secret, row_id in live.items() if secret not in kept]
    for row_id in outdated:
        uow.run("retire_credential", id=row_id)
    return bool(outdated) or len(kept) < len(secrets)


def add_credential(uow: UnitOfWork, sealer: Sealer, place: Place, secret: Secret) -> bool:
    """
    Make this the newest live value of a field beside the others; True when anything changed.

    Raises:
        ValueError: More than 8 would be live.
    """
    live = [(row["id"], _opened(sealer, row, place)) for row in _lock_live_rows(uow, place)]
    if live and live[0][1] == secret:
        return False
    same = [row_id for row_id, value in live if value == secret]
    if len(live) - len(same) >= LIVE_VALUES_MAX:
        raise ValueError(f"{place.field}: at most {LIVE_VALUES_MAX} values can be live at once")
    for row_id in same:
        uow.run("retire_credential", id=row_id)
    _insert(uow, sealer, place, secret)
    return True


def _lock_live_rows(uow: UnitOfWork, place: Place) -> list[Row]:
    """Return the live rows of a field, the newest first. Until the transaction ends nobody else changes which live."""
    uow.one("lock_account", id=place.account_id)
    rows = uow.all("list_live_credentials", account_id=place.account_id)
    return [row for row in rows if row["field"] == place.field]


def _opened(sealer: Sealer, row: Row, place: Place) -> Secret | None:
    try:
        return sealer.unseal(bytes(row["sealed"]), row["master_key_id"], place)
    except CannotUnseal:
        return None


def _insert(uow: UnitOfWork, sealer: Sealer, place: Place, secret: Secret) -> None:
    sealed, key_id = sealer.seal(secret, place)
    uow.run(
        "insert_credential",
        id=new_id(),
        account_id=place.account_id,
        field=place.field,
        sealed=sealed,
        master_key_id=key_id,
    )


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
