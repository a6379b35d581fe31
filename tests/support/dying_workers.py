"""Workers of reconciliation runs in processes of their own, killed on the way; and what they ask, counted outside."""

import multiprocessing
import os
import signal
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import urllib3

from support.serving import QuietHandler, serving
from support.stack import record_of
from support.unlimited import Unlimited

_MESSAGE = {"Records": [record_of({"MessageId": "1", "ReceiptHandle": "-", "Body": "{}"})]}


@contextmanager
def counted(address: str) -> Iterator[tuple[str, Mapping[str, Counter[str]]]]:
    """
    Serve what is at `address` in a folder of any name; yield where, and how often each address was asked for, by the
    folder's name. So a question is its asker's even when it comes in after its death.
    """
    pool = urllib3.PoolManager(retries=False, timeout=20, maxsize=16)
    asked: defaultdict[str, Counter[str]] = defaultdict(Counter)
    lock = threading.Lock()

    class Through(QuietHandler):
        def do_GET(self) -> None:
            _, folder, rest = self.path.split("/", 2)
            with lock:
                asked[folder][f"/{rest}"] += 1
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            answer = pool.request("GET", f"{address}/{rest}", headers=headers)
            # Who asked may be dead by now.
            with suppress(ConnectionError):
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.headers["Content-Type"])
                self.send_header("Content-Length", str(len(answer.data)))
                self.end_headers()
                self.wfile.write(answer.data)

    with serving(Through) as url:
        yield url, asked


class Worker:
    """One process that works at runs by the function, as messages have it do, until nothing is due."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        context = multiprocessing.get_context("forkserver")
        reader, writer = context.Pipe(duplex=False)
        self._process = context.Process(target=_work, args=(dict(environ), writer))
        self._process.start()
        writer.close()
        with reader:
            # From here on it works.
            reader.recv()

    def die_after(self, seconds: float) -> bool:
        """Kill it then; False when it has done all there was to do before."""
        self._process.join(seconds)
        if self._process.exitcode is None:
            assert self._process.pid is not None
            os.kill(self._process.pid, signal.SIGKILL)
        self._process.join()
        assert self._process.exitcode in (0, -signal.SIGKILL), self._process.exitcode
        return self._process.exitcode != 0

    def finish(self) -> None:
        self._process.join()
        assert self._process.exitcode == 0


def _work(environ: dict[str, str], writer: Any) -> None:
    os.environ.update(environ)
    # Here and not above: it is the warm part, loaded before the fork.
    from paylink.runtime import wiring
    from support.warm import FUNCTIONS

    wiring._build.cache_clear()
    deps = wiring.deps()
    vars(deps)["pulls"] = Unlimited()
    writer.send("begun")
    while deps.database.run(lambda uow: uow.all("list_unended_runs")):
        FUNCTIONS["reconcile_batch"].call(_MESSAGE)
        time.sleep(0.01)
