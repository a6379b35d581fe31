"""
PayLink's functions in this process, called as the gateway and the worker call them, with real services around them.

`python -m bench.observability.process`: does what each line of its input asks for, and answers with a line. It is a
process of its own because its processor time is what is measured, and because its environment is PayLink's.
"""

import base64
import json
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from typing import Any

from bench.observability.hooks import count_calls, time_hooks, time_once
from paylink.runtime.queues import SqsQueue
from paylink.runtime.trace_export import SpanExporter
from paylink.runtime.trace_settings import TraceSettings
from paylink.runtime.tracer import Tracer
from paylink.runtime.traces import use_tracer
from paylink_local.functions import LoadedFunction, apply_environment, load_function
from paylink_local.garbage import settle
from paylink_local.gateway.events import build_event
from paylink_local.template import find_template, load_template

_PATIENCE_S = 30.0

Kind = Callable[[dict[str, str], bytes], None]
"""Does one request, with its headers and body."""


class InProcess:
    """The functions that a payment needs. What intake queues is sent, and handed to processing here as well."""

    def __init__(self) -> None:
        template = load_template(find_template())
        apply_environment(template)
        names = ("receive_webhook", "create_checkout", "process_webhook")
        self._functions: dict[str, LoadedFunction] = {name: load_function(template.function(name)) for name in names}
        self._sent: deque[dict[str, Any]] = deque()
        self._came = threading.Event()
        self._note_what_is_sent()

    def request(self, name: str, path: str, headers: dict[str, str], raw: bytes) -> dict[str, Any]:
        """Send one request; return the answer once it is there."""
        route = "/v1/webhook/{provider}" if name == "receive_webhook" else path
        event = build_event(
            method="POST",
            route=route,
            path=path,
            parameters={"provider": path.rpartition("/")[2]} if "{" in route else {},
            query={},
            headers=[(k.lower().encode(), v.encode()) for k, v in headers.items()],
            body=raw,
            request_id="bench",
            source_ip="127.0.0.1",
            port=8080,
        )
        answer = self._functions[name].call(event, takes_later_answers=True)
        if not hasattr(answer, "then"):
            return dict(answer)
        done, told = threading.Event(), []

        def report(later: dict[str, Any]) -> None:
            told.append(later)
            done.set()

        answer.then(report)
        if not done.wait(_PATIENCE_S):
            raise TimeoutError("no answer")
        return told[0]

    def webhook(self, headers: dict[str, str], raw: bytes) -> None:
        """From a webhook's arrival to its event's outcome."""
        answer = self.request("receive_webhook", "/v1/webhook/stripe", headers, raw)
        if answer["statusCode"] != 200:
            raise ValueError(f"a webhook was answered {answer['statusCode']}")
        stop_at = time.monotonic() + _PATIENCE_S
        while not self._sent:
            self._came.wait(0.1)
            self._came.clear()
            if time.monotonic() > stop_at:
                raise TimeoutError("nothing was queued")
        record = _record(self._sent.popleft())
        if self._functions["process_webhook"].call({"Records": [record]})["batchItemFailures"]:
            raise ValueError("an event failed")

    def checkout(self, headers: dict[str, str], raw: bytes) -> None:
        answer = self.request("create_checkout", "/v1/checkout", headers, raw)
        if answer["statusCode"] != 201:
            raise ValueError(f"a checkout was answered {answer['statusCode']}")

    def _note_what_is_sent(self) -> None:
        send = SqsQueue._send

        def noting(queue: SqsQueue, queue_url: str, entries: list[dict[str, Any]]) -> bool:
            sent = send(queue, queue_url, entries)
            self._sent.extend(entries)
            self._came.set()
            return sent

        SqsQueue._send = noting  # type: ignore[method-assign, assignment]  # it sends, and notes


def _record(entry: dict[str, Any]) -> dict[str, Any]:
    attributes = entry.get("MessageAttributes", {}).items()
    return {
        "messageId": "bench",
        "receiptHandle": "bench",
        "body": entry["MessageBody"],
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {
            name: {"stringValue": value["StringValue"], "dataType": value["DataType"]} for name, value in attributes
        },
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:ap-southeast-3:000000000000:webhook-events",
        "awsRegion": "ap-southeast-3",
    }


