"""Loads the functions' handlers into this process, and calls them."""

import contextvars
import importlib.util
import os
import sys
import threading
import traceback
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from paylink_local.context import LambdaContext
from paylink_local.template import Function, Template, TemplateError
from paylink_local.template.loader import DEFAULT_REGION, DEFAULT_SQS_ENDPOINT

_LOCAL_AWS = {
    "AWS_ENDPOINT_URL_SQS": DEFAULT_SQS_ENDPOINT,
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": DEFAULT_REGION,
}

Handler = Callable[[Any, LambdaContext], Any]


class FunctionLoadError(Exception):
    """A function's module cannot be imported, or has no such handler. The cause is the original exception."""


class FunctionTimeout(Exception):
    """
    A handler was still running at its function's `Timeout`.

    `stack` shows where it was; `ended` is set when it has ended after all.
    """

    def __init__(self, function: Function, thread: threading.Thread, ended: threading.Event) -> None:
        super().__init__(f"function {function.name} did not end within its Timeout of {function.timeout_s} s")
        self.stack = stack_of(thread.ident)
        self.ended = ended


@dataclass(frozen=True)
class LoadedFunction:
    """A function with its handler."""

    function: Function
    handler: Handler
    region: str

    def call(self, event: Any, *, takes_later_answers: bool = False) -> Any:
        """
        Run the handler on this thread and return its answer.

        Each call has a context of its own, so that no ContextVar set by one invocation is seen by another.
        """
        context = LambdaContext(self.function, self.region, takes_later_answers=takes_later_answers)
        return contextvars.Context().run(self.handler, event, context)

    def call_within_timeout(self, event: Any) -> Any:
        """
        Run the handler on a thread of its own and return its answer, or raise what it raised.

        Raises:
            FunctionTimeout: It is still running at the function's `Timeout`. A thread cannot be killed: it goes on.
        """
        ended = threading.Event()
        outcome: list[Any] = []

        def run() -> None:
            try:
                outcome.extend((self.call(event), None))
            except BaseException as exc:
                outcome.extend((None, exc))
            finally:
                ended.set()

        thread = threading.Thread(target=run, name=self.function.name, daemon=True)
        thread.start()
        if not ended.wait(self.function.timeout_s):
            raise FunctionTimeout(self.function, thread, ended)
        answer, error = outcome
        if error is not None:
            raise error
        return answer


def apply_environment(template: Template, environ: MutableMapping[str, str] = os.environ) -> None:
    """
    Give this process the template's environment variables; one that is set already wins.

    All functions share the process, so this comes before the first of them is imported. What is missing of `_LOCAL_AWS`
    and `AWS_REGION` is set as well: Lambda sets the region, and without the rest a client would look for the real AWS.

    Raises:
        TemplateError: Two functions want different values of one variable that the process does not set.
    """
    wanted: dict[str, tuple[str, str]] = {}
    for function in template.functions:
        for name, value in function.variables.items():
            first, by = wanted.setdefault(name, (value, function.logical_id))
            if value != first and name not in environ:
                raise TemplateError(f"{by} and {function.logical_id} want different values of {name}, in one process")
    for name, (value, _) in wanted.items():
        environ.setdefault(name, value)
    for name, value in _LOCAL_AWS.items():
        environ.setdefault(name, value)
    environ.setdefault("AWS_REGION", environ["AWS_DEFAULT_REGION"])


def stack_of(thread_id: int | None) -> str:
    """Return what a thread is doing, as in a traceback; empty when it has ended."""
    frame = sys._current_frames().get(thread_id or 0)
    return "".join(traceback.format_stack(frame)) if frame else ""


def load_function(function: Function) -> LoadedFunction:
    """
    Import a function's module under a name of its own and find its handler.

    Raises:
        FunctionLoadError: It cannot be imported, or the handler is not there or not callable.
    """
    module_name, attribute = function.handler.split(".")
    try:
        handler = getattr(_import(f"paylink_function_{function.folder}", function, module_name), attribute)
    except (Exception, SystemExit) as exc:
        raise FunctionLoadError(f"function {function.folder}: {type(exc).__name__}: {exc}") from exc
    if not callable(handler):
        raise FunctionLoadError(f"function {function.folder}: {function.handler} is not callable")
    return LoadedFunction(function, handler, os.environ.get("AWS_DEFAULT_REGION", DEFAULT_REGION))


def _import(name: str, function: Function, module_name: str) -> ModuleType:
    path = function.code / f"{module_name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise FileNotFoundError(f"{path} is not there")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
