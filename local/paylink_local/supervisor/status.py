"""`run/status.json`: what the supervisor knows of its services, for `paylink status` and whoever waits for it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum

from paylink_local.supervisor.home import Home


class State(StrEnum):
    WAITING = "waiting"
    """For what it needs."""
    STARTING = "starting"
    HEALTHY = "healthy"
    DONE = "done"
    """A task that ended well."""
    RESTARTING = "restarting"
    """It died, and is started again after a pause."""
    FAILED = "failed"
    STOPPED = "stopped"

    @property
    def is_up(self) -> bool:
        return self in (State.HEALTHY, State.DONE)


@dataclass(frozen=True)
class ServiceStatus:
    name: str
    state: State
    pid: int | None
    restarts: int
    address: str


@dataclass(frozen=True)
class Status:
    """pid: the supervisor's. up: once all services were healthy. settings: what it was started with, no secrets."""

    pid: int
    up: bool
    settings: Mapping[str, str]
    services: tuple[ServiceStatus, ...]

    @property
    def is_healthy(self) -> bool:
        return self.up and all(service.state.is_up for service in self.services)

    def write(self, home: Home) -> None:
        new = home.run / "status.json.new"
        new.write_text(json.dumps(asdict(self)))
        new.replace(home.run / "status.json")


def read_status(home: Home) -> Status | None:
    """Return what the running supervisor wrote last; None when none runs or it has written nothing yet."""
    pid = home.supervisor_pid()
    try:
        told = json.loads((home.run / "status.json").read_text())
    except FileNotFoundError:
        return None
    if pid is None or told["pid"] != pid:
        return None
    services = (ServiceStatus(**{**service, "state": State(service["state"])}) for service in told["services"])
    return Status(pid=pid, up=told["up"], settings=told.get("settings", {}), services=tuple(services))


def forget_status(home: Home) -> None:
    (home.run / "status.json").unlink(missing_ok=True)
