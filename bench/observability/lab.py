"""The room in which all rows are measured: the stack, the process that is measured, and a collector beside it."""

import base64
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

import paycrypto
from bench.checkout.requests import ORDER
from bench.common import webhooks
from bench.common.generator import REPOSITORY
from bench.common.paylink_side import PROVIDER, PayLink
from bench.common.rules import Void
from bench.common.seeding import seed
from bench.common.stack import Stack
from bench.observability.effort import Effort

Request = tuple[dict[str, str], bytes]

OFF, TENTH, ALL = "off", "10 %", "100 %"
RATIOS: dict[str, float | None] = {OFF: None, TENTH: 0.1, ALL: 1.0}


@dataclass
class Lab:
    """Everything is started when it is first needed."""

    stack: Stack
    effort: Effort
    folder: Path
    _cleanup: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def say(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    @cached_property
    def paylink(self) -> PayLink:
        """With the sandbox, and without a gateway."""
        side = PayLink(self.stack, "paylink")
        self.stack.start("sandbox", side.services["sandbox"])
        # Nobody but a worker makes the queues.
        side.start_worker()
        side.stop_worker()
        return side

    @cached_property
    def collector(self) -> str:
        """The address of a collector in a process of its own."""
        process = self._start("bench.observability.collector_process", dict(os.environ))
        assert process.stdout is not None
        return f"http://127.0.0.1:{int(process.stdout.readline())}"

    @property
    def kinds(self) -> dict[str, Callable[[int], list[Request]]]:
        """What makes requests of each kind."""
        return {"webhook": self.webhooks, "checkout": self.checkouts}

    def webhooks(self, count: int) -> list[Request]:
        """Return signed webhooks, each of a payment of its own."""
        key = paycrypto.HmacSha256Key(self.paylink.secret.encode())
        stamp_s = webhooks.now_s()
        bodies = [webhooks.body(transaction, stamp_s) for transaction in seed(self.paylink, count)]
        return [
            (
                {
                    "Content-Type": "application/json; charset=utf-8",
                    "Stripe-Signature": paycrypto.sign_timestamped_hmac(key, raw, stamp_s),
                },
                raw,
            )
            for raw in bodies
        ]

    def checkouts(self, count: int) -> list[Request]:
        key = self.paylink.environ["PAYLINK_DEMO_MERCHANT_KEY"]
        order = ORDER | {"provider": PROVIDER, "order_reference": "bench"}
        return [
            (
                {
                    "Authorization": f"Bearer {key}",
                    "Content-Type": "application/json",
                    "Idempotency-Key": str(uuid4()),
                },
                json.dumps(order).encode(),
            )
            for _ in range(count)
        ]

    def ask(self, process: "subprocess.Popen[str]", requests: Sequence[Request] = (), **order: Any) -> Any:
        """
        Have a process do something.

        Raises:
            Void: It died.
        """
        file = self.folder / "requests.json"
        file.write_text(json.dumps([(headers, base64.b64encode(raw).decode()) for headers, raw in requests]))
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(order | {"file": str(file), "endpoint": self.collector}) + "\n")
        process.stdin.flush()
        for line in process.stdout:
            if line.startswith('{"result": '):
                return json.loads(line)["result"]
        raise Void("the process that is measured has died")

    @contextlib.contextmanager
    def process(self) -> Iterator["subprocess.Popen[str]"]:
        """Start PayLink's functions in a process of their own, for the time of the block."""
        environ = {name: value for name, value in self.paylink.environ.items() if not name.startswith("OTEL_")}
        process = self._start("bench.observability.process", environ | {"PYTHONPATH": str(REPOSITORY)})
        try:
            yield process
        finally:
            _end(process)

    def close(self) -> None:
        self._cleanup.close()

    def _start(self, module: str, environ: dict[str, str]) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", module]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        process = subprocess.Popen(command, env=environ, cwd=REPOSITORY, text=True, **pipes)  # type: ignore[call-overload]  # two of its arguments
        self._cleanup.callback(_end, process)
        return process  # type: ignore[no-any-return]  # as above


def _end(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    process.wait()
