"""The state folder `.paylink`: where things lie in it, and who holds it."""

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from paylink_local.memory import memory_folder
from paylink_local.supervisor.errors import CannotRun

REPOSITORY = Path(__file__).resolve().parents[3]
DEFAULT_HOME = REPOSITORY / ".paylink"
TOOLS = DEFAULT_HOME
"""The tool environments stay in the clone, wherever the state lies."""

MIN_FREE_BYTES = 256 * 1024 * 1024
_MAX_SOCKET_FOLDER_BYTES = 80
"""A socket's whole path may have 103 bytes (macOS; 107 on Linux), with `/postgres/.s.PGSQL.5432` at its end."""
_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-")
_MADE_BEFORE_US = {"secrets.env", "tools", "localstack"}


@dataclass(frozen=True)
class Home:
    """
    One state folder. Two locks in `run/` tell who uses it; the kernel frees them however their holder ends.

    `run/supervisor.lock` is held by the supervisor and names its process; all guardians share `run/guardians.lock`.
    """

    path: Path

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Home":
        return cls(Path(os.path.abspath(environ.get("PAYLINK_HOME") or DEFAULT_HOME)))

    @property
    def run(self) -> Path:
        return self.path / "run"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def supervisor_lock(self) -> Path:
        return self.run / "supervisor.lock"

    @property
    def guardians_lock(self) -> Path:
        return self.run / "guardians.lock"

    def exists(self) -> bool:
        return self.supervisor_lock.exists()

    def prepare(self) -> None:
        """
        Make the folders.

        Raises:
            CannotRun: The folder holds something else, cannot be written, or its disk is full.
        """
        try:
            if foreign := self._foreign():
                raise CannotRun(
                    f"{self.path} is no state folder of PayLink (it holds {foreign}): "
                    "set PAYLINK_HOME to a new or an empty folder"
                )
            for folder in (self.path, self.run):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                folder.chmod(0o700)  # what scripts/up made before us, for its tools, is open to all
            self.supervisor_lock.touch()
            self.logs.mkdir(mode=0o700, exist_ok=True)
            free = shutil.disk_usage(self.path).free
        except OSError as error:
            raise CannotRun(
                f"cannot write to {error.filename or self.path} ({error.strerror}): "
                "mend that, or set PAYLINK_HOME to a folder of yours"
            ) from error
        if free < MIN_FREE_BYTES:
            raise CannotRun(
                f"the disk of {self.path} is full ({free // 1_000_000} MB free, 256 MB needed): "
                "free some space, or set PAYLINK_HOME to a folder on another disk"
            )

    def _foreign(self) -> str | None:
        """Return the name of something in the folder that is not ours, if it is not a state folder of ours already."""
        if self.path == DEFAULT_HOME:
            return None
        for _ in range(100):
            found = {entry.name for entry in self.path.iterdir()} if self.path.exists() else set()
            foreign = found - _MADE_BEFORE_US
            if not foreign or self.exists():
                return None
            if foreign != {self.run.name}:
                break
            time.sleep(0.01)  # another start may be making this very folder
        return min(foreign)

    def sockets(self) -> Path:
        """
        Return the 0700 folder for Unix sockets: `run/sockets`, or, where that name is too long for a socket or odd, one
        in the temporary folder which `run/sockets.path` names.
        """
        folder = self.run / "sockets"
        if len(os.fsencode(folder)) > _MAX_SOCKET_FOLDER_BYTES or not _SAFE.issuperset(str(folder)):
            record = self.run / "sockets.path"
            folder = Path(record.read_text()) if record.exists() else folder
            if not _is_private_folder(folder) or folder.parent == self.run:
                folder = Path(tempfile.mkdtemp(prefix="paylink-"))
                record.write_text(str(folder))
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def metrics(self) -> Path:
        """Return the 0700 folder, named by `run/metrics.path`, where processes keep what they count while they run."""
        record = self.run / "metrics.path"
        folder = Path(record.read_text()) if record.exists() else None
        if folder is None or not _is_private_folder(folder):
            folder = memory_folder()
            record.write_text(str(folder))
        return folder

    def drop_outside(self) -> None:
        """Delete the folders for sockets and metrics that lie outside this one. Nobody may use them any more."""
        for record in (self.run / "sockets.path", self.run / "metrics.path"):
            if record.exists():
                if _is_private_folder(folder := Path(record.read_text())):
                    shutil.rmtree(folder, ignore_errors=True)
                record.unlink(missing_ok=True)

    def wipe(self) -> None:
        """Delete the folder and what lies outside it. Nobody may hold it."""
        self.drop_outside()
        if self.path == DEFAULT_HOME or self.exists():
            shutil.rmtree(self.path, ignore_errors=True)
        if self.path.exists() and any(self.path.iterdir()):
            raise CannotRun(f"could not delete all of {self.path}: delete it by hand")

    def supervisor_pid(self) -> int | None:
        """Return the process id of the running supervisor, None if there is none."""
        for _ in range(100):
            if not self.exists() or not _is_held(self.supervisor_lock):
                return None
            with contextlib.suppress(ValueError):
                return int(self.supervisor_lock.read_text())
            time.sleep(0.01)  # it holds the lock and is about to write its number
        return None

    def guardians_live(self) -> bool:
        return self.guardians_lock.exists() and _is_held(self.guardians_lock)

    @contextlib.contextmanager
    def held(self) -> Iterator[bool]:
        """Be the supervisor of this folder for the time of the block. Gives False when another one is."""
        with open(self.supervisor_lock, "a+") as lock:
            # More than once: somebody who only looks whether it is held has it for an instant.
            for _ in range(5):
                if is_ours := _try_lock(lock):
                    break
                time.sleep(0.05)
            if not is_ours:
                yield False
                return
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield True


def _is_private_folder(folder: Path) -> bool:
    try:
        stat = folder.lstat()
    except OSError:
        return False
    return folder.is_dir() and not folder.is_symlink() and stat.st_uid == os.getuid() and stat.st_mode & 0o077 == 0


def _try_lock(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_held(path: Path) -> bool:
    with open(path) as file:
        return not _try_lock(file)
