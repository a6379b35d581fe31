"""What nobody should send, and somebody will: hypothesis chooses."""

import json
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

Path = tuple[str | int, ...]

_DEEP, _HUGE = 100_000, 5_000
_SIZE_MAX = 512 * 1024


class Raw(str):
    """Stands for itself in JSON text: what no encoder would write."""


VALUES: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    1,
    -150_000,
    15_000_000,
    2**63,
    -(2**63) - 1,
    10**400,
    1.5,
    -0.0,
    1e308,
    5e-324,
    "",
    "0",
    "paid",
    "-1",
    "150000.00",
    "1e9999",
    "NaN",
    "१२३",
    " ",
    "\x00",
    "a\x00b",
    "\ud800",
    "\udfff\ud800",
    "\u202e\ufeff",
    "' or 1=1 --",
    "%s%n{0}",
    "../../etc/passwd",
    "x" * 10_000,
    [],
    {},
    [None],
    {"id": {}},
    [[[[[[]]]]]],
    Raw("1e400"),
    Raw("-1e400"),
    Raw("NaN"),
    Raw("Infinity"),
    Raw("1" * _HUGE),
    Raw("0." + "1" * _HUGE),
    Raw("1E-999999999"),
    Raw("1e999999999"),
    Raw("[" * 900 + "]" * 900),
    Raw("[" * _DEEP + "]" * _DEEP),
    Raw('{"a":' * _DEEP + "1" + "}" * _DEEP),
    Raw('"\\ud800"'),
    Raw('"\\u0000"'),
    Raw("00"),
    Raw(""),
    Raw("nul"),
]


def paths(value: Any, at: Path = ()) -> list[Path]:
    """Every place in a JSON value, from the whole of it to the leaves."""
    found = [at]
    if isinstance(value, dict):
        found += [path for name, inner in value.items() for path in paths(inner, (*at, name))]
    elif isinstance(value, list):
        found += [path for n, inner in enumerate(value) for path in paths(inner, (*at, n))]
    return found


@dataclass(frozen=True)
class Change:
    """`how`: replace, drop, or tell `twice` (with `value` the second time) what stands at some place."""

    how: str
    at: float
    value: Any


def changes() -> st.SearchStrategy[Change]:
    return st.builds(
        Change,
        st.sampled_from(["replace", "replace", "drop", "twice"]),
        st.floats(0, 1, exclude_max=True),
        st.sampled_from(VALUES) | st.integers() | st.text(max_size=30),
    )


def changed(raw: bytes, change: Change) -> bytes:
    """Return the JSON with one change. `at` tells the place, as a fraction of all places."""
    value = json.loads(raw)
    places = paths(value)
    at = places[int(change.at * len(places))]
    return _written(value, at, change).encode("utf-8", "surrogatepass")


def _written(value: Any, at: Path, change: Change) -> str:
    if not at:
        return _text(change.value) if change.how == "replace" else _text(value)
    first, rest = at[0], at[1:]
    if isinstance(value, list):
        items = [_written(v, rest, change) if n == first else _text(v) for n, v in enumerate(value)]
        if change.how == "drop" and not rest:
            del items[int(first)]
        return f"[{','.join(items)}]"
    members = []
    for name, inner in value.items():
        if name != first:
            members.append(f"{_text(name)}:{_text(inner)}")
        elif rest:
            members.append(f"{_text(name)}:{_written(inner, rest, change)}")
        else:
            told = {"replace": [change.value], "drop": [], "twice": [inner, change.value]}[change.how]
            members += [f"{_text(name)}:{_text(v)}" for v in told]
    return "{" + ",".join(members) + "}"


def _text(value: Any) -> str:
    return str(value) if isinstance(value, Raw) else json.dumps(value, ensure_ascii=False)


def wild_bodies() -> st.SearchStrategy[bytes]:
    """Bodies that are no event at all, or look like one at first sight."""
    return st.one_of(
        _look_alikes().map(lambda value: json.dumps(value).encode()),
        st.binary(max_size=300),
        st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")),
        _json().map(lambda value: json.dumps(value).encode()),
        st.sampled_from(
            [
                b"",
                b"{",
                b"\xff\xfe{}",
                b"\xef\xbb\xbf{}",
                "{}".encode("utf-16"),
                b"[" * _DEEP,
                b'{"id":' * _DEEP,
                b'{"id":"' + b"x" * (_SIZE_MAX - 9) + b'"}',
                b" " * _SIZE_MAX,
                b" " * (_SIZE_MAX + 1),
                b'{"id":"evt_deep","type":"x","data":' + b"[" * _DEEP + b"]" * _DEEP + b"}",
                b'{"id":"evt_huge","type":"x","data":' + b"1" * _HUGE + b"}",
            ]
        ),
    )


def _look_alikes() -> st.SearchStrategy[dict[str, Any]]:
    """What each provider's signature and event id need is there; the rest is anything."""
    kinds = [
        *("checkout.session.completed", "payment_intent.succeeded", "charge.refunded", "charge.dispute.created"),
        *("refund.succeeded", "dispute.action_required", "settlement", "PAID"),
    ]
    words = st.sampled_from(kinds) | _json()
    return st.fixed_dictionaries(
        {
            "id": st.uuids().map(lambda value: f"evt_{value.hex}"),
            "order_id": st.uuids().map(lambda value: f"paylink-{value}") | st.text(min_size=1, max_size=9),
            "status_code": st.just("200"),
            "gross_amount": st.just("150000.00"),
        },
        optional={
            name: words | st.dictionaries(st.sampled_from(["object", "id", "charge", "status"]), words)
            for name in (
                "type",
                "event",
                "data",
                "status",
                "transaction_status",
                "transaction_id",
                "refunds",
                "external_id",
            )
        },
    )


def _json() -> st.SearchStrategy[Any]:
    return st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), _containers, max_leaves=30)


def _containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=5) | st.dictionaries(
        st.sampled_from(["id", "type", "event", "data", "object", "status", "order_id"]) | st.text(max_size=8),
        inner,
        max_size=5,
    )


_NAMES = [
    b"stripe-signature",
    b"x-callback-token",
    b"webhook-id",
    b"content-type",
    b"content-encoding",
    b"transfer-encoding",
    b"x-request-id",
    b"x-forwarded-for",
    b"authorization",
    b"user-agent",
    b"webhook-timestamp",
    b"cookie",
]


def headers() -> st.SearchStrategy[list[tuple[bytes, bytes]]]:
    """Headers of all kinds, also repeated, long and not ASCII, up to some thousand of them."""
    names = st.sampled_from(_NAMES) | st.from_regex(rb"[a-z][a-z0-9-]{0,20}", fullmatch=True)
    values = st.binary(max_size=60) | st.sampled_from(
        [
            b"",
            b"t=1,v1=00",
            b"t=" + b"9" * 400 + b",v1=00",
            b"t=1" + b",v1=00" * 2000,
            b"x" * 70_000,
            b"\xff" * 300,
            b",,,==",
        ]
    )
    few = st.lists(st.tuples(names, values), max_size=12)
    many = st.tuples(names, values, st.sampled_from([500, 4000])).map(lambda t: [(t[0], t[1][:100])] * t[2])
    numbered = st.sampled_from([[(b"x-%d" % n, b"v") for n in range(3000)]])
    return few | many | numbered
