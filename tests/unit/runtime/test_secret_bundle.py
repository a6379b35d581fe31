"""PAYLINK_SECRETS: secret settings in one text, as AWS Secrets Manager keeps them."""

import json
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paylink.runtime.secret_bundle import read_bundle

NAMES = st.from_regex(r"(PAYLINK_|PG)[A-Z0-9_]{1,20}", fullmatch=True).filter(lambda name: name != "PAYLINK_SECRETS")
TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"))


@given(st.dictionaries(NAMES, TEXTS))
def test_what_is_put_in_comes_out(settings: dict[str, str]):
    """Whatever punctuation a password has."""
    assert read_bundle(json.dumps(settings)) == settings


@pytest.mark.parametrize("nothing", ["", " ", "{}"])
def test_without_one_nothing_is_added(nothing: str):
    assert read_bundle(nothing) == {}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{{resolve:secretsmanager:paylink:SecretString}}", "is not JSON"),
        ("hunter2", "is not JSON"),
        ("[" * 4000, "is not JSON"),
        ('["hunter2"]', "is not a JSON object"),
        ('"hunter2"', "is not a JSON object"),
        ('{"username": "hunter2"}', "name 1 is not that of a setting"),
        ('{"PGUSER": "paylink", "hunter2": "x"}', "name 2 is not that of a setting"),
        ('{"PATH": "hunter2"}', "name 1 is not that of a setting"),
        ('{"PAYLINK_SECRETS": "hunter2"}', "name 1 is not that of a setting"),
        ('{"PGPASSWORD\\n": "hunter2"}', "name 1 is not that of a setting"),
        ('{"PGPASSWORD": ["hunter2"]}', "the value of PGPASSWORD is not a text"),
        ('{"PGPASSWORD": 2}', "the value of PGPASSWORD is not a text"),
        ('{"PGPASSWORD": "hunter2\\u0000"}', "the value of PGPASSWORD is not a text"),
    ],
)
def test_what_is_no_bundle_is_refused_without_being_told(text: str, reason: str):
    with pytest.raises(ValueError, match=r"^PAYLINK_SECRETS") as caught:
        read_bundle(text)
    assert reason in str(caught.value)
    assert "hunter2" not in str(caught.value)


START = """
import os
from paylink.runtime.settings import InvalidSettings, from_process
try:
    from_process()
except InvalidSettings as exc:
    told = str(exc)
print(os.environ.get("PGPASSWORD"), "PAYLINK_DATABASE_URL" in told, "PAYLINK_SECRETS is not JSON" in told)
"""


@pytest.mark.parametrize(
    ("bundle", "said"),
    [
        ('{"PGPASSWORD": "hunter2", "PAYLINK_DATABASE_URL": "postgresql://db/paylink"}', "hunter2 False False"),
        ("{}", "None True False"),
        ("hunter2", "None False True"),
    ],
)
def test_a_process_takes_it_over_at_its_start(bundle: str, said: str):
    """It counts before the variables that are there, and libpq finds its own."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PAYLINK_", "PG"))}
    done = subprocess.run(
        [sys.executable, "-c", START], env=environ | {"PAYLINK_SECRETS": bundle}, capture_output=True, check=True
    )
    assert done.stdout.decode().strip() == said
