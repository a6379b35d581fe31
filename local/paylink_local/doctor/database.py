"""Examines Postgres: whether it answers, keeps what it says it has kept, has our clock, and holds our tables."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg2

from paylink.core.errors import StorageUnavailable
from paylink.store.database import Database, DeadlineExceeded
from paylink.store.examination import read_applied_migrations, read_server
from paylink.store.migrations import MigrationError, load_migrations, pending_migrations
from paylink.store.unit_of_work import Row, UnitOfWork
from paylink_local.doctor.finding import Finding, named, ok, warning, wrong

VERSION_MIN = 160_000
_SAMPLES = 5
_DEADLINE_S = 5.0
_LATENCY_MS_HIGH = 50.0
_SKEW_S_WARNING = 2.0
_SKEW_S_WRONG = 60.0
_SETTING = "PAYLINK_DATABASE_URL"

# By a piece of what libpq says, which itself may hold an address or a part of a password.
_REASONS = {
    "password authentication failed": "it does not take this user and password",
    "no password supplied": "it wants a password",
    "does not exist": "it has no such database or user",
    "no pg_hba.conf entry": "it lets this machine not in",
    "could not translate host name": "its host is not known",
    "Name or service not known": "its host is not known",
    "Connection refused": "nothing listens there",
    "No such file or directory": "nothing listens there",
    "too many clients": "it has no connection left",
    "remaining connection slots": "it has no connection left",
    "SSL": "it cannot be spoken to with the encryption that the address asks for",
    "starting up": "it is starting",
    "shutting down": "it is shutting down",
}


@dataclass(frozen=True)
class Server:
    """What was read of a server; `latency_ms` is the best of a few round trips, `ahead_s` by how much its clock is."""

    row: Row
    latency_ms: float
    ahead_s: float
    applied: Mapping[int, str] | None


def examine_database(database: Database, migrations: Path) -> tuple[bool, list[Finding]]:
    """Return whether its tables can be read, and what was found."""
    try:
        server = database.run(_read, deadline_s=_DEADLINE_S)
    except StorageUnavailable as exc:
        seen = f"Postgres does not answer: {_reason(exc.__cause__)}"
        return False, [wrong("postgres", seen, f"look at the server, and at {_SETTING}")]
    except (psycopg2.Error, UnicodeError) as exc:
        seen = f"{_SETTING} cannot be used ({type(exc).__name__})"
        return False, [wrong("postgres", seen, "set it to postgresql://user:password@host/paylink")]
    migrated = judge_migrations(migrations, server.applied)
    found = [judge_server(server), *judge_durability(server.row), *judge_server_log(server.row)]
    found += [judge_clock("Postgres", server.ahead_s), migrated]
    return migrated.level == "ok", found


def _read(uow: UnitOfWork) -> Server:
    best_ms, ahead_s, row = float("inf"), 0.0, {}
    for _ in range(_SAMPLES):
        began_s, began = time.perf_counter(), datetime.now(UTC)
        row = read_server(uow)
        took_s = time.perf_counter() - began_s
        if took_s * 1000 < best_ms:
            # It looked at its clock about halfway.
            best_ms, ahead_s = took_s * 1000, (row["now"] - began).total_seconds() - took_s / 2
    return Server(row, best_ms, ahead_s, read_applied_migrations(uow))


def judge_server(server: Server) -> Finding:
    seen = f"PostgreSQL {server.row['version']} answers in {server.latency_ms:.2f} ms"
    if server.row["read_only"]:
        return wrong("postgres", f"{seen}, and takes no writes", f"name the primary server in {_SETTING}")
    if server.row["version_number"] < VERSION_MIN:
        return wrong("postgres", f"{seen}; PayLink is made for 16 or newer", "upgrade the server")
    if server.latency_ms > _LATENCY_MS_HIGH:
        return warning("postgres", seen, "run PayLink beside its database: each request waits for it several times")
    return ok("postgres", seen)


def judge_durability(row: Row) -> list[Finding]:
    """A 2xx to a provider promises that its event outlives the server's power."""
    found = []
    for name in ("fsync", "full_page_writes", "synchronous_commit"):
        if row[name] == "off":
            seen = f"{name} is off: what was answered with 2xx may be lost with the server's power"
            found.append(wrong("durability", seen, f"alter system set {name} = on, and look at what the role sets"))
    return found or [ok("durability", f"fsync and full_page_writes on, synchronous_commit {row['synchronous_commit']}")]


def judge_server_log(row: Row) -> list[Finding]:
    """Values stand in the statements, and rows in the details of errors: addresses, bodies, signatures."""
    silent = {
        "log_min_error_statement": ("fatal", "panic"),
        "log_error_verbosity": ("terse",),
        "log_statement": ("none",),
    }
    found = []
    for name, values in silent.items():
        if row[name] not in values:
            seen = f"{name} is {row[name]}: Postgres may write what payers and providers sent to its log"
            mend = f"set {name} = {values[-1]} in the server's parameters, or alter system"
            found.append(warning("database_log", seen, mend))
    return found or [ok("database_log", "neither statements nor details of errors")]


def judge_clock(whose: str, ahead_s: float) -> Finding:
    """Signatures are refused five minutes off, and leases, expiries and reports follow two clocks."""
    apart = abs(ahead_s)
    if apart < _SKEW_S_WARNING:
        return ok("clock", f"{apart:.2f} s from that of {whose}")
    seen = f"{whose} is {apart:.0f} s {'ahead of' if ahead_s > 0 else 'behind'} this machine"
    return (wrong if apart >= _SKEW_S_WRONG else warning)("clock", seen, "set both clocks by NTP")


def judge_migrations(directory: Path, applied: Mapping[int, str] | None) -> Finding:
    if applied is None:
        return wrong("migrations", "the database has no tables of PayLink", "paylink migrate")
    try:
        known = load_migrations(directory)
        pending = pending_migrations(known, applied)
    except MigrationError as exc:
        return wrong("migrations", str(exc), "run the release that this database was migrated by, or a newer one")
    if pending:
        return wrong("migrations", f"not applied: {named([one.name for one in pending])}", "paylink migrate")
    return ok("migrations", f"all {len(known)} applied, as they are here")


def _reason(cause: BaseException | None) -> str:
    if isinstance(cause, DeadlineExceeded):
        return f"not within {_DEADLINE_S:.0f} s"
    text = str(cause)
    return next((reason for piece, reason in _REASONS.items() if piece in text), type(cause).__name__)