class Counted:
    """An exporter that also counts what it is given."""

    def __init__(self, endpoint: str) -> None:
        settings = TraceSettings.from_environ({"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint})
        assert settings is not None
        self.exporter = SpanExporter(settings, dropped=self._drop)
        self.spans = self.dropped = 0
        record = self.exporter.record

        def counting(span: Any) -> None:
            self.spans += 1
            record(span)

        self.exporter.record = counting  # type: ignore[method-assign]  # it records, and counts

    def _drop(self, why: str, spans: int) -> None:
        self.dropped += spans


class Process:
    """Does what it is asked for."""

    def __init__(self) -> None:
        own = InProcess()
        self._kinds: dict[str, Kind] = {"webhook": own.webhook, "checkout": own.checkout}
        self._counted: Counted | None = None

    def run(self, order: Mapping[str, Any]) -> dict[str, float]:
        """Return the processor time of this process for a request: of all threads, what is exported included."""
        counted = self._choose(order["ratio"], order["endpoint"])
        kind, requests = self._kinds[order["kind"]], _requests(order["file"])
        began_s, cpu_s = time.perf_counter(), time.process_time()
        for request in requests:
            kind(*request)
        if counted is not None:
            counted.exporter.flush(10)
        count = len(requests)
        told = {
            "cpu_us": 1e6 * (time.process_time() - cpu_s) / count,
            "wall_us": 1e6 * (time.perf_counter() - began_s) / count,
        }
        return told | ({"spans": counted.spans / count, "dropped": counted.dropped} if counted is not None else {})

    def _choose(self, ratio: float | None, endpoint: str) -> "Counted | None":
        if ratio is None:
            use_tracer(None)
            return None
        self._counted = self._counted or Counted(endpoint)
        self._counted.spans = self._counted.dropped = 0
        use_tracer(Tracer(ratio, self._counted.exporter))
        return self._counted

    def settle(self, order: Mapping[str, Any]) -> dict[str, float]:
        settle()
        return {}

    def count(self, order: Mapping[str, Any]) -> dict[str, float]:
        """Return how many hooks of each kind a request executes."""
        use_tracer(None)
        kind, requests = self._kinds[order["kind"]], _requests(order["file"])
        half = len(requests) // 2

        def send(some: Sequence[Any]) -> None:
            for request in some:
                kind(*request)

        found = count_calls(lambda: send(requests[:half]), lambda: send(requests[half:]))
        return {name: count / len(requests[half:]) for name, count in found.items()}

    def once(self, order: Mapping[str, Any]) -> dict[str, list[int]]:
        """
        Return how long the hooks of a request take, in nanoseconds, when they are executed after each of some, and how
        long the loops around them do after each other one.
        """
        use_tracer(None)
        kind, counts = self._kinds[order["kind"]], order["counts"]
        turns = {name: time_once(counts, empty=name == "empty") for name in ("hooks", "empty")}
        taken: dict[str, list[int]] = {name: [] for name in turns}
        for request, name in zip(_requests(order["file"]), cycle(turns), strict=False):
            kind(*request)
            taken[name].append(turns[name]())
        return taken

    def time(self, order: Mapping[str, Any]) -> dict[str, float]:
        """Return how long a hook of each kind takes, in nanoseconds."""
        use_tracer(None)
        return time_hooks(order["times"])


def main() -> None:
    process = Process()
    does: dict[str, Callable[[Mapping[str, Any]], Any]] = {
        "run": process.run,
        "settle": process.settle,
        "count": process.count,
    }
    does |= {"once": process.once, "time": process.time}
    for line in sys.stdin:
        order = json.loads(line)
        # What functions log comes on the same output.
        print(json.dumps({"result": does[order["do"]](order)}), flush=True)


def _requests(file: str) -> list[tuple[dict[str, str], bytes]]:
    with open(file, encoding="utf-8") as opened:
        return [(headers, base64.b64decode(raw)) for headers, raw in json.load(opened)]


if __name__ == "__main__":
    main()
