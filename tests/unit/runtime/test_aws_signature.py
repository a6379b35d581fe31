"""Requests to AWS are signed as botocore signs them."""

from datetime import UTC, datetime

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from paylink.core.secret import Secret
from paylink.runtime.aws_signature import Signer

NOW = datetime(2026, 3, 1, 9, 5, 7, tzinfo=UTC)
ENVIRON = {
    "AWS_REGION": "ap-southeast-3",
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
}


@pytest.mark.parametrize("token", [None, "FwoGZXIvYXdzEBYaD+/=="])
@pytest.mark.parametrize("host", ["sqs.ap-southeast-3.amazonaws.com", "localhost:4566"])
@pytest.mark.parametrize("body", [b"", b'{"QueueUrl": "http://x/q"}', '{"text": "Kopi ☕"}'.encode()])
def test_a_signature_is_that_of_botocore(monkeypatch: pytest.MonkeyPatch, token: str | None, host: str, body: bytes):
    given = {"content-type": "application/x-amz-json-1.0", "x-amz-target": "AmazonSQS.SendMessageBatch"}
    environ = ENVIRON | ({"AWS_SESSION_TOKEN": token} if token else {})
    ours = Signer.from_environment("sqs", environ).sign(host, given, body, NOW)

    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: NOW)
    request = AWSRequest("POST", f"https://{host}/", given, body)
    credentials = Credentials(ENVIRON["AWS_ACCESS_KEY_ID"], ENVIRON["AWS_SECRET_ACCESS_KEY"], token)
    botocore.auth.SigV4Auth(credentials, "sqs", "ap-southeast-3").add_auth(request)
    theirs = {name.lower(): value for name, value in request.headers.items()}

    assert ours == theirs | {"host": host}


def test_the_region_may_have_its_older_name():
    environ = {name: value for name, value in ENVIRON.items() if name != "AWS_REGION"}
    assert Signer.from_environment("sqs", environ | {"AWS_DEFAULT_REGION": "eu-west-1"}).region == "eu-west-1"


@pytest.mark.parametrize("missing", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_credentials_that_are_not_there_are_named(missing: str):
    environ = {name: value for name, value in ENVIRON.items() if name != missing}
    with pytest.raises(KeyError, match=missing):
        Signer.from_environment("sqs", environ)


def test_a_signer_does_not_print_its_secrets():
    signer = Signer("sqs", "eu-west-1", "AKIDEXAMPLE", Secret("hidden"), Secret("hidden too"))
    assert "hidden" not in repr(signer)
