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


@pytest.mark.parametrize("text", ["A=1\r\nB=2\r\n", "\N{ZERO WIDTH NO-BREAK SPACE}A=1\nB=2"])
def test_files_of_other_systems(tmp_path: Path, text: str) -> None:
    """A byte order mark and line ends of Windows do no harm."""
    (tmp_path / ".env").write_bytes(text.encode())
    environ: dict[str, str] = {}
    load_dotenv(tmp_path / ".env", environ)
    assert environ == {"A": "1", "B": "2"}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("A=caf\N{LATIN SMALL LETTER E WITH ACUTE}".encode("latin-1"), "is no UTF-8 text"),
        ("A=1\n".encode("utf-16"), "is no UTF-8 text"),
        ("A=1\n".encode("utf-16-le"), "holds zero bytes"),
        (b"A=1\0\n", "holds zero bytes"),
        (None, r"cannot be read \(Is a directory\)"),
    ],
)
def test_what_is_no_text_is_named(tmp_path: Path, content: bytes | None, complaint: str) -> None:
    """Another encoding, zero bytes, a folder: one line with the path and how to mend it."""
    path = tmp_path / ".env"
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(CannotRun, match=complaint) as refusal:
        load_dotenv(path, {})
    assert str(path) in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("line", ["KEY", "1KEY=x", "KEY: x", "=x", "KEY =x"])
def test_bad_line_is_named(tmp_path: Path, line: str) -> None:
    """A line that is no setting is refused with its number, without its content, which may be a secret."""
    with pytest.raises(CannotRun, match=r"\.env line 2 is no KEY=VALUE") as refusal:
        load(tmp_path, f"A=1\n{line}\n")
    assert not str(refusal.value).endswith(line)
