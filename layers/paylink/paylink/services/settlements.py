"""Settlement lines: imported from files that people export, and pulled from providers that list them."""

import hashlib
import io
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, BinaryIO, Protocol
from uuid import UUID

from paylink.core.errors import NotSupported, Overloaded
from paylink.core.metrics import Metrics, Unobserved
from paylink.providers.measured import MeasuredSettlementApi
from paylink.providers.port import Account, Effect, ErrorKind, ProviderError
from paylink.providers.registry import settlement_api, settlement_file
from paylink.providers.settlements import (
    SettlementApi,
    SettlementFile,
    SettlementLine,
    UnreadableFile,
    decoded_lines,
)
from paylink.services.inquiry import Inquiry
from paylink.services.ports import Parts
from paylink.store.settlements import (
    Stored,
    add_coverage,
    check_line,
    finish_import,
    insert_import,
    store_lines,
    try_lock_lines,
)
from paylink.store.unit_of_work import UnitOfWork

CHUNK_SIZE = 1000
"""So many lines are stored by one statement."""
IMPORT_WITHIN_S = 3600.0


class Readers(Protocol):
    """What reads the lines of each provider: from its API, or from a file of its dashboard. None where nothing does."""

    def api(self, provider: str) -> SettlementApi | None: ...

    def file(self, provider: str) -> SettlementFile | None: ...


class RegisteredReaders:
    """Those of the enabled providers, each imported when it is first asked for."""

    def __init__(self, slugs: Collection[str], environ: Mapping[str, str], metrics: Metrics | None = None) -> None:
        self._slugs = slugs
        self._environ = environ
        self._metrics = metrics or Unobserved()

    def api(self, provider: str) -> SettlementApi | None:
        api = settlement_api(provider, self._environ) if provider in self._slugs else None
        return None if api is None else MeasuredSettlementApi(provider, api, self._metrics)

    def file(self, provider: str) -> SettlementFile | None:
        return settlement_file(provider, self._environ) if provider in self._slugs else None


@dataclass(frozen=True)
class Imported:
    """What a file brought: all of its lines, those that were new, and the known ones that it changed."""

    import_id: UUID
    sha256: str
    read: int
    added: int
    changed: int

    @property
    def unchanged(self) -> int:
        return self.read - self.added - self.changed


@dataclass(frozen=True)
class Pulled:
    """What a provider's list brought. `next` is where to go on when it is not `complete`."""

    read: int
    added: int
    changed: int
    complete: bool
    next: str | None


@dataclass(frozen=True)
class Covers:
    """
    Of which time a file holds all lines; None: from its earliest line, or to its latest. Without `whole`, of none: a
    file from which something was left out proves nothing missing.
    """

    since: datetime | None = None
    until: datetime | None = None
    whole: bool = True


WHOLE = Covers()


