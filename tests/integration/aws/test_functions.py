"""Every built function answers under Lambda's own runtime client, on real Postgres, Valkey and SQS."""

import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest

from paylink_local.functions import apply_environment
from paylink_local.template import find_template, load_template
from support.artefacts import Artefacts, Running
from support.signing import sign
from support.stack import REPOSITORY, Answer, Stack

TEMPLATE = load_template(find_template({}), {})
EVENTS = sorted((REPOSITORY / "tests" / "events").glob("*.json"))
FOUND = {200, 201, 202, 204}
# The files name rows by made-up ids; in a body one is a wrong field.
MISSING = {404}
ANSWERS = {
    "cancel_transaction": MISSING,
    "capture_transaction": MISSING,
    "get_reconciliation-one": MISSING,
    "get_transaction": MISSING,
    "manage_accounts-change": MISSING,
    "manage_accounts-set-credential": MISSING,
    "manage_accounts-show": MISSING,
    "manage_keys-revoke": MISSING,
    "manage_keys-rotate": MISSING,
    "manage_keys-show": MISSING,
    "manage_merchants-change": MISSING,
    "manage_merchants-show": MISSING,
    "manage_routing-get": MISSING,
    "manage_routing-put": MISSING,
    "read_dead_letters-one": MISSING,
    "read_discrepancies-one": MISSING,
    "read_events-one": MISSING,
    "read_refunds-list": MISSING,
    "read_refunds-one": MISSING,
    "redrive_dead_letters-one": MISSING,
    "refund_transaction": MISSING,
    "replay_event": MISSING,
    "resolve_discrepancy": MISSING,
    "manage_accounts-create": {422},
    "manage_keys-create": {422},
}


def lambda_environment(stack: Stack) -> dict[str, str]:
    """What the template gives a function, with the secret settings in one text as CloudFormation puts them there."""
    secret = ("PAYLINK_DATABASE_URL", "PAYLINK_REDIS_URL", "PAYLINK_MASTER_KEYS", "PAYLINK_API_KEY_PEPPERS")
    environ = {name: value for name, value in stack.environ.items() if name not in secret and "DEMO" not in name}
    environ["PAYLINK_SECRETS"] = json.dumps({name: stack.environ[name] for name in secret})
    apply_environment(TEMPLATE, environ)
    return environ


def event_of(file: Path, stack: Stack) -> Any:
    """The event with keys and signatures that are good here and now."""
    text = file.read_text()
    for role, example in (("MERCHANT", "plm_exampleonly0_"), ("OPERATOR", "plo_exampleonly0_")):
        text = text.replace(example + "0" * 32, stack.environ[f"PAYLINK_DEMO_{role}_KEY"])
    assert "exampleonly" not in text
    event = json.loads(text)
    if signed := (event.get("headers") or {}).get("stripe-signature"):
        raw = base64.b64decode(event["body"])
        event = json.loads(text.replace(signed, sign(stack.environ["PAYLINK_STRIPE_WEBHOOK_SECRET"], raw)))
    return event


def invoke(running: Running, event: Any, stack: Stack) -> Any:
    """Return the answer; that of intake is counted among what senders were told."""
    answer = running.invoke(event)
    if "/v1/webhook" in str(event.get("path")):
        stack.received.append(Answer(answer["statusCode"], {}, None))
    return answer


@pytest.mark.parametrize("file", EVENTS, ids=lambda file: file.stem)
def test_it_answers_its_event_file(artefacts: Artefacts, stack: Stack, file: Path, record_property: Any) -> None:
    """As on Lambda: its folder, the layers, the runtime and nothing else; the second call finds it warm."""
    function = TEMPLATE.function(file.stem.partition("-")[0])
    event = event_of(file, stack)
    with artefacts.running(function, lambda_environment(stack)) as running:
        began = time.monotonic()
        answer = invoke(running, event, stack)
        first_s = time.monotonic() - began
        began = time.monotonic()
        invoke(running, event, stack)
        record_property("first_ms", round(first_s * 1000))
        record_property("second_ms", round((time.monotonic() - began) * 1000))
    assert "errorType" not in answer, answer
    if function.routes and "requestContext" in event:
        assert answer["statusCode"] in ANSWERS.get(file.stem, FOUND), answer
    elif function.mappings:
        assert answer == {"batchItemFailures": []}
    else:
        assert answer.keys() & {"applied", "queued", "tried", "due", "published"}


def test_what_intake_takes_is_stored_and_queued(artefacts: Artefacts, stack: Stack) -> None:
    """An event under the emulator goes the whole way: verified, committed, sent to SQS."""
    event = event_of(REPOSITORY / "tests" / "events" / "receive_webhook.json", stack)
    with artefacts.running(TEMPLATE.function("receive_webhook"), lambda_environment(stack)) as running:
        answers = [invoke(running, event, stack) for _ in range(2)]
    assert [json.loads(answer["body"])["duplicate"] for answer in answers] == [False, True]
    assert stack.rows("select count(*) as n from webhook_events")[0]["n"] == 1
    assert stack.deps.queue.depth() == 1


@pytest.mark.parametrize(
    ("missing", "told"),
    [("PaylinkLayer", {"errorType": "Runtime.ImportModuleError"}), ("CryptoLayer", {"statusCode": 500})],
)
def test_without_a_layer_it_fails(artefacts: Artefacts, stack: Stack, missing: str, told: dict[str, Any]) -> None:
    """So nothing of this repository's own environment is seen. Signature checks are imported at the first webhook."""
    layers = [layer for layer in ("PaylinkLayer", "CryptoLayer") if layer != missing]
    function = TEMPLATE.function("receive_webhook")
    event = event_of(REPOSITORY / "tests" / "events" / "receive_webhook.json", stack)
    with artefacts.running(function, lambda_environment(stack), layers) as running:
        answer = running.invoke(event)
    assert told.items() <= answer.items(), answer


def test_secrets_that_are_none_are_refused(artefacts: Artefacts, stack: Stack) -> None:
    """What CloudFormation did not resolve is told of in the log, and nothing is taken in."""
    environ = lambda_environment(stack) | {"PAYLINK_SECRETS": "{{resolve:secretsmanager:paylink:SecretString}}"}
    event = event_of(REPOSITORY / "tests" / "events" / "receive_webhook.json", stack)
    with artefacts.running(TEMPLATE.function("receive_webhook"), environ) as running:
        assert running.invoke(event)["statusCode"] == 500
    assert stack.rows("select count(*) as n from webhook_events")[0]["n"] == 0
