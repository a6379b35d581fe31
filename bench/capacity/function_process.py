"""
One warm function, run by its path: `function_process.py FOLDER ATTRIBUTE`; each line of input names a file of events.

As Lambda does, it calls the handler with one event after the other in one process, and tells what that took. What the
function logs comes before, on the same output.
"""

import sys
from importlib import import_module

sys.path.insert(0, sys.argv[1])
app = import_module("app")

import json  # noqa: E402  # as nothing of it may come before the function
import time  # noqa: E402  # the same
from typing import Any  # noqa: E402  # the same

import psycopg2.extensions  # noqa: E402  # the same

from paylink.runtime.sqs_link import SqsLink  # noqa: E402  # the same
from paylink.store import database  # noqa: E402  # the same


class Context:
    function_name = "warm"
    aws_request_id = "00000000-0000-4000-8000-000000000000"
    memory_limit_in_mb = "512"
    invoked_function_arn = "arn:aws:lambda:local"


counted = {"database": 0, "queue": 0}
_call = SqsLink.call


def wait(connection: Any) -> None:
    counted["database"] += 1
    database._wait(connection)


def call(link: SqsLink, *arguments: Any) -> dict[str, Any]:
    counted["queue"] += 1
    return _call(link, *arguments)


psycopg2.extensions.set_wait_callback(wait)
SqsLink.call = call  # type: ignore[method-assign, assignment]  # it counts, and calls the one that was there
handler = getattr(app, sys.argv[2])
for line in sys.stdin:
    with open(line.strip(), encoding="utf-8") as file:
        events = json.load(file)
    counted.update(dict.fromkeys(counted, 0))
    cpu_s = time.process_time()
    walls_s = []
    bad = 0
    for event in events:
        began_s = time.perf_counter()
        answer = handler(event, Context())
        walls_s.append(time.perf_counter() - began_s)
        bad += answer.get("statusCode", 200) != 200 or bool(answer.get("batchItemFailures"))
    cpu_s = time.process_time() - cpu_s
    print(json.dumps({"result": {"cpu_s": cpu_s, "walls_s": walls_s, "bad": bad, **counted}}), flush=True)
