"""The CI workflow calls what a person calls, runs nothing that others can change, and may do nothing but read."""

import re
from typing import Any

import pytest
import yaml

from support.containers import BASES, PROMETHEUS
from support.stack import REPOSITORY

FOLDER = REPOSITORY / ".github"
FILES = [*(FOLDER / "workflows").glob("*.yml"), *(FOLDER / "actions").rglob("action.yml")]
TEXT = (FOLDER / "workflows" / "ci.yml").read_text()
# YAML 1.1 reads the key `on` as true.
WORKFLOW = {("on" if key is True else key): value for key, value in yaml.safe_load(TEXT).items()}
JOBS: dict[str, dict[str, Any]] = WORKFLOW["jobs"]
COMMANDS = "\n".join(step["run"] for job in JOBS.values() for step in job["steps"] if "run" in step)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(FOLDER)))
def test_every_action_of_others_is_pinned_by_its_commit_and_tells_its_version(file):
    used = re.findall(r"uses: (\S+)(.*)", file.read_text())
    assert used
    versions: dict[str, set[str]] = {}
    for action, comment in used:
        if action.startswith("./"):
            assert (REPOSITORY / action / "action.yml").exists(), action
            continue
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), action
        versions.setdefault(action.split("@")[0], set()).add(action + comment)
    assert all(len(found) == 1 for found in versions.values()), versions


def test_nothing_runs_with_rights_or_secrets():
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert all("permissions" not in job for job in JOBS.values())
    assert set(WORKFLOW["on"]) == {"push", "pull_request", "schedule", "workflow_dispatch"}
    assert all("secrets." not in file.read_text() and "pull_request_target" not in file.read_text() for file in FILES)


def test_no_checkout_leaves_its_token_behind():
    checkouts = [step for job in JOBS.values() for step in job["steps"] if "actions/checkout@" in step.get("uses", "")]
    assert len(checkouts) == len(JOBS)
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_what_others_name_reaches_no_shell():
    """A branch's name or a title is text of whoever opened the pull request."""
    assert "${{" not in COMMANDS


def test_every_job_ends_in_time_and_a_newer_push_ends_an_older_run():
    assert all(0 < job["timeout-minutes"] <= 60 for job in JOBS.values())
    assert WORKFLOW["concurrency"]["cancel-in-progress"]


def test_every_supported_python_and_both_architectures_are_tested():
    [oldest] = re.findall(r'requires-python = ">=(3\.\d+)"', (REPOSITORY / "pyproject.toml").read_text())
    pythons = JOBS["unit"]["strategy"]["matrix"]["python"]
    assert pythons == [f"3.{minor}" for minor in range(int(oldest.removeprefix("3.")), 14)]
    assert JOBS["integration"]["strategy"]["matrix"]["python"] == pythons
    assert all(
        {"ubuntu-24.04", "ubuntu-24.04-arm"} == set(JOBS[name]["strategy"]["matrix"]["runner"])
        for name in ("native", "unit", "image")
    )


def test_the_images_that_the_containers_tests_need_are_fetched():
    """Without them those tests are left out."""
    [step] = [step for step in JOBS["compose"]["steps"] if "docker pull" in step.get("run", "")]
    assert set(re.findall(r"[\w/]+:[\w.-]+", step["run"])) == {*BASES, PROMETHEUS}


def test_its_scripts_exist_and_every_folder_of_tests_is_run():
    scripts = set(re.findall(r"\./(scripts/[a-z-]+)", COMMANDS))
    assert scripts >= {"scripts/lint", "scripts/test", "scripts/audit"}
    assert all((REPOSITORY / script).exists() for script in scripts)
    named = set(re.findall(r"\btests/([a-z0-9]+)", COMMANDS))
    assert named == {path.parts[-2] for path in (REPOSITORY / "tests").glob("*/conftest.py")} | {"unit", "contract"}
