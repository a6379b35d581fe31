"""
One cold start, run by its path: `cold_process.py FOLDER ATTRIBUTE EVENT`.

As Lambda does, it imports the function as `app` and calls its handler; then it tells the processor time of this process
since it began, threads included, and the answer.
"""

import sys
from importlib import import_module

sys.path.insert(0, sys.argv[1])
app = import_module("app")


class Context:
    function_name = "cold"
    aws_request_id = "00000000-0000-4000-8000-000000000000"
    memory_limit_in_mb = "512"
    invoked_function_arn = "arn:aws:lambda:local"


import json  # noqa: E402  # as nothing of it may come before the function
import time  # noqa: E402  # the same

with open(sys.argv[3], encoding="utf-8") as file:
    event = json.load(file)
answer = getattr(app, sys.argv[2])(event, Context())
cpu_ms = 1000 * time.process_time()
print(json.dumps({"cpu_ms": cpu_ms, "answer": answer}))
