"""The supervisor with real processes: whatever ends, nothing is left, and what should run comes back."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from paylink_local.supervisor import guarded
from paylink_local.supervisor.errors import CannotRun
from paylink_local.supervisor.guarded import SUPERVISED, Command, Guarded
from paylink_local.supervisor.home import Home
from paylink_local.supervisor.service import Service
from paylink_local.supervisor.status import Status, read_status
from paylink_local.supervisor.strays import end_last_run
from paylink_local.supervisor.supervisor import Supervisor

STACK = Path(__file__).with_name("supervisor_stack.py")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A state folder; whatever a failed test leaves running in it is killed."""
    home = Home(tmp_path / "home")
    yield home
    for process in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if str(home.path) in process.cmdline():
                process.kill()
    psutil.wait_procs(processes_of(home), timeout=10)


def processes_of(home: Home) -> list[psutil.Process]:
    """Every living process that was started under the supervisor of `home`: guardians, services, their children."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(SUPERVISED) == str(home.path) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def start(home: Home, *options: str, output: int = subprocess.PIPE) -> "subprocess.Popen[str]":
    command = [sys.executable, str(STACK), str(home.path), *options]
    return subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, text=True)


def started(home: Home) -> "subprocess.Popen[str]":
    supervisor = start(home)
    # After a kill the last one's status is still there, and healthy.
    wait_until(lambda: is_healthy(home) and status_of(home).pid == supervisor.pid)
    return supervisor


def is_healthy(home: Home) -> bool:
    status = read_status(home) if home.exists() else None
    return status is not None and status.is_healthy


def status_of(home: Home) -> Status:
    status = read_status(home)
    assert status is not None
    return status


def wait_until(is_so: Callable[[], bool], timeout_s: float = 30.0) -> None:
    give_up = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < give_up, "it did not happen in time"
        time.sleep(0.05)


def pids(home: Home, name: str) -> tuple[int, int]:
    """The process ids of a dummy service and of its stubborn child."""
    service, child = (home.path / f"{name}.ready").read_text().split()
    return int(service), int(child)


def guardian_of(pid: int) -> psutil.Process:
    parent = psutil.Process(pid).parent()
    assert parent is not None
    assert "paylink_local.supervisor.guardian" in parent.cmdline()
    return parent


def is_running(pid: int) -> bool:
    """Tell whether the process exists and has not ended: the first process may be slow to collect it."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signal_ends_everything(home: Home, number: signal.Signals) -> None:
    """SIGTERM, Ctrl-C and a closed terminal end all services and even their runaway children within ten seconds."""
    supervisor = started(home)
    assert len(processes_of(home)) == 6

    supervisor.send_signal(number)

    assert supervisor.wait(10) == 0
    assert processes_of(home) == []
    assert not home.guardians_live()


def test_services_stop_in_reverse_order(home: Home) -> None:
    """A service stops after all that need it."""
    supervisor = started(home)
    supervisor.terminate()
    supervisor.wait(10)
    assert (home.path / "ends").read_text().split() == ["web", "store"]


def test_killed_supervisor_leaves_nothing(home: Home) -> None:
    """When the supervisor is killed its services end, cleanly, and the state folder is free again."""
    supervisor = started(home)

    supervisor.kill()

    wait_until(lambda: processes_of(home) == [])
    assert sorted((home.path / "ends").read_text().split()) == ["store", "web"]
    assert home.supervisor_pid() is None
    assert read_status(home) is None


def test_killed_service_comes_back(home: Home) -> None:
    """A killed service is started again, its old children are gone before, and the restart is told and counted."""
    supervisor = started(home)
    service, child = pids(home, "store")

    os.kill(service, signal.SIGKILL)
    wait_until(lambda: is_healthy(home) and status_of(home).services[0].restarts == 1)

    assert pids(home, "store")[0] not in (service, child)
    assert not is_running(child)
    assert pids(home, "web")[0] == status_of(home).services[1].pid
    supervisor.terminate()
    output, _ = supervisor.communicate(timeout=10)
    assert "store: killed by signal 9; starting it again in 0.2 s" in output


def test_killed_guardian_takes_its_service_along(home: Home) -> None:
    """A killed guardian leaves neither its service nor that one's children; the service comes back."""
    supervisor = started(home)
    service, child = pids(home, "web")

    guardian_of(service).kill()
    wait_until(lambda: is_healthy(home) and status_of(home).services[1].restarts == 1)

    assert not is_running(service)
    assert not is_running(child)
    assert len(processes_of(home)) == 6
    supervisor.terminate()
    assert supervisor.wait(10) == 0


