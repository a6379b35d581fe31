"""A resource's properties, read one by one: typed, resolved, and with an error for every name that nobody asked for."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from paylink_local.template.intrinsics import Resolver, Unresolved
from paylink_local.template.model import TemplateError


class Properties:
    """
    A mapping of the template and where it stands there.

    Read what matters, then call `finish` with the names that change nothing on one machine:
    whatever is left over would be behaviour that AWS has and the local runtime has not.
    """

    def __init__(self, values: Any, where: str, resolver: Resolver) -> None:
        if not isinstance(values, Mapping):
            raise TemplateError(f"{where}: expected a mapping, found {values!r}")
        self._values = values
        self._unread = set(values)
        self._resolver = resolver
        self.where = where

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def raw(self, name: str, default: Any = None) -> Any:
        """Return a value as the template has it, intrinsics included."""
        self._unread.discard(name)
        return self._values.get(name, default)

    def nested(self, name: str) -> "Properties":
        """Return a mapping inside this one; an absent one is empty."""
        return Properties(self.raw(name, {}), f"{self.where}.{name}", self._resolver)

    def get(self, name: str, default: Any = None) -> Any:
        """Return a value with its intrinsic function resolved."""
        try:
            return self._resolver.resolve(self.raw(name, default))
        except Unresolved as exc:
            raise TemplateError(f"{self.where}.{name}: the local runtime cannot resolve {exc}") from exc

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text that is not empty."""
        value = self.get(name, default)
        if not isinstance(value, str) or not value:
            raise self.error(name, "a text", value)
        return value

    def whole(self, name: str, default: int | None, low: int, high: int) -> int:
        """Return a whole number within AWS's limits for it."""
        value = self.get(name, default)
        if isinstance(value, str) and re.fullmatch(r"[0-9]+", value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.error(name, f"a whole number from {low} to {high}", value)
        return value

    def one_of(self, name: str, allowed: Collection[Any], default: Any) -> Any:
        """Return a value from a closed list."""
        value = self.get(name, default)
        if value not in allowed:
            raise self.error(name, f"one of {', '.join(str(item) for item in allowed)}", value)
        return value

    def error(self, name: str, expected: str, found: Any) -> TemplateError:
        """Return the error for a value that is not what it should be."""
        return TemplateError(f"{self.where}.{name}: expected {expected}, found {found!r}")

    def finish(self, harmless: Collection[str] = ()) -> None:
        """Raise TemplateError when a name was neither read nor is harmless on one machine."""
        unknown = sorted(str(name) for name in self._unread - set(harmless))
        if unknown:
            raise TemplateError(
                f"{self.where}: the local runtime does not know {', '.join(unknown)}, so it would behave unlike AWS"
            )
