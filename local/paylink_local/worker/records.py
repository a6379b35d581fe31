"""
The event that a batch of SQS messages is, and what a function's answer says about each of them.

Source: "Using Lambda with Amazon SQS", AWS Lambda developer guide: the event, and "Success and failure conditions".
"""

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types_boto3_sqs.type_defs import MessageAttributeValueOutputTypeDef, MessageTypeDef


class InvalidBatchAnswer(Exception):
    """The answer does not say which messages failed, so all of them did."""


def sqs_event(messages: "Sequence[MessageTypeDef]", queue_arn: str, region: str) -> dict[str, Any]:
    """Return the event for a batch of received messages."""
    return {"Records": [_record(message, queue_arn, region) for message in messages]}


def failed_ids(answer: Any, message_ids: Sequence[str]) -> set[str]:
    """
    Return the ids of the messages that a partial batch response reports as failed.

    Raises:
        InvalidBatchAnswer: It is not a partial batch response, or names a message that is not in the batch.
    """
    if answer is None:
        return set()
    if not isinstance(answer, dict):
        raise InvalidBatchAnswer(f"the answer is {type(answer).__name__}, not a partial batch response")
    failures = answer.get("batchItemFailures") or []
    if not isinstance(failures, list):
        raise InvalidBatchAnswer("batchItemFailures is not a list")
    failed = set()
    for failure in failures:
        identifier = failure.get("itemIdentifier") if isinstance(failure, dict) else None
        if not isinstance(identifier, str) or identifier not in message_ids:
            raise InvalidBatchAnswer(f"batchItemFailures names {identifier!r}, which is not in the batch")
        failed.add(identifier)
    return failed


def _record(message: "MessageTypeDef", queue_arn: str, region: str) -> dict[str, Any]:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": dict(message.get("Attributes", {})),
        "messageAttributes": {name: _attribute(value) for name, value in message.get("MessageAttributes", {}).items()},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": region,
    }


def _attribute(value: "MessageAttributeValueOutputTypeDef") -> dict[str, Any]:
    attribute: dict[str, Any] = {"stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}
    if "StringValue" in value:
        attribute["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        attribute["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    return attribute