def test_everything_killed_at_once_is_cleared_by_the_next_start(home: Home) -> None:
    """What survives when supervisor and guardians are killed together is ended by the next start."""
    supervisor = started(home)
    (_, store_child), (_, web_child) = pids(home, "store"), pids(home, "web")
    guardians = [guardian_of(pids(home, name)[0]) for name in ("store", "web")]
    for process in (*guardians, psutil.Process(supervisor.pid)):
        process.suspend()
    for process in (*guardians, psutil.Process(supervisor.pid)):
        process.kill()
    supervisor.wait()

    again = started(home)

    assert not is_running(store_child)
    assert not is_running(web_child)
    again.terminate()
    assert again.wait(10) == 0
    assert processes_of(home) == []


def test_start_after_kill_waits_for_the_last_run(home: Home) -> None:
    """A start right after a kill waits for the old services instead of running beside them."""
    supervisor = started(home)
    old = set(pids(home, "store") + pids(home, "web"))
    supervisor.kill()
    supervisor.wait()

    again = started(home)

    assert not any(is_running(pid) for pid in old)
    again.terminate()
    assert again.wait(10) == 0


def test_failed_start_says_why_and_leaves_nothing(home: Home) -> None:
    """A service that ends before it is ready fails the start: exit code, its last lines, and all others stopped."""
    supervisor = start(home, "--broken")
    output, _ = supervisor.communicate(timeout=15)

    assert supervisor.returncode == 1
    assert "cannot run: broken did not start: ended with exit code 3\n    the frobnicator is missing\n" in output
    assert processes_of(home) == []


def test_program_that_is_missing(home: Home) -> None:
    """A program that cannot be run is a failed start that names it."""
    supervisor = start(home, "--missing")
    output, _ = supervisor.communicate(timeout=15)
    assert supervisor.returncode == 1
    assert "cannot start /no/such/program: [Errno 2] No such file or directory" in output
    assert processes_of(home) == []


def test_two_at_once(home: Home) -> None:
    """A second supervisor of the same state folder learns who holds it and starts nothing."""
    supervisor = started(home)
    second = start(home)
    output, _ = second.communicate(timeout=10)
    assert (second.returncode, output) == (7, f"held by {supervisor.pid}\n")
    assert len(processes_of(home)) == 6
    supervisor.terminate()
    supervisor.wait(10)


def test_simultaneous_starts_give_one_stack(home: Home) -> None:
    """Of several starts in the same instant exactly one runs the services."""
    starts = [start(home) for _ in range(4)]
    wait_until(lambda: sum(process.poll() is not None for process in starts) == 3)
    wait_until(lambda: is_healthy(home))
    assert sorted(process.returncode or 0 for process in starts) == [0, 7, 7, 7]
    next(process for process in starts if process.returncode is None).terminate()
    wait_until(lambda: processes_of(home) == [])


def test_closed_terminal_stops_nothing(home: Home) -> None:
    """A reader of the output that goes away costs lines, not services."""
    supervisor = started(home)
    assert supervisor.stdout is not None
    supervisor.stdout.close()

    os.kill(pids(home, "web")[0], signal.SIGKILL)

    wait_until(lambda: is_healthy(home) and status_of(home).services[1].restarts == 1)
    supervisor.terminate()
    assert supervisor.wait(10) == 0


def lines_of_chatty(home: Home) -> int:
    with contextlib.suppress(OSError, ValueError):
        return int((home.path / "chatty.count").read_text())
    return 0


def test_terminal_that_does_not_read_holds_up_nothing(home: Home) -> None:
    """
    Ctrl-S, or a pager that waits: services go on and SIGTERM ends everything in time. Whoever reads again learns how
    many lines were dropped.
    """
    supervisor = start(home, "--chatty")  # nobody reads its output
    wait_until(lambda: is_healthy(home))
    wait_until(lambda: lines_of_chatty(home) > 20_000, timeout_s=30)
    os.kill(pids(home, "web")[0], signal.SIGKILL)
    wait_until(lambda: status_of(home).is_healthy and status_of(home).services[1].restarts == 1)

    assert supervisor.stdout is not None
    for line in supervisor.stdout:
        if "log lines were dropped because nobody read them" in line:
            break
    else:
        pytest.fail("the dropped lines are not told")
    assert json.loads(line[line.index("{") :])["lines"] > 0

    before = lines_of_chatty(home)  # again nobody reads
    wait_until(lambda: lines_of_chatty(home) > before + 20_000, timeout_s=30)
    supervisor.terminate()
    assert supervisor.wait(10) == 0
    assert processes_of(home) == []


def test_stopped_guardian_is_woken(home: Home) -> None:
    """SIGSTOP to a guardian, which then reads no log, does not hold its service up."""
    supervisor = start(home, "--chatty", output=subprocess.DEVNULL)
    wait_until(lambda: is_healthy(home))
    chatty = status_of(home).services[-1].pid
    assert chatty is not None

    guardian_of(chatty).suspend()

    before = lines_of_chatty(home)
    wait_until(lambda: lines_of_chatty(home) > before + 10_000)
    supervisor.terminate()
    assert supervisor.wait(10) == 0
    assert processes_of(home) == []


