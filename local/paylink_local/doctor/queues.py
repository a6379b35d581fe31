"""Examines SQS: whether it answers, and whether the queues are as template.yaml has them."""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from paylink.runtime.sqs_link import SqsFailed, SqsLink
from paylink_local.doctor.finding import Finding, ok, warning, wrong
from paylink_local.template import Queue, Template
from paylink_local.template.loader import DEFAULT_SQS_ENDPOINT
from paylink_local.template.queues import queue_url

_CHECK = "queues"
_TIMEOUT_S = 3.0
_LATENCY_MS_HIGH = 500.0
_COMPARED = ("VisibilityTimeout", "MessageRetentionPeriod")


def queue_urls(template: Template, environ: Mapping[str, str]) -> dict[str, str]:
    """
    Return the address of each queue that functions are told of, by logical id: what the variable that stands for it
    holds. Where the others are is told by the redrive policies that name them (`dead_letter_url`).
    """
    variables = {value: name for function in template.functions for name, value in function.variables.items()}
    endpoint = environ.get("AWS_ENDPOINT_URL_SQS", DEFAULT_SQS_ENDPOINT)
    urls = {queue.logical_id: queue_url(endpoint, queue.name) for queue in template.queues}
    return {logical_id: environ.get(variables[url], url) for logical_id, url in urls.items() if url in variables}


def dead_letter_url(url: str, attributes: Mapping[str, Any]) -> str | None:
    """Return the address of the queue that another's redrive policy names: of the same region and account."""
    arn = _policy(str(attributes.get("RedrivePolicy", ""))).get("deadLetterTargetArn")
    return f"{url.rpartition('/')[0]}/{str(arn).rpartition(':')[2]}" if arn else None


def examine_queues(template: Template, urls: Mapping[str, str], mend: str) -> Iterator[Finding]:
    """urls: by logical id. mend: what makes the queues as the template has them."""
    link, urls = SqsLink(_TIMEOUT_S), dict(urls)
    found: dict[str, Mapping[str, str]] = {}
    missing: list[Finding] = []
    took_ms = []
    try:
        # A dead-letter queue stands after the one that it is for.
        for queue in template.queues:
            if queue.logical_id not in urls:
                continue  # that its source names none is told there
            began = time.perf_counter()
            try:
                url = urls[queue.logical_id]
                answer = link.call("GetQueueAttributes", {"QueueUrl": url, "AttributeNames": ["All"]})
            except SqsFailed as exc:
                if not _is_missing(exc):
                    yield wrong("sqs", f"SQS does not answer: {exc}", _mend_reach(exc))
                    return
                missing.append(wrong(_CHECK, f"the queue {queue.name} does not exist", mend))
            else:
                own = found[queue.logical_id] = _texts(answer.get("Attributes", {}))
                if queue.dead_letter_queue and (dead := dead_letter_url(url, own)):
                    urls.setdefault(queue.dead_letter_queue, dead)
            took_ms.append((time.perf_counter() - began) * 1000)
    finally:
        link.close()
    yield _judge_latency(min(took_ms))
    differences = [one for queue in template.queues for one in judge_queue(queue, found, mend)] + missing
    yield from differences or [ok(_CHECK, f"{len(found)}, as template.yaml has them")]


def judge_queue(queue: Queue, found: Mapping[str, Mapping[str, str]], mend: str) -> list[Finding]:
    """found: the attributes of each queue that exists, by logical id."""
    own = found.get(queue.logical_id)
    if own is None:
        return []  # told already
    differences = []
    for name in _COMPARED:
        if own.get(name) != queue.attributes[name]:
            seen = f"{queue.name} has {name} {own.get(name, 'unset')}, and not {queue.attributes[name]}"
            differences.append(warning(_CHECK, seen, mend))
    if queue.dead_letter_queue is None:
        return differences
    policy = _policy(own.get("RedrivePolicy", ""))
    dead = found.get(queue.dead_letter_queue, {}).get("QueueArn")
    if not policy:
        seen = f"{queue.name} has no redrive policy: a message that nobody can read comes again and again"
        differences.append(wrong(_CHECK, seen, mend))
    elif dead is not None and policy.get("deadLetterTargetArn") != dead:
        differences.append(wrong(_CHECK, f"{queue.name} sends dead letters to another queue than its own", mend))
    elif str(policy.get("maxReceiveCount")) != str(queue.receive_count_max):
        seen = f"{queue.name} gives a message up after {policy.get('maxReceiveCount')} tries, and not after"
        differences.append(warning(_CHECK, f"{seen} {queue.receive_count_max}", mend))
    return differences


def _judge_latency(took_ms: float) -> Finding:
    seen = f"SQS answers in {took_ms:.1f} ms"
    if took_ms > _LATENCY_MS_HIGH:
        return warning("sqs", seen, "run PayLink in the region of its queues: a send that takes a second is given up")
    return ok("sqs", seen)


def _is_missing(exc: SqsFailed) -> bool:
    return "NonExistentQueue" in str(exc) or "QueueDoesNotExist" in str(exc)


def _mend_reach(exc: SqsFailed) -> str:
    if "is not set" in str(exc):
        return "set it in the environment, with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION"
    if str(exc).startswith("403"):
        return "these credentials need sqs:GetQueueAttributes on PayLink's queues"
    return "look at AWS_REGION and the network; for LocalStack, at AWS_ENDPOINT_URL_SQS"


def _texts(attributes: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in attributes.items()}


def _policy(text: str) -> dict[str, Any]:
    try:
        policy = json.loads(text or "{}")
    except ValueError:
        return {}
    return policy if isinstance(policy, dict) else {}
