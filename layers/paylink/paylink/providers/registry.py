"""The enabled providers. Each adapter is imported when it is first asked for: a function pays for what it meets."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import paylink.providers
from paylink.providers.port import Provider, Signature

if TYPE_CHECKING:
    # Only reconciliation meets it.
    from paylink.providers.settlements import SettlementApi, SettlementFile

T = TypeVar("T")


def provider_slugs() -> tuple[str, ...]:
    """Return every provider that has a folder here, in alphabetical order."""
    return tuple(sorted(module.name for module in iter_modules(paylink.providers.__path__) if module.ispkg))


class UnknownProvider(ValueError):
    """A slug in PAYLINK_PROVIDERS has no folder under `providers/`."""


class _OnUse(Mapping[str, T], Generic[T]):
    """What is made of each slug when it is first asked for. Safe to share between threads."""

    def __init__(self, slugs: Iterable[str], make: Callable[[str], T]) -> None:
        self._slugs = dict.fromkeys(slugs)
        self._make = make
        self._made: dict[str, T] = {}
        self._lock = threading.Lock()
        if unknown := self._slugs.keys() - set(provider_slugs()):
            raise UnknownProvider(f"PAYLINK_PROVIDERS: there is no provider {', '.join(sorted(map(repr, unknown)))}")

    def __getitem__(self, slug: str) -> T:
        if slug not in self._slugs:
            raise KeyError(slug)
        if slug not in self._made:
            with self._lock:
                if slug not in self._made:
                    self._made[slug] = self._make(slug)
        return self._made[slug]

    def __iter__(self) -> Iterator[str]:
        return iter(self._slugs)

    def __len__(self) -> int:
        return len(self._slugs)

    def __contains__(self, slug: object) -> bool:
        return slug in self._slugs


def enabled_providers(slugs: Iterable[str], environ: Mapping[str, str]) -> Mapping[str, Provider]:
    """
    Return the adapters by their slugs. Whoever asks for one first has it built, with `build(environ)` of its folder.
    The settings of all are read at once, with `read_settings(environ)`.

    Raises:
        UnknownProvider: A slug has no folder.
        ValueError: A folder refuses its settings.
    """
    providers: _OnUse[Provider] = _OnUse(slugs, lambda slug: _folder(slug).build(environ))
    for slug in providers:
        _folder(slug).read_settings(environ)
    return providers


def api_bases(slugs: Iterable[str], environ: Mapping[str, str]) -> Mapping[str, str]:
    """
    Return the address of each provider's API, by slug: the `api_base` of what its folder's `read_settings` returns.

    Raises:
        UnknownProvider: A slug has no folder.
        ValueError: A folder refuses its settings.
    """
    addresses: _OnUse[str] = _OnUse(slugs, lambda slug: _folder(slug).read_settings(environ).api_base)
    return dict(addresses)


def enabled_signatures(slugs: Iterable[str]) -> Mapping[str, Signature]:
    """
    Return how each provider signs: the module `signature` of its folder.

    Raises:
        UnknownProvider: A slug has no folder.
    """
    return _OnUse(slugs, lambda slug: _folder(slug, ".signature"))


def settlement_api(slug: str, environ: Mapping[str, str]) -> "SettlementApi | None":
    """
    Return what lists a provider's settlement lines: `settlement_api(environ)` of the module `settlements` in its
    folder, None where there is none.

    Raises:
        UnknownProvider: The slug has no folder.
        ValueError: The folder refuses its settings.
    """
    api: SettlementApi | None = _of_settlements("settlement_api", slug, environ)
    return api


def settlement_file(slug: str, environ: Mapping[str, str]) -> "SettlementFile | None":
    """
    Return what reads a provider's settlement files: `settlement_file(environ)` of the module `settlements` in its
    folder, None where there is none.

    Raises:
        UnknownProvider: The slug has no folder.
        ValueError: The folder refuses its settings.
    """
    file: SettlementFile | None = _of_settlements("settlement_file", slug, environ)
    return file


def _of_settlements(name: str, slug: str, environ: Mapping[str, str]) -> Any:
    if slug not in provider_slugs():
        raise UnknownProvider(f"there is no provider {slug!r}")
    module = f"{paylink.providers.__name__}.{slug}.settlements"
    make = getattr(import_module(module), name, None) if find_spec(module) else None
    return None if make is None else make(environ)


def _folder(slug: str, module: str = "") -> Any:
    return import_module(f"paylink.providers.{slug}{module}")
