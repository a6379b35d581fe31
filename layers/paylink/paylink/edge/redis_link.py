"""
A handful of kept connections to Redis; `hiredis` speaks its protocol.

The package `redis` takes 65 ms of processor time to import, more than all else that a function of ours loads.
"""

import hashlib
import re
import socket
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from hiredis import ProtocolError, Reader, ReplyError, pack_command

from paylink.core.secret import Secret
from paylink.core.tracing import CLIENT, Value, current_span

_TIMEOUT_S = 0.2
_READ_SIZE = 64 * 1024
_MORE = object()
_KIND = re.compile(r"[A-Z]{1,32}")

Word = str | bytes | int | float


class RedisUnavailable(Exception):
    """Redis cannot be reached, lets us not in, or does not answer in time. The message holds no secret."""


class RedisRefused(Exception):
    """Redis is there and refuses the command. The message is the kind of refusal, such as `READONLY`."""


def _first_word(refusal: ReplyError) -> str:
    """Return what kind of refusal it is; the rest may repeat what was sent, a password too."""
    word = str(refusal).partition(" ")[0]
    return word if _KIND.fullmatch(word) else "ERR"


def _is_refusal(answer: Any, kind: str) -> bool:
    return isinstance(answer, ReplyError) and _first_word(answer) == kind


class RedisLink:
    """
    Sends commands to one Redis; safe to share between threads.

    url: redis://, rediss:// (TLS) or unix://, with user, password and database as the package `redis` takes them.
    """

    def __init__(self, url: Secret, *, timeout_s: float = _TIMEOUT_S) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._idle: deque[_Connection] = deque()

    def run(self, *words: Word) -> Any:
        """
        Send one command and return its answer: bytes, int, None, or a list of them.

        Raises:
            RedisUnavailable: There was no answer. Whether the command did anything is not known.
            RedisRefused: The answer is an error.
        """
        [answer] = self._send([words])
        if isinstance(answer, ReplyError):
            raise RedisRefused(_first_word(answer))
        return answer

    def run_script(self, script: str, keys: Sequence[str], arguments: Sequence[Word]) -> Any:
        """
        Run a Lua script, which Redis keeps under its hash, and return its answer as `run` does. Of several keys the
        names share a part in braces: in a cluster, what one script touches lies in one slot.

        Raises:
            RedisUnavailable, RedisRefused: See `run`.
        """
        [answer] = self.run_script_often(script, [(keys, arguments)])
        if isinstance(answer, RedisRefused):
            raise answer
        return answer

    def run_script_often(self, script: str, calls: Sequence[tuple[Sequence[str], Sequence[Word]]]) -> list[Any]:
        """
        Run a script for each of `calls`, keys and arguments, in one round trip, and return their answers; RedisRefused,
        not raised, for one that was refused.

        Raises:
            RedisUnavailable: There was no answer to one of them. Whether they did anything is not known.
        """
        rests = [(len(keys), *keys, *arguments) for keys, arguments in calls]
        answers = self._send([("EVALSHA", _sha1(script), *rest) for rest in rests])
        unknown = [i for i, answer in enumerate(answers) if _is_refusal(answer, "NOSCRIPT")]
        if unknown:
            for i, answer in zip(unknown, self._send([("EVAL", script, *rests[i]) for i in unknown]), strict=True):
                answers[i] = answer
        return [RedisRefused(_first_word(a)) if isinstance(a, ReplyError) else a for a in answers]

    def _send(self, commands: Sequence[Sequence[Word]]) -> list[Any]:
        parent = current_span()
        if parent is None:
            return self._ask(commands)
        with parent.child(*_description(self._url, commands), CLIENT):
            return self._ask(commands)

    def _ask(self, commands: Sequence[Sequence[Word]]) -> list[Any]:
        try:
            connection, reused = self._idle.pop(), True
        except IndexError:
            connection, reused = self._connect(), False
        try:
            answers = connection.ask(commands)
        except (OSError, EOFError, ProtocolError) as exc:
            connection.close()
            if reused and isinstance(exc, ConnectionError | EOFError):
                # It had died idle, and so have the others.
                self.close()
                return self._ask(commands)
            raise RedisUnavailable(type(exc).__name__) from exc
        self._idle.append(connection)
        return answers

    def close(self) -> None:
        """Close the idle connections."""
        with suppress(IndexError):
            while True:
                self._idle.pop().close()

    def _connect(self) -> "_Connection":
        url = urlsplit(self._url.reveal())
        try:
            connection = _Connection(_open(url.scheme, url.hostname, url.port, url.path, self._timeout_s))
            for words in _greeting(url.username, url.password, _database(url.scheme, url.path, url.query)):
                [answer] = connection.ask([words])
                if isinstance(answer, ReplyError):
                    connection.close()
                    raise RedisUnavailable(_first_word(answer))
        except (OSError, EOFError, ProtocolError, ValueError) as exc:
            raise RedisUnavailable(type(exc).__name__) from exc
        return connection


def _description(url: Secret, commands: Sequence[Sequence[Word]]) -> tuple[str, dict[str, Value]]:
    """Return the name and attributes of a span: the command, never what it is about."""
    name = str(commands[0][0])
    if len(commands) > 1:
        name = f"PIPELINE {name}"
    described: dict[str, Value] = {"db.system.name": "redis", "db.operation.name": name}
    if len(commands) > 1:
        described["db.operation.batch.size"] = len(commands)
    if host := urlsplit(url.reveal()).hostname:
        described["server.address"] = host
    return name, described


def _open(scheme: str, host: str | None, port: int | None, path: str, timeout_s: float) -> socket.socket:
    if scheme == "unix":
        link = socket.socket(socket.AF_UNIX)
        try:
            link.settimeout(timeout_s)
            link.connect(unquote(path))
        except OSError:
            link.close()
            raise
        return link
    link = socket.create_connection((host or "localhost", port or 6379), timeout_s)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if scheme != "rediss":
        return link
    import ssl

    return ssl.create_default_context().wrap_socket(link, server_hostname=host)


def _database(scheme: str, path: str, query: str) -> str:
    named = parse_qs(query).get("db", [""])[0]
    return named or ("" if scheme == "unix" else path.strip("/")) or "0"


def _greeting(user: str | None, password: str | None, database: str) -> list[tuple[str, ...]]:
    words: list[tuple[str, ...]] = []
    if password:
        words.append(("AUTH", *([unquote(user)] if user else []), unquote(password)))
    if database != "0":
        words.append(("SELECT", database))
    return words


class _Connection:
    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._reader = Reader(notEnoughData=_MORE)

    def ask(self, commands: Sequence[Sequence[Word]]) -> list[Any]:
        packed = [pack_command(tuple(words)) for words in commands]  # type: ignore[arg-type]  # its stub knows one word
        self._link.sendall(b"".join(packed))
        answers: list[Any] = []
        while len(answers) < len(commands):
            if (answer := self._reader.gets()) is not _MORE:
                answers.append(answer)
            elif read := self._link.recv(_READ_SIZE):
                self._reader.feed(read)
            else:
                raise EOFError
        return answers

    def close(self) -> None:
        with suppress(OSError):
            self._link.close()


@lru_cache(maxsize=16)
def _sha1(script: str) -> str:
    # Redis names its scripts so; it secures nothing.
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
