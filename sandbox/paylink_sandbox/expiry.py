"""Closes pages whose time has run out."""

import logging
import threading
from collections.abc import Mapping

from paylink_sandbox.registry import Frame, Simulator

_INTERVAL_S = 1.0

log = logging.getLogger(__name__)


class Expiry:
    """A background thread. Providers also check the time on each call, so a page never looks open for too long."""

    def __init__(self, frame: Frame, simulators: Mapping[str, Simulator]) -> None:
        self._frame = frame
        self._simulators = simulators
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="expiry", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.wait(_INTERVAL_S):
            try:
                for page in self._frame.ledger.due_pages(self._frame.now()):
                    if page.provider in self._simulators:
                        self._simulators[page.provider].expire_page(page.id)
            except Exception:
                log.exception("cannot expire due pages")
