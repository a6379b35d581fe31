"""Examines what the embedded stack needs of its machine: room, ports, its files, and nothing left of the last run."""

import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil

from paylink_local.doctor.finding import Finding, named, ok, warning, wrong
from paylink_local.services.check import ports_of
from paylink_local.services.http import check_port_is_free
from paylink_local.services.running import changed_settings
from paylink_local.supervisor.errors import CannotRun
from paylink_local.supervisor.home import MIN_FREE_BYTES, TOOLS, Home
from paylink_local.supervisor.status import State, Status
from paylink_local.supervisor.strays import left_over

_FREE_BYTES_LOW = 1024 * 1024 * 1024


def examine_machine(home: Home, status: Status | None, environ: Mapping[str, str]) -> Iterator[Finding]:
    yield judge_room(home.path, shutil.disk_usage(_existing(home.path)).free)
    yield from examine_files(home)
    if status is None:
        yield from _examine_ports(environ)
        yield judge_left_over(home, left_over(home))
        if not (TOOLS / "localstack" / "bin" / "python").exists():
            yield wrong("localstack", "LocalStack is not installed", "./scripts/install-localstack")
        yield wrong("services", "PayLink is not running: what needs it was not examined", "./scripts/up")
        return
    yield from judge_services(home, status)
    try:
        changed = changed_settings(home, environ)
    except CannotRun:
        return  # told with the settings
    if changed:
        yield warning("services", f"started with other settings: {named(changed)}", "./scripts/down, then ./scripts/up")


def judge_room(path: Path, free_bytes: int) -> Finding:
    seen = f"{free_bytes // 1_000_000} MB free for {path}"
    mend = "free some space, or set PAYLINK_HOME to a folder on another disk"
    if free_bytes < MIN_FREE_BYTES:
        return wrong("disk", f"{seen}; `up` needs 256 MB", mend)
    return warning("disk", seen, mend) if free_bytes < _FREE_BYTES_LOW else ok("disk", seen)


def examine_files(home: Home) -> Iterator[Finding]:
    """The state folder and the secrets in it are their owner's alone."""
    if not home.exists():
        return
    secrets = home.path / "secrets.env"
    open_to_all = [path for path in (home.path, secrets) if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077]
    for path in open_to_all:
        yield wrong("files", f"{path} is open to other users", f"chmod go-rwx {path}")
    if not secrets.exists():
        mend = "put it back from a backup, or delete all local state with ./scripts/down --wipe"
        yield wrong("files", f"{secrets} is missing: without it the stored data cannot be read", mend)
    elif not open_to_all:
        yield ok("files", f"{home.path} is its owner's alone")


def judge_left_over(home: Home, processes: list[psutil.Process]) -> Finding:
    if not processes:
        return ok("processes", "nothing is left of an earlier run")
    numbers = named([str(process.pid) for process in processes])
    return warning("processes", f"left of an earlier run: {numbers}", f"./scripts/down ends what runs in {home.path}")


def judge_services(home: Home, status: Status) -> list[Finding]:
    """Each service that is not healthy, or was not all the time."""
    found = []
    for service in status.services:
        log = home.logs / f"{service.name}.log"
        if not service.state.is_up:
            level = warning if service.state in (State.WAITING, State.STARTING) else wrong
            found.append(level("services", f"{service.name} is {service.state.value}", f"see {log}"))
        elif service.restarts:
            seen = f"{service.name} was started again {service.restarts} times"
            found.append(warning("services", seen, f"see why in {log}"))
    return found or [ok("services", f"{len(status.services)} healthy")]


def _examine_ports(environ: Mapping[str, str]) -> Iterator[Finding]:
    try:
        ports = ports_of(environ)
    except CannotRun:
        return  # told with the settings
    taken = False
    for setting, port in ports.items():
        try:
            check_port_is_free(port, setting)
        except CannotRun as exc:
            taken = True
            seen, _, mend = str(exc).partition(": ")
            yield wrong("ports", seen, mend)
    if not taken:
        yield ok("ports", f"{', '.join(map(str, ports.values()))} are free")


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())
