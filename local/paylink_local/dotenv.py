"""The file `.env` in the repository's root: settings as KEY=VALUE lines, for what the environment leaves open."""

import re
from collections.abc import MutableMapping
from pathlib import Path

from paylink_local.supervisor.errors import CannotRun

_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)")
_QUOTED = re.compile(r"""(["'])(.*)\1\s*(?:#.*)?""")


def load_dotenv(path: Path, environ: MutableMapping[str, str]) -> None:
    """
    Set what `path` says and `environ` does not. A missing file says nothing; nothing is expanded.

    A value may stand in quotes; without them ` #` starts a comment.

    Raises:
        CannotRun: A line is no KEY=VALUE.
    """
    if not path.exists():
        return
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        match = _LINE.fullmatch(text)
        if match is None:
            raise CannotRun(f"{path} line {number} is no KEY=VALUE: mend or delete it")
        environ.setdefault(match[1], _value(match[2]))


def _value(text: str) -> str:
    quoted = _QUOTED.fullmatch(text)
    return quoted[2] if quoted else re.split(r"\s+#", text, maxsplit=1)[0].strip()
