"""What is read of an installation to find what is wrong with it. No secret but in its sealed form."""

from dataclasses import dataclass

from paylink.store.unit_of_work import Row, UnitOfWork


@dataclass(frozen=True)
class Records:
    """Rows of the queries in `sql/queries/examination.sql`, and of those of metrics and credentials in use."""

    accounts: list[Row]
    credentials: list[Row]
    """Each secret with what it verified, retired ones too; the newest of a field first."""
    sealed: list[Row]
    master_keys: list[Row]
    keys: list[Row]
    balance: list[Row]
    missing_partitions: list[str]
    overdue: Row


def read_server(uow: UnitOfWork) -> Row:
    """Return the server's clock, version, and the settings of durability and of its log, as this session has them."""
    return uow.one("read_server")


def read_applied_migrations(uow: UnitOfWork) -> dict[int, str] | None:
    """Return the checksums of the migrations that were applied, by number; None when none ever was."""
    if not uow.one("has_migrations")["there"]:
        return None
    return {row["number"]: row["checksum"] for row in uow.all("list_applied_migrations")}


def read_records(uow: UnitOfWork) -> Records:
    return Records(
        uow.all("list_accounts_to_examine"),
        uow.all("list_credential_use"),
        uow.all("list_sealed_credentials"),
        uow.all("list_master_key_use"),
        uow.all("list_live_keys"),
        uow.all("read_balance"),
        [row["month"] for row in uow.all("list_missing_body_partitions")],
        uow.one("read_overdue_work"),
    )
