"""What providers send."""

from openapi.answers import events as answers
from openapi.operation import Answered, Operation, Tag
from paylink.core import errors

_WHAT = (
    "For providers, not for you. The provider's signature is the key, and covers the bytes of the body. "
    "A 2xx means that the event is committed; an unknown account and a wrong signature are answered alike."
)
_TAKEN = (Answered(200, "Committed.", answers.Receipt),)
_PROBLEMS = (errors.SignatureRefused, errors.NotFound)

OPERATIONS = (
    Operation(
        "POST",
        "/v1/webhook/{provider}",
        "receive_webhook",
        Tag.WEBHOOKS,
        "Take a webhook of the account with the short address",
        _WHAT,
        answers=_TAKEN,
        raw_body=True,
        problems=_PROBLEMS,
    ),
    Operation(
        "POST",
        "/v1/webhook/{provider}/{account}",
        "receive_account_webhook",
        Tag.WEBHOOKS,
        "Take a webhook of an account",
        _WHAT,
        answers=_TAKEN,
        raw_body=True,
        problems=_PROBLEMS,
    ),
)
