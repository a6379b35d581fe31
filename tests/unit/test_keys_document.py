"""docs/keys.md and docs/api.md know every command, scope and action."""

import argparse
import re

import pytest

from paylink.core.api_key import MERCHANT_SCOPES, OPERATOR_SCOPES
from paylink.runtime import operator_request
from paylink_local.commands import accounts, audit, keys, merchants
from support.stack import REPOSITORY

KEYS = (REPOSITORY / "docs" / "keys.md").read_text()
API = (REPOSITORY / "docs" / "api.md").read_text()
SOURCES = "".join(file.read_text() for file in (REPOSITORY / "layers/paylink/paylink/services").glob("*.py"))


@pytest.mark.parametrize("command", [merchants, keys, accounts, audit], ids=lambda module: module.__name__)
def test_every_action_and_option_is_shown(command):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    actions = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction)).choices
    name = command.__name__.rpartition(".")[2]
    for action, subparser in actions.items():
        assert f"paylink {name} {action}" in KEYS
        for option in subparser._option_string_actions:
            assert option in KEYS or option in ("-h", "--help", "--cursor")


def test_every_scope_is_explained():
    for scope in {*MERCHANT_SCOPES, *OPERATOR_SCOPES}:
        assert f"| `{scope}` |" in KEYS
        assert f"`{scope}`" in API[API.index("### `POST /v1/keys`") :]


def test_every_action_of_the_trail_is_listed():
    section = API[API.index("### `GET /v1/audit`") :]
    listed = set(re.findall(r"`([a-z]+\.[a-z_]+)`", section[section.index("Actions:") :].partition("\n")[0]))
    assert listed == set(
        re.findall(r'"((?:merchant|key|account|credential|credentials|routing|discrepancy)\.[a-z_]+)"', SOURCES)
    )


@pytest.mark.parametrize(
    ("heading", "model"),
    [
        ("### `POST /v1/merchants`", operator_request.MerchantRequest),
        ("### `PATCH /v1/merchants/{id}`", operator_request.MerchantChange),
        ("### `POST /v1/keys`", operator_request.KeyRequest),
        ("### `POST /v1/keys/{id}/rotate`", operator_request.RotationRequest),
        ("### `POST /v1/accounts`", operator_request.AccountRequest),
        ("### `PATCH /v1/accounts/{id}`", operator_request.AccountChange),
        ("### `PUT /v1/accounts/{id}/credentials/{field}`", operator_request.CredentialRequest),
    ],
)
def test_every_field_of_a_request_is_told(heading: str, model: type):
    section = API[API.index(heading + "\n") :].split("\n### ")[0]
    assert not [name for name in model.model_fields if f"`{name}`" not in section]
