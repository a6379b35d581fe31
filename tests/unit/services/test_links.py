"""The links of a transaction: what can be done from its state, each behind a route that is there."""

import pytest

from paylink.core.states import HAS_MONEY, State
from paylink.services.reading import _links
from paylink_local.gateway.routing import Router, split_path
from paylink_local.template import find_template, load_template

ID = "01a20424-87af-733b-acc9-7648afd371ce"
ROUTES = Router((route, function) for route, function in load_template(find_template({}), {}).routes())
DOINGS = {"cancel": {State.PENDING, State.AUTHORIZED}, "capture": {State.AUTHORIZED}, "refunds": HAS_MONEY}


def links(state: State) -> dict[str, str]:
    return _links({"id": ID, "state": state.value, "captured": 150_000 if state in HAS_MONEY else 0})


@pytest.mark.parametrize("state", State)
def test_a_link_stands_where_it_makes_sense(state: State):
    assert set(links(state)) == {"self", "events"} | {name for name, states in DOINGS.items() if state in states}


@pytest.mark.parametrize("name", ["self", "events", *DOINGS])
def test_a_link_leads_to_a_route(name: str):
    (target,) = {found[name] for state in State if name in (found := links(state))}
    match = ROUTES.match(split_path(target.partition("?")[0]))
    if match is None and name in DOINGS and ROUTES.match(["v1", "tx", ID, "refunds"]) is None:
        pytest.skip("refunds, cancel and capture are not merged yet")
    assert match is not None, target
    assert match.path.startswith("/v1/")
