"""Where the figures are from."""

import os
import platform
import re
import ssl
import sys
from importlib.metadata import version
from pathlib import Path

import paycrypto

_PACKAGES = ("cryptography", "stripe", "standardwebhooks")


def describe_machine() -> dict[str, str]:
    """Name what the figures depend on."""
    return {
        "cpu": f"{os.cpu_count()} x {cpu_model()}",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()} with {ssl.OPENSSL_VERSION}",
        "paycrypto": ", ".join(f"{name} {value}" for name, value in paycrypto.__impl__.items()),
        "contenders": ", ".join(f"{package} {version(package)}" for package in _PACKAGES),
        "load": " ".join(f"{load:.1f}" for load in os.getloadavg()),
    }


def cpu_model() -> str:
    info = cpu_info()
    found = re.search(r"^model name\s*: (.*)$", info, re.M)
    numbers = re.search(r"^cpu family\s*: (\d+)\n(?:model\s*: (\d+))", info, re.M)
    if found is None:
        return platform.processor() or platform.machine()
    return found[1] + (f" (family {numbers[1]}, model {numbers[2]})" if numbers else "")


def batch_backend() -> str:
    return paycrypto.__impl__["batch"]


def has_batch_lanes() -> bool:
    """Whether a batch hashes many messages at once: libipsec-mb is in the build, and AVX-512 in the processor."""
    return "ipsec" in batch_backend() and " avx512bw" in cpu_info()


def cpu_info() -> str:
    if sys.platform != "linux":
        return ""
    return Path("/proc/cpuinfo").read_text()
