"""docs/postman_collection.json, run by newman from top to bottom against the running stack."""

import subprocess

from paylink_local.instance import load_environment
from support.running import RunningStack
from support.stack import REPOSITORY

NEWMAN = REPOSITORY / ".paylink" / "newman" / "node_modules" / ".bin" / "newman"


def test_the_collection_is_green_twice_in_a_row(running: RunningStack):
    """Also where it has been before: each run has names of its own."""
    settings = load_environment(running.home, running.environ)
    variables = {
        "base_url": running.api,
        "sandbox_url": running.sandbox,
        "merchant_key": settings["PAYLINK_DEMO_MERCHANT_KEY"],
        "operator_key": settings["PAYLINK_DEMO_OPERATOR_KEY"],
    }
    given = [part for name, value in variables.items() for part in ("--env-var", f"{name}={value}")]
    done = subprocess.run(
        [NEWMAN, "run", "docs/postman_collection.json", "--iteration-count", "2", "--color", "off", *given],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
