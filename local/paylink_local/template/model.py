"""What the local runtime takes from a SAM template, checked and with all references resolved."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ACCOUNT_ID = "000000000000"
"""The account of everything local, as LocalStack names it."""


class TemplateError(Exception):
    """The template says something that the local runtime cannot follow faithfully."""


@dataclass(frozen=True)
class Route:
    """One `Api` event. `path` as in the template, with `{name}` for a whole segment; `method` upper case, or ANY."""

    method: str
    path: str


@dataclass(frozen=True)
class QueueMapping:
    """One `SQS` event. `queue` is the logical id of the queue; `concurrency` batches are in work at most."""

    queue: str
    batch_size: int
    window_s: int
    partial_responses: bool
    concurrency: int


@dataclass(frozen=True)
class Schedule:
    """One enabled `ScheduleV2` event. `payload` is the JSON text that each run gets as its event."""

    name: str
    expression: str
    timezone: str
    payload: str


@dataclass(frozen=True)
class Queue:
    """One queue. `attributes` are those of the SQS API but the redrive policy, which names another queue here."""

    logical_id: str
    name: str
    attributes: dict[str, str]
    dead_letter_queue: str | None
    receive_count_max: int | None

    @property
    def visibility_timeout_s(self) -> int:
        return int(self.attributes["VisibilityTimeout"])


@dataclass(frozen=True)
class Function:
    """One function. `folder` is its folder's name, `variables` its environment with references resolved."""

    logical_id: str
    name: str
    folder: str
    code: Path
    handler: str
    timeout_s: int
    memory_mb: int
    variables: dict[str, str]
    routes: tuple[Route, ...]
    mappings: tuple[QueueMapping, ...]
    schedules: tuple[Schedule, ...]


@dataclass(frozen=True)
class Template:
    """The whole template, as far as it concerns one machine."""

    path: Path
    functions: tuple[Function, ...]
    queues: tuple[Queue, ...]

    def function(self, name: str) -> Function:
        """
        Return the function with this folder name or logical id.

        Raises:
            TemplateError: There is none; the message lists those there are.
        """
        for function in self.functions:
            if name in (function.folder, function.logical_id):
                return function
        known = ", ".join(function.folder for function in self.functions) or "none"
        raise TemplateError(f"{self.path} has no function {name!r}; there are: {known}")

    def queue(self, logical_id: str) -> Queue:
        """Return a queue by its logical id, which the template is known to hold."""
        return next(queue for queue in self.queues if queue.logical_id == logical_id)

    def routes(self) -> Iterator[tuple[Route, Function]]:
        """Yield every route with the function behind it."""
        for function in self.functions:
            for route in function.routes:
                yield route, function
