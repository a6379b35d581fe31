"""The supervisor's side of a guardian: start a process that cannot outlive us, follow it, end it."""

import contextlib
import json
import math
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from paylink_local.supervisor import linux
from paylink_local.supervisor.guardian import Spec

SUPERVISED = "PAYLINK_SUPERVISED"
"""Environment variable that marks every supervised process with the state folder that it belongs to."""


_GUARDIAN_ENDS_S = 6.0
"""A guardian needs so much at most beyond its child's grace: it sweeps for five seconds."""


@dataclass(frozen=True)
class Command:
    """
    A process to run under a guardian.

    stop_signal goes to the process alone; what is left of its group after grace_s, or after its end, is killed.
    user: run as this user (Linux, as root only). stdin: a file. echo: copy its warnings to our standard output.
    """

    name: str
    argv: tuple[str, ...]
    environ: Mapping[str, str]
    folder: Path
    log: Path
    stop_signal: int = signal.SIGTERM
    grace_s: float = 3.0
    user: str | None = None
    stdin: Path = Path(os.devnull)
    echo: bool = False


class Guarded:
    """A running command. Starting it does not wait; a program that cannot be run ends with exit code 127."""

    _guardians: ClassVar[set[int]] = set()
    _guardians_lock: ClassVar[threading.Lock] = threading.Lock()
    _adopts_orphans: ClassVar[bool] = False

    def __init__(self, command: Command, *, home: Path, lock: Path) -> None:
        control, self._control = os.pipe()
        self._report, report = os.pipe()
        spec = Spec(
            name=command.name,
            argv=list(command.argv),
            log=str(command.log),
            echo=command.echo,
            stop_signal=command.stop_signal,
            grace_s=command.grace_s,
            user=command.user,
            stdin=str(command.stdin),
            lock=str(lock),
            control=control,
            report=report,
        )
        self.pid: int | None = None
        self._exit_code: int | None = None
        self._told = b""
        self._ends_within_s = command.grace_s + _GUARDIAN_ENDS_S
        self._killed_at = math.inf
        # Under the lock, so that no sweep takes the new guardian for an orphan.
        with self._guardians_lock, open(command.log, "ab") as log:
            self._guardian = subprocess.Popen(
                [sys.executable, "-P", "-m", "paylink_local.supervisor.guardian", json.dumps(spec._asdict())],
                env={**command.environ, SUPERVISED: str(home)},
                cwd=command.folder,
                stdin=subprocess.DEVNULL,
                stdout=None if command.echo else subprocess.DEVNULL,
                stderr=log,
                pass_fds=(control, report),
                start_new_session=True,
            )
            self._guardians.add(self._guardian.pid)
        os.close(control)
        os.close(report)

    @classmethod
    def adopt_orphans(cls) -> None:
        """Make this process take over, and kill, what a killed guardian leaves behind (Linux). It then may have no
        children but guardians."""
        linux.become_subreaper()
        cls._adopts_orphans = True

    def wait(self, timeout_s: float) -> int | None:
        """Return the exit code (negative: killed by that signal) once nothing of the process is left, else None."""
        deadline = time.monotonic() + timeout_s
        while self._exit_code is None:
            # Not select(), which cannot watch a descriptor above 1023.
            poll = select.poll()
            poll.register(self._report, select.POLLIN)
            if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                self._urge()
                return None
            data = os.read(self._report, 4096)
            if data:
                self._hear(data)
            else:
                self._end()
        return self._exit_code

    def stop(self) -> None:
        """Ask for the end, without waiting."""
        if self._control >= 0:
            os.close(self._control)
            self._control = -1
            self._killed_at = time.monotonic() + self._ends_within_s
            self._urge()

    def _urge(self) -> None:
        """
        Wake a guardian that somebody stopped: it reads no log, and its child would wait for ever at a full pipe.

        One that was asked to end and does not is killed; `_end` then ends what it guarded.
        """
        late = time.monotonic() > self._killed_at
        self._guardian.send_signal(signal.SIGKILL if late else signal.SIGCONT)

    def _hear(self, data: bytes) -> None:
        self._told += data
        for line in self._told.decode().splitlines():
            if line.startswith("pid "):
                self.pid = int(line.removeprefix("pid "))

    def _end(self) -> None:
        """The guardian is gone. Unless it told its child's end it was killed: then end what it guarded."""
        self.stop()
        os.close(self._report)
        told = self._told.decode().splitlines()
        self._guardian.wait()
        with self._guardians_lock:
            self._guardians.discard(self._guardian.pid)
        if told and told[-1].startswith("exit "):
            self._exit_code = int(told[-1].removeprefix("exit "))
            return
        if self.pid is not None:
            with contextlib.suppress(OSError):
                os.killpg(self.pid, signal.SIGKILL)
        if self._adopts_orphans:
            self._sweep()
        self._exit_code = -signal.SIGKILL

    @classmethod
    def _sweep(cls, timeout_s: float = 5.0) -> None:
        give_up = time.monotonic() + timeout_s
        while time.monotonic() < give_up:
            with cls._guardians_lock:
                orphans = set(linux.children(os.getpid())) - cls._guardians
            if not orphans:
                return
            for pid in orphans:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, os.WNOHANG)
            time.sleep(0.01)
