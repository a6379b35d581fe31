"""Files of settings as KEY=VALUE lines: `.env` in the repository's root, and those that we make ourselves."""

import os
import re
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from paylink_local.supervisor.errors import CannotRun

_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)")
_QUOTED = re.compile(r"""(["'])(.*)\1\s*(?:#.*)?""")


def load_dotenv(path: Path, environ: MutableMapping[str, str]) -> None:
    """
    Set what `path` says and `environ` does not. A missing file says nothing; nothing is expanded.

    A value may stand in quotes; without them ` #` starts a comment.

    Raises:
        CannotRun: The file cannot be read, is no UTF-8 text, or has a line that is no KEY=VALUE.
    """
    try:
        content = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return
    except OSError as error:
        raise CannotRun(f"{path} cannot be read ({error.strerror}): mend or delete it") from error
    except UnicodeDecodeError as error:
        raise CannotRun(f"{path} is no UTF-8 text: save it as UTF-8") from error
    if "\0" in content:
        raise CannotRun(f"{path} holds zero bytes: save it as UTF-8 text")
    for number, line in enumerate(content.split("\n"), start=1):
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


def write_dotenv(file: Path, values: Mapping[str, str], comment: str, mode: int = 0o600) -> None:
    """
    Replace the file in one step, so that a crash leaves the old one or the new one.

    Raises:
        CannotRun: A value has several lines.
        OSError: The file cannot be written.
    """
    if several := [name for name, value in sorted(values.items()) if len(value.splitlines()) > 1]:
        raise CannotRun(f"{several[0]} has several lines: give it one")
    text = f"# {comment}\n" + "".join(f"{name}={value}\n" for name, value in sorted(values.items()))
    draft = file.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(file)
