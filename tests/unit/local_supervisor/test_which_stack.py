"""./scripts/demo and ./scripts/paylink find the stack that runs: the embedded one first, then Docker Compose's."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support.stack import REPOSITORY

DOCKER = """#!/bin/sh
case "$*" in
    "compose version") exit {version_2} ;;
    *" ps --services --filter status=running") echo "api
{worker}" ;;
    *) echo "docker $*" ;;
esac
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone in which nothing is installed yet."""
    (tmp_path / "scripts").mkdir()
    for name in ("demo", "paylink", "lib-compose.sh"):
        shutil.copy(REPOSITORY / "scripts" / name, tmp_path / "scripts")
    (tmp_path / ".env").touch()
    return tmp_path


def program(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)


def containers(clone: Path, *, worker: str = "worker", version_2: bool = True) -> None:
    text = DOCKER.format(worker=worker, version_2=0 if version_2 else 1)
    program(clone / "bin" / "docker", text)
    program(clone / "bin" / "docker-compose", text.replace("docker $*", "docker-compose $*"))


def embedded(clone: Path, *, running: bool) -> None:
    text = f'#!/bin/sh\n[ "$1" = status ] && exit {0 if running else 1}\necho "embedded $*"\n'
    program(clone / ".venv" / "bin" / "paylink", text)


def call(clone: Path, script: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [str(clone / "scripts" / script), *arguments]
    environ = {"PATH": f"{clone / 'bin'}:/usr/bin:/bin", "HOME": os.environ.get("HOME", "/")}
    return subprocess.run(
        command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False
    )


def test_the_embedded_stack_comes_first(clone: Path):
    embedded(clone, running=True)
    containers(clone)
    assert call(clone, "demo", "--provider", "x").stdout == "embedded demo --provider x\n"


@pytest.mark.parametrize("installed", [True, False])
def test_else_the_containers_are_asked(clone: Path, installed: bool):
    if installed:
        embedded(clone, running=False)
    containers(clone)
    expected = f"docker compose -f {clone}/docker-compose.yml exec -T worker paylink events list\n"
    assert call(clone, "paylink", "events", "list").stdout == expected


def test_version_1_of_compose_will_do(clone: Path):
    containers(clone, version_2=False)
    assert call(clone, "demo").stdout.startswith("docker-compose -f ")


@pytest.mark.parametrize("command", ["status", "doctor"])
def test_how_it_is_is_asked_where_it_runs(clone: Path, command: str):
    embedded(clone, running=False)
    containers(clone)
    assert f"exec -T worker paylink {command} --json" in call(clone, "paylink", command, "--json").stdout
    containers(clone, worker="")
    assert "docker" not in call(clone, "paylink", command).stdout


def test_the_containers_logs_are_docker_s(clone: Path):
    """What the embedded stack has logged can be read also when it does not run."""
    embedded(clone, running=False)
    containers(clone)
    done = call(clone, "paylink", "logs")
    assert (done.returncode, done.stdout) == (1, "")
    assert "docker compose logs" in done.stderr
    containers(clone, worker="")
    assert call(clone, "paylink", "logs").stdout == "embedded logs\n"


@pytest.mark.parametrize("command", ["up", "down"])
def test_what_is_about_the_embedded_stack_is_never_sent_elsewhere(clone: Path, command: str):
    embedded(clone, running=False)
    containers(clone)
    assert "docker" not in call(clone, "paylink", command, "--wipe").stdout


def test_when_nothing_runs_the_ways_to_start_are_named(clone: Path):
    containers(clone, worker="")
    done = call(clone, "demo")
    assert done.returncode == 1
    assert "./scripts/up" in done.stderr
    assert "docker compose up" in done.stderr