class Settlements:
    def __init__(self, parts: Parts, readers: Readers) -> None:
        self._parts = parts
        self._readers = readers
        self._inquiry = Inquiry(parts)

    def import_file(
        self, account: Account, file: BinaryIO, file_name: str, imported_by: str, *, covers: Covers = WHOLE
    ) -> Imported:
        """
        Store all lines of a file, or none. The same file again adds nothing.

        `file` is read from its beginning, as often as needed. `covers` tells of which time it holds all lines.

        Raises:
            NotSupported: No file of this provider can be read.
            UnreadableFile: It is not what the provider exports; the message names the row.
            Overloaded: Other lines of the account are being stored.
            StorageUnavailable: The database cannot answer; nothing was stored.
        """
        reader = self._readers.file(account.provider)
        if reader is None:
            raise NotSupported(f"settlement files of {account.provider} cannot be read")

        def work(uow: UnitOfWork) -> Imported:
            file.seek(0)
            hashed = _Hashed(file)
            _lock(uow, account)
            import_id = insert_import(uow, account.id, file_name, imported_by)
            walk = _Walk(
                reader.read_lines(account, decoded_lines(io.BufferedReader(hashed))), "line {} of those in the file"
            )
            stored = Stored()
            for chunk in walk.chunks():
                stored += store_lines(uow, account.id, chunk, import_id=import_id)
            finish_import(uow, import_id, hashed.sha256.digest(), walk.read, stored)
            since, until = covers.since or walk.least, covers.until or walk.end
            if covers.whole and since is not None and until is not None:
                add_coverage(uow, account.id, since, until)
            return Imported(import_id, hashed.sha256.hexdigest(), walk.read, stored.added, stored.changed)

        return self._parts.database.run(work, deadline_s=IMPORT_WITHIN_S)

    def pull(
        self, account: Account, since: datetime, until: datetime, *, stop_at: float, after: str | None = None
    ) -> Pulled:
        """
        Store the lines that a provider lists for [since, until), page by page, each page in a transaction of its own.

        `until` must not lie in the future. Each page waits for its turn in the account's budget of questions, until
        `stop_at` (monotonic). What was not reached then is got by calling again with the `next` that is returned.

        Raises:
            NotSupported: This provider has no list of its lines.
            ProviderError: It gave no clear answer; the pages before are stored.
            Overloaded: Other lines of the account are being stored.
            StorageUnavailable: The database cannot answer.
        """
        api = self._readers.api(account.provider)
        if api is None:
            raise NotSupported(f"{account.provider} does not list its settlement lines")
        read, stored = 0, Stored()
        while time.monotonic() < stop_at and self._inquiry.await_turn(account.id, account.provider, stop_at):
            page = api.list_lines(account, since, until, after)
            try:
                chunks = list(_Walk(iter(page.lines), "line {} of a page").chunks())
            except UnreadableFile as exc:
                raise ProviderError(ErrorKind.UNAVAILABLE, "unreadable_answer", effect=Effect.NOTHING) from exc
            read += len(page.lines)
            after, complete = page.next, page.next is None
            stored += self._parts.database.run(_storing(account, chunks, (since, until) if complete else None))
            if complete:
                return Pulled(read, stored.added, stored.changed, True, None)
        return Pulled(read, stored.added, stored.changed, False, after)


class _Hashed(io.RawIOBase):
    """A file that is hashed while it is read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._file.read(len(buffer))
        self.sha256.update(piece)
        buffer[: len(piece)] = piece
        return len(piece)


class _Walk:
    """Goes through lines once, checks each, and counts them."""

    def __init__(self, lines: Iterator[SettlementLine], place: str) -> None:
        self._lines = lines
        self._place = place
        self.read = 0
        self.least: datetime | None = None
        self._greatest: datetime | None = None

    @property
    def end(self) -> datetime | None:
        """Just after the latest line."""
        return None if self._greatest is None else self._greatest + timedelta(microseconds=1)

    def chunks(self) -> Iterator[list[SettlementLine]]:
        """
        Give the lines in chunks in which each line_id stands once.

        Raises:
            UnreadableFile: One cannot be stored.
        """
        chunk: dict[str, SettlementLine] = {}
        for line in self._lines:
            self.read += 1
            try:
                check_line(line)
            except ValueError as exc:
                raise UnreadableFile(f"{self._place.format(self.read)}: {exc}") from exc
            if line.line_id in chunk or len(chunk) >= CHUNK_SIZE:
                yield list(chunk.values())
                chunk = {}
            chunk[line.line_id] = line
            self.least = line.occurred_at if self.least is None else min(self.least, line.occurred_at)
            self._greatest = line.occurred_at if self._greatest is None else max(self._greatest, line.occurred_at)
        if chunk:
            yield list(chunk.values())


def _storing(
    account: Account, chunks: list[list[SettlementLine]], covered: tuple[datetime, datetime] | None
) -> Callable[[UnitOfWork], Stored]:
    def work(uow: UnitOfWork) -> Stored:
        _lock(uow, account)
        stored = sum((store_lines(uow, account.id, chunk) for chunk in chunks), Stored())
        if covered is not None:
            add_coverage(uow, account.id, *covered)
        return stored

    return work


def _lock(uow: UnitOfWork, account: Account) -> None:
    if not try_lock_lines(uow, account.id):
        name = f"{account.provider}/{account.name}"
        raise Overloaded(f"other settlement lines of {name} are being stored", retry_after_s=5)
