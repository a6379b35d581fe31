"""docs/keys.md: its commands, run one after the other as they stand there, print what it shows."""

import re
import subprocess
from pathlib import Path

from support.documents import alike, blocks, page
from support.running import COMMAND, RunningStack

PAGE = page("keys.md")
KEY = re.compile(r"\bpl[mo]_[0-9a-z]{12}(_\S+)?")
ID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b")


def sessions() -> list[tuple[str, list[str]]]:
    """Return each command of the page, down to the trail, with the lines that it prints there."""
    found: list[tuple[str, list[str]]] = []
    for line in "".join(blocks(PAGE.partition("## The trail")[0], "")).splitlines():
        if line.startswith("$ "):
            found.append((line.removeprefix("$ "), []))
        else:
            found[-1][1].append(line)
    return found


def plain(line: str) -> str:
    """Without what is different each time, or is told of this machine."""
    line = re.sub(r"https?://[^/\s]+", "*", KEY.sub("*", ID.sub("*", line)))
    return str(alike(line))


def test_the_commands_print_what_the_page_shows(running: RunningStack, tmp_path: Path):
    """Re-sealing needs a second master key: tests/integration/merchants/test_resealing.py does that."""
    ids: dict[str, str] = {}
    environ = running.environ | {
        "PATH": f"{Path(COMMAND).parent}:{running.environ['PATH']}",
        "WEBHOOK_SECRET": "whsec_1",
    }
    for command, shown in sessions():
        if "reseal" in command:
            continue
        ours = command
        for told, real in ids.items():
            ours = ours.replace(told, real)
        done = subprocess.run(
            ["bash", "-eu", "-c", ours], cwd=tmp_path, env=environ, input="sk_test_1\n", capture_output=True, text=True
        )
        assert done.returncode == 0, (ours, done.stderr)
        if "accounts set" in command or "accounts enable" in command:
            continue  # the page says that these print the account
        printed = [line for line in (done.stderr + done.stdout).splitlines() if line]
        assert sorted(map(plain, printed)) == sorted(map(plain, shown)), command
        # What an id of the page stands for from now on.
        of_page, of_ours = (ID.findall("\n".join(sorted(lines, key=plain))) for lines in (shown, printed))
        ids |= dict(zip(of_page, of_ours, strict=True))
    assert len(ids) >= 5
