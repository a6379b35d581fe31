"""What Lambda's Amazon Linux 2023 has, what a library needs of it, and a Python of Lambda's version that runs here."""

import platform
import re
import shutil
import subprocess
from collections.abc import Collection
from functools import cache
from pathlib import Path

import pytest

from support.stack import REPOSITORY

SCRIPT = REPOSITORY / "scripts" / "build-crypto-layer"
LAMBDA_PYTHON = "3.13"
TRIPLETS = {"x86_64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}
MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}
DEBIAN = {"x86_64": "amd64", "arm64": "arm64"}
HERE = {machine: name for name, machine in MACHINES.items()}.get(platform.machine(), "")

# The versions that Amazon Linux 2023 had first: it never takes one away.
NEWEST = {
    "GLIBC": (2, 34),
    "GLIBCXX": (3, 4, 29),
    "CXXABI": (1, 3, 13),
    "GCC": (11, 0),
    "OPENSSL": (3, 0, 8),
    "ZLIB": (1, 2, 9),
}
LIBRARIES = {"libc.so.6", "libm.so.6", "libgcc_s.so.1", "libstdc++.so.6", "libcrypto.so.3", "libz.so.1"}


def run(*command: object, **options: object) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return str(done.stdout)


def readelf(option: str, library: Path) -> str:
    return run("readelf", "--wide", option, library, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"})


def needs_tools_of(architecture: str) -> None:
    """Skip, saying what to install, where this machine cannot build for the architecture or run what is built."""
    if architecture == HERE:
        return
    triplet, machine = TRIPLETS[architecture], MACHINES[architecture]
    if not shutil.which(f"{triplet}-g++") or not shutil.which(f"qemu-{machine}"):
        compiler = f"g++-{triplet}".replace("_", "-")
        pytest.skip(f"nothing is built for {architecture}: apt-get install {compiler} qemu-user")


def debian(suite: str, architecture: str, *packages: str) -> Path:
    if not shutil.which("apt-get"):
        pytest.skip(f"needs Debian's {packages[-1]} for {architecture}, and apt-get is not here")
    return Path(run(SCRIPT, "--debian", suite, DEBIAN[architecture], *packages).strip())


def lambda_python(architecture: str) -> list[str]:
    """A command that runs Python of Lambda's version, which knows nothing of this machine's packages and libraries."""
    runtime = ("libc6", "libgcc-s1", "libstdc++6", "libssl3t64", "libzstd1", "zlib1g", "libexpat1")
    python = (f"python{LAMBDA_PYTHON}-minimal", f"libpython{LAMBDA_PYTHON}-minimal", f"libpython{LAMBDA_PYTHON}-stdlib")
    root = debian("trixie", architecture, *runtime, *python)
    (loader,) = (root / "usr" / "lib").glob("*/ld-linux-*.so.*")
    command = [str(loader), "--library-path", str(loader.parent), str(root / "usr" / "bin" / f"python{LAMBDA_PYTHON}")]
    if architecture != HERE:
        command = [f"qemu-{MACHINES[architecture]}", "-L", str(root), *command]
    return ["env", f"PYTHONHOME={root / 'usr'}", *command, "-S", "-P"]


def refusals(library: Path, beside: Collection[Path] = (), also: Collection[str] = ()) -> list[str]:
    """What of this library Amazon Linux 2023 could not load; `beside` come with it, `also` are there as well."""
    brought = {"libpaycrypto.so.0", *also, *(other.name for other in beside)}
    versions = {version for other in beside for version in _defined_versions(other)}
    found = []
    for name in re.findall(r"\(NEEDED\).*\[(.*)\]", readelf("--dynamic", library)):
        if name not in LIBRARIES | brought and not name.startswith("ld-linux-"):
            found.append(f"library {name}")
    for symbol, version in re.findall(r" UND (\S+?)@(\S+)", readelf("--dyn-syms", library)):
        if version not in versions and _is_too_new(version):
            found.append(f"{symbol} of {version}")
    # A version may also be asked for without a symbol.
    for version in re.findall(r" Name: (\S+) +Flags: ", readelf("--version-info", library)):
        if version not in versions and _is_too_new(version):
            found.append(f"version {version}")
    return found


def _is_too_new(version: str) -> bool:
    family, _, number = version.rpartition("_")
    return not re.fullmatch(r"[\d.]+", number) or tuple(map(int, number.split("."))) > NEWEST.get(family, ())


@cache
def _defined_versions(library: Path) -> set[str]:
    return set(re.findall(r"Rev: .* Name: (\S+)", readelf("--version-info", library)))
