"""
A server that answers a question about any session as the sandbox does about an open one, only faster.

For runs that are too long for the sandbox. `python -m bench.reconcile.stand_in FILE`, with a session's JSON in the
file, prints its port and serves on loopback until it is ended.
"""

import asyncio
import sys
from pathlib import Path

from bench.reconcile.crowd import attempt_of_session

SESSION, ATTEMPT = b"the-session", b"the-attempt"
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nRequest-Id: req_standin\r\nContent-Length: %d\r\n\r\n"
_PATH = b"/checkout/sessions/"


class Answering(asyncio.Protocol):
    def __init__(self, session: bytes) -> None:
        self._session = session
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            request, self._read = self._read[:end], self._read[end + 4 :]
            self._transport.write(answer(request, self._session))


def answer(request: bytes, session: bytes) -> bytes:
    """Return the whole answer to the head of `GET /v1/checkout/sessions/{id}?...`."""
    path = request.split(b" ", 2)[1]
    name = path.partition(_PATH)[2].partition(b"?")[0]
    body = session.replace(SESSION, name).replace(ATTEMPT, attempt_of_session(name.decode()).encode())
    return _HEAD % len(body) + body


async def serve(session: bytes) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Answering(session), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]).read_bytes()))
