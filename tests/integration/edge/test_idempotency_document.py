"""The code of docs/idempotency.md, run as it stands there, over the gateway, while the provider fails."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.gateway import running_gateway
from support.stack import ORDER, REPOSITORY, Stack

DOCUMENT = (REPOSITORY / "docs" / "idempotency.md").read_text()
SHELL = re.search(r"```sh\n(.*?)```", DOCUMENT, re.S)
PYTHON = re.search(r"```python\n(.*?)```", DOCUMENT, re.S)


@pytest.fixture
def environ(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with running_gateway(stack, tmp_path / "gateway.log") as (port, _):
        monkeypatch.setenv("PAYLINK_URL", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("PAYLINK_KEY", stack.environ["PAYLINK_DEMO_MERCHANT_KEY"])
        monkeypatch.setenv("NO_PROXY", "*")
        yield


def create_checkout(*arguments: Any) -> dict[str, Any]:
    assert PYTHON
    code: dict[str, Any] = {}
    exec(compile(PYTHON[1], "docs/idempotency.md", "exec"), code)
    return dict(code["create_checkout"](*arguments))


def run_shell(folder: Path) -> tuple[dict[str, Any], str]:
    assert SHELL
    done = subprocess.run(["bash", "-eu", "-c", SHELL[1]], cwd=folder, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


FAULTS = [None, "api_error_before", "api_error_after", "api_rate_limit"]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.usefixtures("environ")
def test_the_python_ends_with_one_page_whatever_fails(stack: Stack, fault: str | None):
    if fault:
        stack.fault(fault, count=1, match="POST")
    made = create_checkout(ORDER, "order-1001-1")
    assert create_checkout(ORDER, "order-1001-1") == made
    assert [page["url"] for page in stack.ledger()["pages"]] == [made["checkout_url"]]


@pytest.mark.usefixtures("environ")
def test_the_python_does_not_repeat_what_is_wrong(stack: Stack):
    with pytest.raises(ValueError, match="invalid-fields"):
        create_checkout(ORDER | {"amount": 0}, "order-1001-1")
    assert stack.ledger()["pages"] == []


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.usefixtures("environ")
def test_the_shell_ends_with_one_page_whatever_fails(stack: Stack, fault: str | None, tmp_path: Path):
    if fault:
        stack.fault(fault, count=1, match="POST")
    made, told = run_shell(tmp_path)
    assert ("not yet" in told) == bool(fault)
    assert run_shell(tmp_path) == (made, "")
    assert [page["url"] for page in stack.ledger()["pages"]] == [made["checkout_url"]]
