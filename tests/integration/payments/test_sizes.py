"""What is permitted fits: into a row, and into the 6 MiB that a function may answer, however it is written in JSON."""

import json
import uuid
from typing import Any
from urllib.parse import parse_qs

import pytest

from paylink_local.gateway.events import build_event
from paylink_local.gateway.responses import read_answer
from paylink_local.gateway.routing import split_path
from support.stack import ORDER, Answer, Stack

BYTES_MAX = 8192
LETTERS = ["a", '"', "é", "語", "😀"]
"""Of one to four bytes, and one that JSON escapes."""

COPIES = 199
COPY_TRANSACTION = f"""
insert into transactions (id, merchant_id, account_id, provider, order_reference, state, amount, currency, metadata,
                          description, success_url, expires_at, created_at)
select gen_random_uuid(), merchant_id, account_id, provider, order_reference, 'pending', amount, currency, metadata,
       description, success_url, expires_at, created_at
  from transactions, generate_series(1, {COPIES})"""
COPY_REFUND = """
insert into refunds (id, transaction_id, merchant_id, account_id, amount, currency, metadata, reason, state, error,
                     locked_until, created_at)
select gen_random_uuid(), transaction_id, merchant_id, account_id, amount, currency, metadata, reason, 'failed',
       repeat('x', 200), now(), created_at
  from refunds, generate_series(2, 100)"""


def metadata_of(letter: str, bytes_in_all: int = BYTES_MAX) -> dict[str, str]:
    """Return metadata whose names and texts have so many bytes: full of a letter, and filled up with x."""
    names = [f"n{number:02}" for number in range(20)]
    left = bytes_in_all - sum(map(len, names))
    metadata = {}
    for place, name in enumerate(names):
        share = left // (20 - place)
        letters = min(500, share // len(letter.encode()))
        metadata[name] = letter * letters + "x" * min(500 - letters, share - letters * len(letter.encode()))
        left -= len(metadata[name].encode())
    assert left == 0
    return metadata


def send(stack: Stack, path: str, body: Any) -> Answer:
    """Send a body in UTF-8 without escapes, which would take more than a request may have."""
    key = stack.environ["PAYLINK_DEMO_MERCHANT_KEY"]
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": uuid.uuid4().hex}
    return stack.call("POST", path, headers=headers, raw=json.dumps(body, ensure_ascii=False).encode())


def got(stack: Stack, path: str) -> Any:
    """Return an answer that came through the gateway's checks of what a function may answer."""
    path, _, query = path.partition("?")
    match = stack.router.match(split_path(path))
    assert match is not None
    function = match.target("GET")
    assert function is not None
    event = build_event(
        method="GET",
        route=match.path,
        path=path,
        parameters=match.parameters,
        query=parse_qs(query),
        headers=[(b"authorization", f"Bearer {stack.environ['PAYLINK_DEMO_MERCHANT_KEY']}".encode())],
        body=b"",
        request_id=str(uuid.uuid4()),
        source_ip="127.0.0.1",
        port=8080,
    )
    response = read_answer(function.call(event))
    assert response.status == 200
    return json.loads(response.body)


@pytest.mark.parametrize("letter", LETTERS)
def test_metadata_is_taken_up_to_8_kib_and_not_a_byte_more(stack: Stack, letter: str):
    metadata = metadata_of(letter)
    made = send(stack, "/v1/checkout", ORDER | {"metadata": metadata})
    assert made.status == 201, made
    assert stack.transaction(made.body["id"])["metadata"] == metadata
    refused = send(stack, "/v1/checkout", ORDER | {"metadata": metadata_of(letter, BYTES_MAX + 1)})
    assert (refused.status, refused.problem) == (422, "invalid-fields")
    says = "all names and texts together have at most 8192 bytes in UTF-8"
    assert refused.body["errors"] == [{"field": "metadata", "message": says}]


def test_a_refunds_metadata_has_the_same_limit(stack: Stack):
    path = f"/v1/tx/{stack.paid()['id']}/refunds"
    refused = send(stack, path, {"metadata": metadata_of("語", BYTES_MAX + 1)})
    assert [error["field"] for error in refused.body["errors"]] == ["metadata"]
    assert send(stack, path, {"metadata": metadata_of("語")}).body["metadata"] == metadata_of("語")
    stack.settle()


@pytest.mark.parametrize("letter", LETTERS)
def test_a_transaction_with_all_that_it_may_have_fits_into_an_answer(stack: Stack, letter: str):
    """It and its refunds, of which there are as many and as large as may be."""
    large = {"metadata": metadata_of(letter)}
    items = [{"name": letter * 100, "quantity": 1, "unit_amount": 3000}] * 50
    made = send(stack, "/v1/checkout", ORDER | large | {"items": items, "description": letter * 200})
    assert made.status == 201, made
    stack.pay(made.body["checkout_url"])
    stack.settle()
    path = f"/v1/tx/{made.body['id']}"
    assert send(stack, f"{path}/refunds", large | {"amount": 1000, "reason": letter * 200}).status == 201
    stack.settle()
    stack.rows(COPY_REFUND)
    refunds = got(stack, f"{path}/refunds")["refunds"]
    assert got(stack, path)["refunds"] == refunds
    assert [refund["metadata"] for refund in refunds] == [large["metadata"]] * 100


@pytest.mark.parametrize("letter", LETTERS)
def test_a_page_of_large_transactions_fits_into_an_answer_and_pages_hold_all(stack: Stack, letter: str):
    order = ORDER | {"metadata": metadata_of(letter), "description": letter * 200}
    assert send(stack, "/v1/checkout", order).status == 201
    stack.rows(COPY_TRANSACTION)
    seen: list[str] = []
    page = got(stack, "/v1/tx?limit=200")
    while True:
        seen += [transaction["id"] for transaction in page["transactions"]]
        if page["next_cursor"] is None:
            break
        page = got(stack, f"/v1/tx?limit=200&cursor={page['next_cursor']}")
    assert seen == [str(r["id"]) for r in stack.rows("select id from transactions order by created_at desc, id desc")]
    assert len(seen) == COPIES + 1


def test_a_page_ends_before_it_is_too_large(stack: Stack):
    """In JSON a quotation mark takes two bytes, and four in an answer of Lambda's."""
    assert send(stack, "/v1/checkout", ORDER | {"metadata": metadata_of('"')}).status == 201
    stack.rows(COPY_TRANSACTION)
    page = got(stack, "/v1/tx?limit=200")
    assert page["next_cursor"] is not None
    assert 1_900_000 < len(json.dumps(page, ensure_ascii=False)) < 2_100_000
