"""`AWS::SQS::Queue`: names, addresses, attributes and dead-letter queues."""

import re
from collections.abc import Collection

from paylink_local.template.intrinsics import intrinsic
from paylink_local.template.model import ACCOUNT_ID, Queue, TemplateError
from paylink_local.template.properties import Properties

_DAY_S = 24 * 3600
# name: (SQS's default, least, most). A queue gets all of them, so that one taken out of the template goes back.
_ATTRIBUTES = {
    "VisibilityTimeout": (30, 0, 12 * 3600),
    "MessageRetentionPeriod": (4 * _DAY_S, 60, 14 * _DAY_S),
    "DelaySeconds": (0, 0, 900),
    "MaximumMessageSize": (1_048_576, 1024, 1_048_576),
    "ReceiveMessageWaitTimeSeconds": (0, 0, 20),
}
_HARMLESS = {"KmsDataKeyReusePeriodSeconds", "KmsMasterKeyId", "RedriveAllowPolicy", "SqsManagedSseEnabled", "Tags"}


def queue_name(logical_id: str, name: object) -> str:
    """Return a queue's name, or one made of its logical id as CloudFormation makes one: `OrdersQueue` is `orders`."""
    if name is None:
        words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", logical_id.removesuffix("Queue") or logical_id)
        name = "-".join(words).lower()
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,80}", name):
        raise TemplateError(f"Resources.{logical_id}.QueueName: not a name of a standard queue: {name!r}")
    return name


def queue_arn(region: str, name: str) -> str:
    """Return the ARN that a local queue has."""
    return f"arn:aws:sqs:{region}:{ACCOUNT_ID}:{name}"


def queue_url(endpoint: str, name: str) -> str:
    """Return a local queue's address on the endpoint itself: the host in LocalStack's own URLs needs a public DNS."""
    return f"{endpoint.rstrip('/')}/{ACCOUNT_ID}/{name}"


def queue_reference(value: object, where: str, queues: Collection[str]) -> str:
    """Return the logical id in `!GetAtt Queue.Arn`, the one way to name a queue that stays true on every machine."""
    match intrinsic(value):
        case ("Fn::GetAtt", [str(logical_id), "Arn"]) if logical_id in queues:
            return logical_id
    raise TemplateError(f"{where}: expected !GetAtt <queue of this template>.Arn, found {value!r}")


def read_queue(logical_id: str, properties: Properties, queues: Collection[str]) -> Queue:
    """Return one queue; `queues` are the logical ids of all of them."""
    name = properties.get("QueueName")
    attributes = {
        attribute: str(properties.whole(attribute, default, low, high))
        for attribute, (default, low, high) in _ATTRIBUTES.items()
    }
    dead_letter_queue = receive_count_max = None
    if "RedrivePolicy" in properties:
        policy = properties.nested("RedrivePolicy")
        dead_letter_queue = queue_reference(
            policy.raw("deadLetterTargetArn"), f"{policy.where}.deadLetterTargetArn", queues
        )
        receive_count_max = policy.whole("maxReceiveCount", None, 1, 1000)
        policy.finish()
    properties.finish(_HARMLESS)
    return Queue(logical_id, queue_name(logical_id, name), attributes, dead_letter_queue, receive_count_max)


def check_dead_letter_queues(queues: Collection[Queue]) -> None:
    """Raise TemplateError when names repeat, or a dead-letter queue has one itself: those are created in one pass."""
    names = [queue.name for queue in queues]
    targets = {queue.dead_letter_queue for queue in queues}
    for queue in queues:
        if names.count(queue.name) > 1:
            raise TemplateError(f"Resources.{queue.logical_id}.QueueName: {queue.name!r} stands twice")
        if queue.dead_letter_queue and queue.logical_id in targets:
            raise TemplateError(f"Resources.{queue.logical_id}: a dead-letter queue has a dead-letter queue itself")
