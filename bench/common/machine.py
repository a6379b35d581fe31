"""Where the figures are from."""

import os
import platform
import subprocess
from importlib.metadata import version

from bench.common.generator import CONNECTIONS
from bench.common.paylink_side import PayLink
from bench.common.stack import PROCESSES
from bench.crypto.machine import cpu_model

_SETTINGS = ("fsync", "synchronous_commit", "full_page_writes", "shared_buffers")


def describe(side: PayLink) -> dict[str, str]:
    """Name what the figures depend on."""
    postgres = side.row("show server_version")["server_version"]
    settings = ", ".join(f"{name}={side.row(f'show {name}')[name]}" for name in _SETTINGS)
    return {
        "cpu": f"{os.cpu_count()} x {cpu_model()}",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}, {platform.python_compiler()}",
        "postgres": f"{postgres}: {settings}",
        "servers": f"uvicorn {version('uvicorn')} (PayLink), Granian {version('granian')} (bare), "
        f"{PROCESSES} processes each; psycopg2 {version('psycopg2-binary')}",
        "load generator": f"{CONNECTIONS} connections",
        "commit": _commit(),
        "load before": " ".join(f"{load:.1f}" for load in os.getloadavg()),
    }


def _commit() -> str:
    found = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return found.stdout.strip() or "not from a clone"
