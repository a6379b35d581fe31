"""The enabled providers, imported once at start. A request only looks up this table."""

from collections.abc import Iterable, Mapping
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType

import paylink.providers
from paylink.providers.port import Provider


def provider_slugs() -> tuple[str, ...]:
    """Return every provider that has a folder here, in alphabetical order."""
    return tuple(sorted(module.name for module in iter_modules(paylink.providers.__path__) if module.ispkg))


class UnknownProvider(ValueError):
    """A slug in PAYLINK_PROVIDERS has no folder under `providers/`."""


def load_providers(slugs: Iterable[str], environ: Mapping[str, str]) -> Mapping[str, Provider]:
    """
    Import each slug's folder and build its adapter with `build(environ)`.

    Raises:
        UnknownProvider: No such folder.
        ValueError: The folder refuses its settings.
    """
    providers: dict[str, Provider] = {}
    for slug in slugs:
        if not slug.isidentifier():
            raise UnknownProvider(f"PAYLINK_PROVIDERS: {slug!r} is not a provider")
        try:
            module = import_module(f"paylink.providers.{slug}")
        except ModuleNotFoundError as exc:
            if exc.name != f"paylink.providers.{slug}":
                raise
            raise UnknownProvider(f"PAYLINK_PROVIDERS: there is no provider {slug!r}") from exc
        if not hasattr(module, "build"):
            raise UnknownProvider(f"PAYLINK_PROVIDERS: there is no provider {slug!r}")
        providers[slug] = module.build(environ)
    return MappingProxyType(providers)
