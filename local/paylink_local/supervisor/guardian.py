"""One small process around one child: keeps the child's log, and makes sure that the child never outlives it.

The supervisor starts it in a session of its own and holds the write end of its control pipe. When that end closes,
because the supervisor says stop or because it was killed, the child gets its stop signal, time to end, and SIGKILL.
When the child ends, whatever it left behind is killed. When the guardian itself is killed, the kernel kills the child
(Linux) and the supervisor the rest. On the report pipe it says `pid N` and, at last, `exit N` (negative: a signal).
"""

import contextlib
import fcntl
import json
import os
import selectors
import signal
import sys
import time
from pathlib import Path
from typing import NamedTuple, NoReturn

from paylink_local.supervisor import linux
from paylink_local.supervisor.echo import Echo
from paylink_local.supervisor.log import RotatingLog

_SWEEP_TIMEOUT_S = 5.0
_LAST_WORDS_S = 0.5


class Spec(NamedTuple):
    """What to run, as it crosses to the guardian in JSON. The descriptors `control` and `report` are inherited."""

    name: str
    argv: list[str]
    log: str
    echo: bool
    stop_signal: int
    grace_s: float
    user: str | None
    stdin: str
    lock: str
    control: int
    report: int


class Guardian:
    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.log = RotatingLog(Path(spec.log))
        self.echo = Echo(spec.name) if spec.echo else None
        self.child = 0
        self.exit_code: int | None = None
        self.deadline: float | None = None

    def run(self) -> None:
        linux.become_subreaper()
        for fd in (self.spec.control, self.spec.report):
            os.set_inheritable(fd, False)
        wakeup = self._listen_to_signals()
        output = self._start()
        self._tell(f"pid {self.child}")

        with selectors.DefaultSelector() as ready:
            for fd in (wakeup, self.spec.control, output):
                os.set_blocking(fd, False)
                ready.register(fd, selectors.EVENT_READ)
            while self.exit_code is None:
                for key, _ in ready.select(self._remaining_s()):
                    data = self._read(key.fd)
                    if key.fd == output and data:
                        self._keep(data)
                    elif key.fd == wakeup and signal.SIGTERM in data:
                        self._stop()
                    elif key.fd != wakeup and not data:
                        ready.unregister(key.fd)
                        if key.fd == self.spec.control:
                            self._stop()
                self._reap()
                if self._remaining_s() == 0:
                    self._kill_group()

        self._sweep()
        while data := self._read(output):
            self._keep(data)
        if self.echo is not None:
            self.echo.drain(_LAST_WORDS_S)
        self._tell(f"exit {self.exit_code}")

    def _listen_to_signals(self) -> int:
        """Return a pipe that gets the number of each signal. Handlers, as an ignored signal would be inherited."""
        read, write = os.pipe()
        os.set_blocking(write, False)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: None)
        return read

    def _start(self) -> int:
        """Fork the child and return the read end of its output."""
        read, write = os.pipe()
        guardian = os.getpid()
        self.child = os.fork()
        if self.child == 0:
            self._become_child(guardian, write)
        os.close(write)
        with contextlib.suppress(OSError):
            os.setpgid(self.child, self.child)
        return read

    def _become_child(self, guardian: int, output: int) -> NoReturn:
        try:
            os.setpgid(0, 0)
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.dup2(os.open(self.spec.stdin, os.O_RDONLY), 0)
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGPIPE, signal.SIGXFSZ):  # what Python ignores, exec would pass on
                signal.signal(number, signal.SIG_DFL)
            if self.spec.user:
                linux.become_user(self.spec.user)
            linux.die_with_parent()
            if os.getppid() == guardian:
                os.execvp(self.spec.argv[0], self.spec.argv)  # noqa: S606  # no shell is what we want
        except BaseException as error:
            os.write(2, f"cannot start {self.spec.argv[0]}: {error}\n".encode())
        os._exit(127)

    def _stop(self) -> None:
        if self.deadline is None:
            self.deadline = time.monotonic() + self.spec.grace_s
            with contextlib.suppress(OSError):
                os.kill(self.child, self.spec.stop_signal)

    def _remaining_s(self) -> float | None:
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())

    def _kill_group(self) -> None:
        with contextlib.suppress(OSError):
            os.killpg(self.child, signal.SIGKILL)

    def _reap(self) -> bool:
        """Collect the dead. Return whether children are left."""
        try:
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return True
                if pid == self.child:
                    self.exit_code = os.waitstatus_to_exitcode(status)
        except ChildProcessError:
            return False

    def _sweep(self) -> None:
        """Kill what the child left behind: its group, and what left the group and came to us."""
        self._kill_group()
        give_up = time.monotonic() + _SWEEP_TIMEOUT_S
        while self._reap() and time.monotonic() < give_up:
            for pid in linux.children(os.getpid()):
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)

    def _keep(self, data: bytes) -> None:
        self.log.write(data)
        if self.echo is not None:
            self.echo.write(data)

    def _read(self, fd: int) -> bytes:
        try:
            return os.read(fd, 65536)
        except BlockingIOError:
            return b""

    def _tell(self, line: str) -> None:
        with contextlib.suppress(OSError):
            os.write(self.spec.report, f"{line}\n".encode())


def main() -> None:
    spec = Spec(**json.loads(sys.argv[1]))
    # Held until the kernel ends this process: whoever gets the lock alone knows that no guardian is left.
    with open(spec.lock, "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        Guardian(spec).run()
        os._exit(0)


if __name__ == "__main__":
    main()
