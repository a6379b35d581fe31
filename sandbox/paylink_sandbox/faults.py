"""Fault knobs: what goes wrong on purpose, and how often."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from paylink_sandbox.errors import SandboxError
from paylink_sandbox.store import Store


@dataclass(frozen=True)
class Kind:
    """One thing that can go wrong. `parameter` is the number it needs, if any, with its default and upper bound."""

    name: str
    label: str
    parameter: str | None = None
    default: float | None = None
    maximum: float = 0
    minimum: float = 0


KINDS = {
    kind.name: kind
    for kind in (
        Kind("webhook_delay", "Webhook is sent late", "seconds", 10, 86_400),
        Kind("webhook_drop", "Webhook is lost"),
        Kind("webhook_duplicate", "Webhook is sent again", "copies", 1, 20, 1),
        Kind("webhook_reorder", "Webhooks are held, then sent newest first", "seconds", 5, 3_600),
        Kind("webhook_timeout", "Webhook arrives, its answer counts as too late"),
        Kind("webhook_wrong_amount", "Webhook names a wrong amount"),
        Kind("webhook_before_answer", "Payer pays, webhooks arrive, before the create call returns"),
        Kind("api_error_before", "API answers an error and does nothing", "status", 503, 599, 500),
        Kind("api_error_after", "API does the work, then answers an error", "status", 500, 599, 500),
        Kind("api_timeout", "API does the work, stays silent, then hangs up", "seconds", 30, 120),
        Kind("api_rate_limit", "API answers 429"),
    )
}


@dataclass(frozen=True)
class Fault:
    """
    An armed knob.

    provider: None for any. match: a part of the event type, or of `POST /v1/...` for an API fault; empty for all.
    value: the number that the kind's parameter names. remaining: None until it is disarmed by hand.
    """

    kind: str
    provider: str | None
    match: str
    value: float | None
    remaining: int | None


class Faults:
    def __init__(self, store: Store) -> None:
        self._store = store

    def arm(self, fault: Fault) -> None:
        """Set a knob. The same kind, provider and match replaces the earlier one."""
        with self._store.transaction():
            self._store.execute(
                "DELETE FROM faults WHERE kind = ? AND provider IS ? AND match = ?",
                (fault.kind, fault.provider, fault.match),
            )
            self._store.insert("faults", vars(fault))

    def disarm(self, kind: str | None = None) -> None:
        """Clear one kind, or all."""
        with self._store.transaction():
            self._store.execute("DELETE FROM faults WHERE ?1 IS NULL OR kind = ?1", (kind,))

    def armed(self) -> list[Fault]:
        return [_fault(row) for row in self._store.rows("SELECT * FROM faults ORDER BY id")]

    def number(self, kind: str, provider: str, subject: str) -> float | None:
        """Like `take`, for who needs the knob's number only: 1 where its kind has none."""
        fault = self.take(kind, provider, subject)
        if fault is None:
            return None
        return 1.0 if fault.value is None else fault.value

    def take(self, kind: str, provider: str, subject: str) -> Fault | None:
        """Return the knob that hits `subject` (an event type, or `METHOD /path`) and count it down, or None."""
        with self._store.transaction():
            row = self._store.row(
                "SELECT * FROM faults WHERE kind = ? AND (provider IS NULL OR provider = ?) AND instr(?, match) > 0"
                " ORDER BY id LIMIT 1",
                (kind, provider, subject),
            )
            if row is None:
                return None
            if row["remaining"] is not None:
                self._store.execute("UPDATE faults SET remaining = remaining - 1 WHERE id = ?", (row["id"],))
                self._store.execute("DELETE FROM faults WHERE id = ? AND remaining <= 0", (row["id"],))
            return _fault(row)


def parse_fault(fields: Mapping[str, object]) -> Fault:
    """
    Read a knob from JSON or a form: `kind`, its parameter by name, `count`, `provider`, `match`; empty means absent.

    Raises:
        SandboxError: What is wrong with it, in words for the sender.
    """
    given = {name: value for name, value in fields.items() if value not in (None, "")}
    name = given.pop("kind", None)
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise SandboxError(f"kind must be one of: {', '.join(KINDS)}")
    value = None
    if kind.parameter:
        value = _number(kind.parameter, given.pop(kind.parameter, kind.default), kind.minimum, kind.maximum)
    count = given.pop("count", None)
    remaining = None if count is None else _number("count", count, 1, 1_000_000)
    provider, match = given.pop("provider", None), given.pop("match", "")
    if given:
        raise SandboxError(f"{kind.name} does not take: {', '.join(sorted(given))}")
    if not isinstance(provider, str | None) or not isinstance(match, str) or not match.isprintable():
        raise SandboxError("provider and match must be readable strings")
    if provider is not None and not provider.isidentifier():
        raise SandboxError("provider must be a provider's short name")
    return Fault(kind.name, provider, match, value, None if remaining is None else int(remaining))


def _number(name: str, value: object, minimum: float, maximum: float) -> float:
    try:
        number = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else None
    except ValueError:
        number = None
    whole = name == "seconds" or (number is not None and number.is_integer())
    if number is None or not whole or not minimum <= number <= maximum:
        raise SandboxError(f"{name} must be a number from {minimum:g} to {maximum:g}")
    return number


def _fault(row: sqlite3.Row) -> Fault:
    return Fault(row["kind"], row["provider"], row["match"], row["value"], row["remaining"])
