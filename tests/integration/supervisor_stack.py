"""
A supervisor over small dummy services, as a program.

Usage: python supervisor_stack.py HOME [--detached] [--broken] [--missing] [--chatty]
"""

import os
import sys
from pathlib import Path

from paylink_local.supervisor.errors import CannotRun
from paylink_local.supervisor.guarded import Command
from paylink_local.supervisor.home import Home
from paylink_local.supervisor.run import supervise
from paylink_local.supervisor.service import Service

# It says its number in a file when it is ready, and its end in another. Its own child left the process group and
# session and does not listen to SIGTERM, as a program can that was never meant to be supervised.
_DUMMY = """
import os, signal, subprocess, sys, time
name = sys.argv[1]
stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-S", "-c", stubborn], start_new_session=True)
def end(*_):
    with open("ends", "a") as ends:
        ends.write(name + "\\n")
    os._exit(0)
signal.signal(signal.SIGTERM, end)
print("hello from", name, flush=True)
with open(name + ".new", "w") as ready:
    ready.write(f"{os.getpid()} {child.pid}")
os.rename(name + ".new", name + ".ready")
while True:
    time.sleep(1)
"""
# Writes as much as it can; each thousandth line is touched as a sign of life.
_CHATTY = """
import sys
with open(sys.argv[1] + ".ready", "w"):
    pass
number = 0
while True:
    print("WARNING number", number, "x" * 100, flush=True)
    number += 1
    if number % 1000 == 0:
        with open("chatty.count", "w") as count:
            count.write(str(number))
"""
_BROKEN = "import sys; print('the frobnicator is missing'); sys.exit(3)"


def _service(
    home: Home, name: str, *, needs: tuple[str, ...] = (), script: str = _DUMMY, program: str = sys.executable
) -> Service:
    sign = home.path / f"{name}.ready"

    def start() -> Command:
        sign.unlink(missing_ok=True)
        return Command(
            name=name,
            argv=(program, "-S", "-c", script, name),
            environ=os.environ,
            folder=home.path,
            log=home.logs / f"{name}.log",
            echo="--detached" not in sys.argv,
        )

    return Service(name=name, start=start, ready=sign.exists, needs=needs)


def main() -> int:
    home = Home(Path(sys.argv[1]))
    options = sys.argv[2:]
    home.prepare()
    services = [_service(home, "store"), _service(home, "web", needs=("store",))]
    if "--broken" in options:
        services.append(_service(home, "broken", needs=("store",), script=_BROKEN))
    if "--missing" in options:
        services.append(_service(home, "missing", program="/no/such/program"))
    if "--chatty" in options:
        services.append(_service(home, "chatty", script=_CHATTY))
    with home.held() as is_ours:
        if not is_ours:
            print(f"held by {home.supervisor_pid()}")
            return 7
        try:
            return supervise(home, services, welcome="Welcome.", detached="--detached" in options)
        except CannotRun as error:
            print(f"cannot run: {error}")
            return 1


if __name__ == "__main__":
    sys.exit(main())