def test_stopped_guardians_of_a_killed_supervisor(home: Home) -> None:
    """They cannot see that the supervisor is gone: they are woken, and end their services cleanly."""
    supervisor = started(home)
    for process in (psutil.Process(supervisor.pid), *(guardian_of(pids(home, name)[0]) for name in ("store", "web"))):
        process.suspend()
    supervisor.kill()
    supervisor.wait()
    assert home.guardians_live()

    assert end_last_run(home, within_s=10) == 0

    assert sorted((home.path / "ends").read_text().split()) == ["store", "web"]
    assert processes_of(home) == []
    assert not home.guardians_live()


def test_zombies_are_not_waited_for(home: Home) -> None:
    """In a container nobody may collect what has ended: it is neither left over nor killed."""
    command = [sys.executable, str(STACK), str(home.path)]
    first_process = (
        "import subprocess, sys, time\n"
        "from paylink_local.supervisor import linux\n"
        "linux.become_subreaper()\n"
        "subprocess.Popen(sys.argv[1:])\n"
        "time.sleep(60)\n"
    )
    container = subprocess.Popen([sys.executable, "-c", first_process, *command])
    wait_until(lambda: is_healthy(home))
    guardians = [guardian_of(pids(home, name)[0]) for name in ("store", "web")]
    psutil.Process(status_of(home).pid).kill()

    began = time.monotonic()
    assert end_last_run(home, within_s=10) == 0

    assert time.monotonic() - began < 8
    assert {guardian.status() for guardian in guardians} == {psutil.STATUS_ZOMBIE}
    container.kill()
    container.wait()


def test_stale_files_do_not_matter(home: Home) -> None:
    """Files of a past run, whose process numbers others have now, are not taken for a running stack."""
    home.prepare()
    home.supervisor_lock.write_text(str(os.getpid()))
    (home.run / "status.json").write_text(f'{{"pid": {os.getpid()}, "up": true, "services": []}}')
    assert home.supervisor_pid() is None
    assert read_status(home) is None
    supervisor = started(home)
    supervisor.terminate()
    assert supervisor.wait(10) == 0


def test_foreground_shows_progress_and_logs(home: Home) -> None:
    """The terminal gets one line per ready service, the services' own lines behind their name, and the welcome."""
    supervisor = started(home)
    supervisor.terminate()
    output, _ = supervisor.communicate(timeout=10)
    assert re.search(r"^  store      ready in \d+\.\d s$", output, re.MULTILINE)
    assert "web        | hello from web\n" in output
    assert "\n\nWelcome.\n" in output
    assert output.endswith("Stopping PayLink\nPayLink has stopped.\n")
    assert "hello from web" in (home.logs / "web.log").read_text()


def test_detached_gives_its_output_back(home: Home) -> None:
    """A detached supervisor closes its output when all is healthy, and goes on."""
    supervisor = start(home, "--detached")
    assert supervisor.stdout is not None
    assert "\n\nWelcome.\n" in supervisor.stdout.read()
    assert is_healthy(home)
    assert supervisor.poll() is None
    supervisor.terminate()
    assert supervisor.wait(10) == 0
    assert "PayLink has stopped." in (home.logs / "supervisor.log").read_text()


def test_guardian_that_does_not_end_is_killed(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time it is killed, and what it guarded with it."""
    monkeypatch.setattr(guarded, "_GUARDIAN_ENDS_S", -60.0)
    home.prepare()
    # What the guardian may still ask of it, it does not hear.
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open('deaf', 'w'); time.sleep(600)"
    command = Command(
        name="sleeper",
        argv=(sys.executable, "-S", "-c", stubborn),
        environ=os.environ,
        folder=home.path,
        log=home.logs / "sleeper.log",
    )
    process = Guarded(command, home=home.path, lock=home.guardians_lock)
    wait_until(lambda: process.wait(0) is None and (home.path / "deaf").exists())
    process.stop()
    assert process.wait(5) == -signal.SIGKILL
    wait_until(lambda: processes_of(home) == [])


def test_a_process_with_very_many_open_files_can_supervise(home: Home) -> None:
    home.prepare()
    with contextlib.ExitStack() as files:
        while files.enter_context(open(os.devnull)).fileno() < 1100:  # the stack closes it
            pass
        command = Command(
            name="brief",
            argv=(sys.executable, "-S", "-c", "pass"),
            environ=os.environ,
            folder=home.path,
            log=home.logs / "brief.log",
        )
        assert Guarded(command, home=home.path, lock=home.guardians_lock).wait(20) == 0


def test_a_service_whose_start_has_a_fault_fails_and_keeps_nobody_waiting(home: Home) -> None:
    def fault() -> Command:
        raise ZeroDivisionError("a fault of ours")

    home.prepare()
    supervisor = Supervisor([Service("faulty", start=fault)], home=home, pid=os.getpid(), say=lambda line: None)
    with pytest.raises(CannotRun, match=r"faulty did not start: ZeroDivisionError: a fault of ours"):
        supervisor.start(threading.Event())
