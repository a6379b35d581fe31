"""`paylink prepare`: each container is told what it may know, and wrong settings are told before anything starts."""

import os
import stat
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from paylink_local.cli import main
from paylink_local.dotenv import load_dotenv
from support.stack import REPOSITORY

COMPOSE = REPOSITORY / "compose"


@pytest.fixture
def prepare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run the command in an environment that holds nothing of PayLink's but what is given; return its exit code."""

    def run(database: str = "postgresql://paylink@postgres:5432/paylink", **given: str) -> int:
        for name in [name for name in os.environ if name.startswith("PAYLINK_")]:
            monkeypatch.delenv(name)
        monkeypatch.setattr("paylink_local.cli.load_dotenv", lambda path, environ: None)
        for name, value in ({"PAYLINK_HOME": str(tmp_path), "PAYLINK_SANDBOX_HOST": "sandbox"} | given).items():
            monkeypatch.setenv(name, value)
        files = [f"--{name}={tmp_path / name}" for name in ("app", "sandbox", "password", "metrics")]
        return main(["prepare", f"--database={database}", *files])

    return run


def read(file: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    load_dotenv(file, found)
    return found


def test_paylink_gets_what_the_environment_leaves_open(prepare, tmp_path: Path):
    assert prepare(PAYLINK_SANDBOX_PORT="9001", PAYLINK_LOG_LEVEL="DEBUG") == 0
    app = read(tmp_path / "app")
    assert app["PAYLINK_STRIPE_API_BASE"] == "http://sandbox:9001/stripe"
    assert {"PAYLINK_MASTER_KEYS", "PAYLINK_API_KEY_PEPPERS", "PAYLINK_STRIPE_SECRET_KEY"} <= app.keys()
    assert not {"PAYLINK_SANDBOX_PORT", "PAYLINK_LOG_LEVEL", "PAYLINK_HOME"} & app.keys()


def test_the_database_s_password_goes_to_both_sides(prepare, tmp_path: Path):
    assert prepare() == 0
    url = urlsplit(read(tmp_path / "app")["PAYLINK_DATABASE_URL"])
    assert (url.username, url.hostname, url.path) == ("paylink", "postgres", "/paylink")
    assert url.password == (tmp_path / "password").read_text()
    assert len(url.password) >= 32


def test_the_sandbox_knows_no_key_of_paylink_and_no_address_of_ours(prepare, tmp_path: Path):
    assert prepare() == 0
    sandbox = read(tmp_path / "sandbox")
    assert {"PAYLINK_STRIPE_SECRET_KEY", "PAYLINK_PROVIDERS", "PAYLINK_ENVIRONMENT"} <= sandbox.keys()
    assert not [name for name in sandbox if not name.startswith("PAYLINK_")]
    ours = ("MASTER", "PEPPER", "DEMO", "DATABASE")
    assert not [name for name in sandbox if any(word in name for word in ours)]
    assert not {"PAYLINK_HOME", "PAYLINK_LISTEN_ADDRESS", "PAYLINK_PUBLIC_URL"} & sandbox.keys()


def test_a_second_start_changes_no_secret(prepare, tmp_path: Path):
    assert prepare() == 0
    first = read(tmp_path / "app")
    assert prepare() == 0
    assert read(tmp_path / "app") == first


def test_files_are_for_their_readers_only(prepare, tmp_path: Path):
    assert prepare() == 0
    modes = {f.name: stat.S_IMODE(f.stat().st_mode) for f in tmp_path.iterdir() if f.is_file()}
    assert modes == {"secrets.env": 0o600, "app": 0o600, "sandbox": 0o600, "password": 0o640, "metrics": 0o640}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"PAYLINK_ENVIRONMENT": "production"}, "PAYLINK_ENVIRONMENT"),
        ({"PAYLINK_PROVIDERS": "nobody"}, "nobody"),
        ({"PAYLINK_RATE_LIMIT_PER_S": "many"}, "PAYLINK_RATE_LIMIT_PER_S"),
        ({"PAYLINK_SANDBOX_HOST": "elsewhere"}, "https address"),
        ({"PAYLINK_LISTEN_ADDRESS": "10.0.0.1"}, "PAYLINK_LISTEN_ADDRESS"),
        ({"database": "postgresql://paylink:secret@postgres/paylink"}, "--database"),
        ({"database": "postgres"}, "--database"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_written(prepare, tmp_path: Path, capsys, given, told):
    assert prepare(**given) == 1
    assert told in capsys.readouterr().err
    assert not (tmp_path / "app").exists()


def test_a_name_that_is_no_setting_is_told(prepare, capsys):
    assert prepare(PAYLINK_API_PROT="1") == 0
    assert "did you mean PAYLINK_API_PORT?" in capsys.readouterr().out


def with_settings(file: Path, *command: str, **environ: str) -> str:
    words = [str(COMPOSE / "with-settings"), *command]
    given = {"PATH": os.environ["PATH"], "PAYLINK_SETTINGS_FILE": str(file), **environ}
    return subprocess.run(words, env=given, capture_output=True, text=True, timeout=10, check=True).stdout


def test_a_container_reads_the_file_as_it_was_written(tmp_path: Path):
    """Nothing is expanded or run, and nothing is cut off; the environment wins unless it says nothing."""
    file = tmp_path / "app.env"
    file.write_text("# comment\nA=k1:YWJj==\nB=$(touch x) `id` $HOME \"'\\\nC=file\nD=file\n\nE= two words \n")
    told = with_settings(file, "env", C="environment", D="")
    lines = told.splitlines()
    assert "A=k1:YWJj==" in lines
    assert "B=$(touch x) `id` $HOME \"'\\" in lines
    assert "C=environment" in lines
    assert "D=file" in lines
    assert "E= two words " in lines


def test_a_container_without_its_file_does_not_start(tmp_path: Path):
    with pytest.raises(subprocess.CalledProcessError):
        with_settings(tmp_path / "missing", "true")
