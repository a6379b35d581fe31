"""Programs that come inside Python wheels."""

import importlib.util
from pathlib import Path

from paylink_local.supervisor.errors import CannotRun


def program(package: str, pattern: str) -> Path:
    """
    Return the file of an installed package that matches `pattern`. The package is not imported.

    Raises:
        CannotRun: The package is missing, or has no such file for this machine.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise CannotRun(f"the Python package {package} is missing: run ./scripts/up")
    found = sorted(Path(spec.origin).parent.glob(pattern))
    if not found:
        raise CannotRun(f"the Python package {package} holds no {Path(pattern).name} for this kind of machine")
    return found[0]
