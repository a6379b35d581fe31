"""Finds the route of a path. A literal segment wins over `{name}`, and a name stands for exactly one segment."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from paylink_local.template import Route, TemplateError

T = TypeVar("T")


@dataclass
class _Node(Generic[T]):
    literals: "dict[str, _Node[T]]" = field(default_factory=dict)
    parameter: "_Node[T] | None" = None
    parameter_name: str = ""
    path: str = ""
    targets: dict[str, T] = field(default_factory=dict)


@dataclass(frozen=True)
class Match(Generic[T]):
    """A path that some route has: the route's own path, the segments its names stand for, what serves each method."""

    path: str
    parameters: dict[str, str]
    targets: dict[str, T]

    def target(self, method: str) -> T | None:
        """Return what serves a method; a HEAD that no route asks for is served as its GET."""
        found = self.targets.get(method) or self.targets.get("ANY")
        return found if found or method != "HEAD" else self.targets.get("GET")

    @property
    def allow(self) -> str:
        """The methods of this path, as an Allow header lists them."""
        methods = set(self.targets) | {"OPTIONS"}
        if "GET" in methods:
            methods.add("HEAD")
        if "ANY" in methods:
            methods = {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}
        return ", ".join(sorted(methods))


class Router(Generic[T]):
    """
    All routes, as a tree of segments.

    Raises:
        TemplateError: A route stands twice, or two routes name the same segment differently, which API Gateway refuses.
    """

    def __init__(self, routes: Iterable[tuple[Route, T]]) -> None:
        self._root: _Node[T] = _Node()
        self._routes: list[str] = []
        for route, target in routes:
            self._add(route, target)

    def match(self, segments: Sequence[str]) -> Match[T] | None:
        """Return the route of a path, given as its decoded segments, or None."""
        values: list[tuple[str, str]] = []
        node = _find(self._root, segments, values)
        return None if node is None else Match(node.path, dict(values), node.targets)

    def routes(self) -> list[str]:
        """Return every route as method and path, such as `GET /healthz`, in the template's order."""
        return list(self._routes)

    def _add(self, route: Route, target: T) -> None:
        node = self._root
        for segment in split_path(route.path):
            node = _parameter(node, segment[1:-1], route) if segment.startswith("{") else _literal(node, segment)
        if route.method in node.targets:
            raise TemplateError(f"the route {route.method} {route.path} stands twice")
        node.path = route.path
        node.targets[route.method] = target
        self._routes.append(f"{route.method} {route.path}")


def split_path(path: str) -> list[str]:
    """Return the segments of a path; the root has one, which is empty."""
    return path[1:].split("/")


def _literal(node: _Node[T], segment: str) -> _Node[T]:
    return node.literals.setdefault(segment, _Node())


def _parameter(node: _Node[T], name: str, route: Route) -> _Node[T]:
    if node.parameter is None:
        node.parameter, node.parameter_name = _Node(), name
    if node.parameter_name != name:
        raise TemplateError(f"{route.path}: another route calls {{{name}}} {{{node.parameter_name}}}")
    return node.parameter


def _find(node: _Node[T], segments: Sequence[str], values: list[tuple[str, str]]) -> _Node[T] | None:
    if not segments:
        return node if node.targets else None
    segment, rest = segments[0], segments[1:]
    literal = node.literals.get(segment)
    found = _find(literal, rest, values) if literal else None
    if found is None and node.parameter is not None and segment:
        values.append((node.parameter_name, segment))
        found = _find(node.parameter, rest, values)
        if found is None:
            values.pop()
    return found
