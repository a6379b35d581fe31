"""`.env`: plain KEY=VALUE lines, below the environment."""

from pathlib import Path

import pytest

from paylink_local.dotenv import load_dotenv
from paylink_local.supervisor.errors import CannotRun


def load(tmp_path: Path, text: str, **environ: str) -> dict[str, str]:
    (tmp_path / ".env").write_text(text)
    load_dotenv(tmp_path / ".env", environ)
    return environ


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("KEY=value", "value"),
        ("export KEY=value", "value"),
        ("  KEY=value  ", "value"),
        ("KEY=", ""),
        ("KEY=a=b", "a=b"),
        ("KEY=value # why", "value"),
        ("KEY=pass#word", "pass#word"),
        ('KEY="two words # no comment"', "two words # no comment"),
        ("KEY='quoted' # why", "quoted"),
        ("KEY=$HOME/`id`", "$HOME/`id`"),
    ],
)
def test_values(tmp_path: Path, line: str, value: str) -> None:
    """Quotes and trailing comments are understood, nothing is expanded or run."""
    assert load(tmp_path, f"# comment\n\n{line}\n") == {"KEY": value}


def test_environment_wins(tmp_path: Path) -> None:
    """What the environment says stands, an empty value too."""
    assert load(tmp_path, "A=file\nB=file\n", A="mine", B="") == {"A": "mine", "B": ""}


def test_missing_file_says_nothing(tmp_path: Path) -> None:
    """There need not be a file."""
    environ: dict[str, str] = {}
    load_dotenv(tmp_path / ".env", environ)
    assert environ == {}


@pytest.mark.parametrize("line", ["KEY", "1KEY=x", "KEY: x", "=x", "KEY =x"])
def test_bad_line_is_named(tmp_path: Path, line: str) -> None:
    """A line that is no setting is refused with its number, without its content, which may be a secret."""
    with pytest.raises(CannotRun, match=r"\.env line 2 is no KEY=VALUE") as refusal:
        load(tmp_path, f"A=1\n{line}\n")
    assert not str(refusal.value).endswith(line)
