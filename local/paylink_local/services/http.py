"""Services that listen on a TCP port of the loopback interface."""

import json
import socket
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException

from paylink_local.supervisor.errors import CannotRun

HOST = "127.0.0.1"
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def port_of(environ: Mapping[str, str], setting: str, default: int) -> int:
    """
    Return the TCP port in `setting`.

    Raises:
        CannotRun: It is no port number.
    """
    text = environ.get(setting) or str(default)
    if not text.isascii() or not text.isdecimal() or not 0 < int(text) < 65536:
        raise CannotRun(f"{setting}={text} is no port: set it to a number between 1 and 65535")
    return int(text)


def check_port_is_free(port: int, setting: str) -> None:
    """
    Raises:
        CannotRun: Something listens there already, or we may not.
    """
    with socket.socket() as client:
        client.settimeout(1)
        taken = client.connect_ex((HOST, port)) == 0
    if taken:
        holder = _holder(port)
        raise CannotRun(f"port {port} is taken by another {holder}, or set {setting} in .env to a free port")
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind((HOST, port))
        except OSError as error:
            reason = f"cannot listen on port {port} ({error.strerror})"
            raise CannotRun(f"{reason}: set {setting} in .env to another") from error


def check_ports_are_free(ports: Mapping[str, int]) -> None:
    """
    ports: by setting.

    Raises:
        CannotRun: With a line for each that cannot be used.
    """
    problems = []
    for setting, port in ports.items():
        try:
            check_port_is_free(port, setting)
        except CannotRun as error:
            problems.append(str(error))
    if problems:
        raise CannotRun("\n    ".join(problems))


def _holder(port: int) -> str:
    """Say who listens there, by what it answers, and how to stop it."""
    try:
        health = json.loads(read(f"http://{HOST}:{port}/healthz", timeout_s=1.0) or b"{}")
    except ValueError:
        health = {}
    if isinstance(health, dict) and health.get("status") == "ok" and health.keys() & {"database", "providers"}:
        return "PayLink: stop that one with ./scripts/down in its folder"
    return "program: stop it"


def answers(url: str) -> bool:
    """Return whether GET `url` answers 200 within two seconds. Any proxy in the environment is passed by."""
    return read(url) is not None


def read(url: str, timeout_s: float = 2.0) -> bytes | None:
    """Return the body of a 200 answer to GET `url`, None for every other outcome."""
    try:
        with _DIRECT.open(url, timeout=timeout_s) as answer:
            body: bytes = answer.read()
            return body if answer.status == 200 else None
    except (OSError, HTTPException):
        return None
