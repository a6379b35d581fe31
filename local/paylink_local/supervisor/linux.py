"""Linux process control that Python's `os` lacks: prctl(2), capset(2), the children of a process.

On other systems the first two functions do nothing: there the process group alone has to be enough.
"""

import contextlib
import ctypes
import os
import pwd
import signal
import struct
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_SECUREBITS = 28
_PR_SET_CHILD_SUBREAPER = 36
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_SECBIT_NO_SETUID_FIXUP = 1 << 2
_LINUX_CAPABILITY_VERSION_3 = 0x20080522
_CAP_DAC_OVERRIDE = 1

IS_LINUX = sys.platform.startswith("linux")


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that forked it ends. A later change of user undoes it."""
    if IS_LINUX:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def become_subreaper() -> None:
    """Become the parent of every descendant whose own parent dies, also of those that left the process group."""
    if IS_LINUX:
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def become_user(name: str) -> None:
    """
    Give up root for the user `name`, but keep passing closed folders on the way (CAP_DAC_OVERRIDE, nothing else).

    So a program that refuses to run as root runs below a folder of mode 0700 and no mode has to be changed. Also in
    containers: Docker's default capabilities are enough, and no user namespace is needed.

    Raises:
        OSError: This root lacks CAP_SETPCAP, CAP_SETUID, CAP_SETGID or CAP_DAC_OVERRIDE.
    """
    user = pwd.getpwnam(name)
    # Else access(2), which PostgreSQL asks about its own programs, would ignore the capability.
    _prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP)
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    kept = 1 << _CAP_DAC_OVERRIDE
    header = struct.pack("=Ii", _LINUX_CAPABILITY_VERSION_3, 0)
    effective_permitted_inheritable = struct.pack("=6I", kept, kept, kept, 0, 0, 0)
    _check(ctypes.CDLL(None, use_errno=True).capset(header, effective_permitted_inheritable))
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE)


def children(parent: int) -> list[int]:
    """Return the ids of the direct children of process `parent`, zombies included; on other systems none."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat") if IS_LINUX else ():
        with contextlib.suppress(OSError):
            # "pid (name) state ppid ...", and a name may hold spaces and brackets.
            if int(stat.read_text(errors="replace").rpartition(")")[2].split()[1]) == parent:
                found.append(int(stat.parent.name))
    return found


def _prctl(option: int, first: int, second: int = 0) -> None:
    unsigned = [ctypes.c_ulong(value) for value in (first, second, 0, 0)]
    _check(ctypes.CDLL(None, use_errno=True).prctl(option, *unsigned))


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
