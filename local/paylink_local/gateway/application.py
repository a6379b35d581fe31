"""The ASGI application of one gateway process: request in, event to the function, answer out, one line in the log."""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from paylink.core.metrics import FUNCTION_DURATION, PROBLEMS
from paylink.runtime.process_metrics import process_metrics, request_outcome
from paylink_local.functions import FunctionLoadError, load_function
from paylink_local.gateway import problems
from paylink_local.gateway.bodies import Body, Limits
from paylink_local.gateway.events import build_event
from paylink_local.gateway.problems import Problem, own_headers
from paylink_local.gateway.requests import Receive, decode_path, decode_query, request_id
from paylink_local.gateway.responses import MalformedAnswer, Response, read_answer
from paylink_local.gateway.routing import Router
from paylink_local.gateway.threads import SLOT_WAIT_S, AnswerTimeout, FunctionThreads, HandlerFailed, NoFreeSlot
from paylink_local.template import Function, Template

Send = Callable[[dict[str, Any]], Awaitable[None]]

OF_THE_GATEWAY = "gateway"
"""What stands for a function where the gateway itself has answered."""

_log = logging.getLogger("paylink_local.gateway")
_access = logging.getLogger("paylink_local.access")


class Application:
    """
    Serves the template's routes.

    ASGI and not WSGI, because only there does the server hand over the path, the query and every header as they came: a
    decoded path cannot tell `a%2Fb` from `a/b`, and joined headers cannot be taken apart.
    """

    def __init__(self, template: Template, port: int) -> None:
        loaded = {function.logical_id: _load(function) for function in template.functions if function.routes}
        self._router = Router((route, loaded[function.logical_id]) for route, function in template.routes())
        self._limits = Limits()
        self._port = port

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens."""
        started_s = time.perf_counter()
        body = Body(scope["headers"], receive, self._limits)
        invocation = _Invocation(self._router, self._port, request_id(scope["headers"]))
        try:
            response = await invocation.respond(scope, body)
        finally:
            body.release()
        response.headers.append((b"x-request-id", invocation.request_id.encode()))
        if response.status not in (204, 304):
            response.headers.append((b"content-length", b"%d" % len(response.body)))
        if body.unread:
            response.headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": response.status, "headers": response.headers})
        # The rest of a refused body is taken before the answer's end, as that ends the connection.
        await send({"type": "http.response.body", "body": response.body, "more_body": body.unread})
        if body.unread:
            await body.discard()
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        # What went well is counted; what did not is told, and all of it at DEBUG.
        level = logging.DEBUG if response.status < 400 else logging.INFO
        if _access.isEnabledFor(level):
            fields = {
                "method": scope["method"],
                "route": invocation.route,
                "status": response.status,
                "ms": round((time.perf_counter() - started_s) * 1000, 3),
                "request_id": invocation.request_id,
            }
            _access.log(level, "request", extra={"fields": fields})


class _Invocation:
    """One request on its way; `route` is known once the path is."""

    def __init__(self, router: "Router[_Target]", port: int, request_id: str) -> None:
        self._router = router
        self._port = port
        self.request_id = request_id
        self.route: str | None = None

    async def respond(self, scope: dict[str, Any], body: Body) -> Response:
        # No exception is kept in a variable: with its traceback that would be a cycle, which holds the connection of a
        # body that did not come until the garbage collector finds it.
        try:
            return await self._respond(scope, body)
        except Problem as exc:
            return self._refuse(exc)
        except Exception as exc:
            self._report("the gateway failed", exc)
        return self._refuse(problems.function_failed())

    def _refuse(self, problem: Problem) -> Response:
        process_metrics().count(PROBLEMS, OF_THE_GATEWAY, problem.slug)
        return Response(problem.status, problem.headers, problem.body)

    async def _respond(self, scope: dict[str, Any], body: Body) -> Response:
        segments = decode_path(scope["raw_path"])
        match = self._router.match(segments)
        if match is None:
            raise problems.not_found(self._directions(segments))
        self.route = match.path
        method = scope["method"]
        target = match.target(method)
        if target is None:
            if method == "OPTIONS":
                return Response(204, [(b"allow", match.allow.encode()), *own_headers()], b"")
            raise problems.method_not_allowed(match.allow)
        query = decode_query(scope["query_string"])
        event = build_event(
            # A HEAD without a route of its own is the GET whose body the server leaves out.
            method=method if method in match.targets or "ANY" in match.targets else "GET",
            route=match.path,
            path="/" + "/".join(segments),
            parameters=match.parameters,
            query=query,
            headers=scope["headers"],
            body=await body.read(),
            request_id=self.request_id,
            source_ip=scope["client"][0],
            port=self._port,
        )
        response = await self._invoke(target, event)
        if method == "OPTIONS":
            response.headers.append((b"allow", match.allow.encode()))
        return response

    async def _invoke(self, target: "_Target", event: dict[str, Any]) -> Response:
        if isinstance(target, FunctionLoadError):
            self._report(str(target), target.__cause__)
            raise problems.function_failed()
        began_s, status = time.perf_counter(), 500
        try:
            response = await self._run(target, event)
            status = response.status
            return response
        except Problem as exc:
            status = exc.status
            raise
        finally:
            took_s = time.perf_counter() - began_s
            outcome = request_outcome(status)
            process_metrics().observe(FUNCTION_DURATION, took_s, target.function.folder, outcome)

    async def _run(self, target: FunctionThreads, event: dict[str, Any]) -> Response:
        name = target.function.name
        try:
            return read_answer(await target.run(event))
        except HandlerFailed as exc:
            self._report(f"function {name} raised", exc.__cause__)
            raise problems.function_failed() from exc
        except MalformedAnswer as exc:
            self._report(f"function {name} gave a malformed answer", exc)
            raise problems.function_failed() from exc
        except AnswerTimeout as exc:
            message = f"function {name} did not end within its Timeout of {target.function.timeout_s} s"
            self._report(message, None, stack=exc.stack)
            raise problems.function_timeout() from exc
        except NoFreeSlot as exc:
            fields = {"request_id": self.request_id, "route": self.route}
            _log.warning("every slot of function %s is busy", name, extra={"fields": fields})
            raise problems.overloaded("every slot is busy; try again later", SLOT_WAIT_S) from exc

    def _directions(self, segments: list[str]) -> str:
        """Tell a person whose path has no route where there is one."""
        bare = self._router.match(segments[:-1]) if len(segments) > 1 and not segments[-1] else None
        if bare is not None:
            return f"no route has this path; {bare.path}, without the slash at its end, is one"
        routes = ", ".join(route for route in self._router.routes() if not route.startswith("OPTIONS "))
        return f"no route has this path; there are: {routes}"

    def _report(self, message: str, cause: BaseException | None, **more: str) -> None:
        fields = {"request_id": self.request_id, "route": self.route, **more}
        _log.error(message, exc_info=cause, extra={"fields": fields})


_Target = FunctionThreads | FunctionLoadError


def _load(function: Function) -> _Target:
    """Load a function; one that cannot be loaded fails its own requests, and the others are served."""
    try:
        return FunctionThreads(load_function(function))
    except FunctionLoadError as exc:
        _log.error(str(exc), exc_info=exc.__cause__)
        return exc
