"""Makes SQS hold the queues that the template declares."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from paylink_local.template import Queue, Template
from paylink_local.template.queues import queue_arn, queue_url

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.literals import QueueAttributeNameType

SQS_ERRORS = (BotoCoreError, ClientError, ResponseParserError)
"""Whatever a call raises when SQS is away, refuses, or ends in the middle of an answer."""

_ABSENT = {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}


class Queues:
    """
    The template's queues on one SQS endpoint.

    Every call goes to the endpoint that was given: the host in LocalStack's own queue URLs needs a public DNS.
    """

    def __init__(self, template: Template, endpoint: str, region: str, connections: int = 10) -> None:
        self._template = template
        self._endpoint = endpoint
        self._region = region
        # Few and quick retries: whoever calls has a way to wait that ends when the process is asked to end.
        config = Config(
            connect_timeout=2,
            read_timeout=10,
            retries={"mode": "standard", "total_max_attempts": 2},
            max_pool_connections=connections,
            proxies={},
        )
        self.client: SQSClient = boto3.client("sqs", endpoint_url=endpoint, region_name=region, config=config)

    def url(self, queue: Queue) -> str:
        """Return the queue's address."""
        return queue_url(self._endpoint, queue.name)

    def ensure(self) -> None:
        """
        Create the queues that are missing and correct the attributes of the others; dead-letter queues come first.

        Safe to repeat, and to run in several processes at once.
        """
        for queue in sorted(self._template.queues, key=lambda queue: queue.dead_letter_queue is not None):
            self._ensure(queue)

    def _ensure(self, queue: Queue) -> None:
        wanted = self._attributes(queue)
        found = self._found(queue)
        if found is None:
            self.client.create_queue(
                QueueName=queue.name, Attributes={name: value for name, value in wanted.items() if value}
            )
            return
        changed = {name: value for name, value in wanted.items() if not _same(found.get(name, ""), value)}
        if changed:
            self.client.set_queue_attributes(QueueUrl=self.url(queue), Attributes=changed)

    def _attributes(self, queue: Queue) -> "dict[QueueAttributeNameType, str]":
        redrive_policy = ""
        if queue.dead_letter_queue:
            target = self._template.queue(queue.dead_letter_queue)
            redrive_policy = json.dumps(
                {
                    "deadLetterTargetArn": queue_arn(self._region, target.name),
                    "maxReceiveCount": queue.receive_count_max,
                }
            )
        return cast("dict[QueueAttributeNameType, str]", queue.attributes | {"RedrivePolicy": redrive_policy})

    def _found(self, queue: Queue) -> Mapping[str, str] | None:
        try:
            answer = self.client.get_queue_attributes(QueueUrl=self.url(queue), AttributeNames=["All"])
        except ClientError as exc:
            if is_missing_queue(exc):
                return None
            raise
        return cast("dict[str, str]", answer.get("Attributes", {}))


def is_missing_queue(error: Exception) -> bool:
    """Tell whether SQS said that the queue does not exist."""
    return isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") in _ABSENT


def _same(found: str, wanted: str) -> bool:
    """Compare attribute values; a redrive policy is JSON, which SQS may write another way."""
    if found == wanted:
        return True
    if not found.startswith("{") or not wanted:
        return False
    return {name: str(value) for name, value in json.loads(found).items()} == {
        name: str(value) for name, value in json.loads(wanted).items()
    }
