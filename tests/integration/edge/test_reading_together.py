"""GET /v1/tx/{id} of many at once: they are counted and read together, and each gets what is its own."""

import http.client
import json
import random
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from paylink.core.errors import PROBLEM_BASE, StorageUnavailable
from support.gateway import running_gateway
from support.stack import Answer, Stack
from support.tenants import Tenant, ask, make_key, make_tenant

CLIENTS, ASKED_BY_EACH = 24, 40


@dataclass(frozen=True)
class Question:
    key: str
    target: str
    status: int
    shown: str
    """The id of the transaction, or the problem's slug."""


def get(port: int, question: Question, request_id: str) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
    try:
        headers = {"Authorization": f"Bearer {question.key}", "X-Request-Id": request_id}
        connection.request("GET", question.target, headers=headers)
        response = connection.getresponse()
        return Answer(response.status, dict(response.getheaders()), json.loads(response.read()))
    finally:
        connection.close()


def checkout(stack: Stack, tenant: Tenant, reference: str) -> str:
    order = {"amount": 150_000, "currency": "IDR", "order_reference": reference, "success_url": "https://shop.example/"}
    answer = ask(stack, tenant.key, "POST", "/v1/checkout", order)
    assert answer.status == 201, answer
    transaction_id: str = answer.body["id"]
    return transaction_id


def questions(stack: Stack) -> list[Question]:
    """What two merchants may ask of each other's and their own, rightly and wrongly."""
    tenants = [make_tenant(stack, name) for name in ("Merah", "Putih")]
    owned = [[checkout(stack, tenant, f"{tenant.account}-{n}") for n in range(3)] for tenant in tenants]
    found = []
    for tenant, mine, others in zip(tenants, owned, reversed(owned), strict=True):
        found += [Question(tenant.key, f"/v1/tx/{one}", 200, one) for one in mine]
        found += [Question(tenant.key, f"/v1/tx/{one}", 404, "not-found") for one in others]
        found += [
            Question(tenant.key, f"/v1/tx/{uuid.uuid4()}", 404, "not-found"),
            Question(tenant.key, "/v1/tx/nonsense", 422, "invalid-fields"),
            Question(tenant.key, f"/v1/tx/{mine[0]}?expand=all", 422, "invalid-fields"),
            Question(make_key(stack, ["refund:write"], tenant.id), f"/v1/tx/{mine[0]}", 403, "forbidden"),
            Question(tenant.key + "x", f"/v1/tx/{mine[0]}", 401, "unauthenticated"),
        ]
    operator = make_key(stack, ["events:read", "merchants:read"], None)
    return [*found, Question(operator, f"/v1/tx/{owned[0][0]}", 403, "forbidden")]


def test_each_gets_its_own_answer(stack: Stack, tmp_path: Path):
    asked = questions(stack)

    def client(seed: int, port: int) -> None:
        chance = random.Random(seed)
        for n in range(ASKED_BY_EACH):
            question, request_id = chance.choice(asked), f"{seed}-{n}"
            answer = get(port, question, request_id)
            shown = answer.body["id"] if answer.status == 200 else answer.body["type"].removeprefix(PROBLEM_BASE)
            assert (answer.status, shown) == (question.status, question.shown), question
            assert answer.headers["x-request-id"] == request_id
            # Who was let in was counted, whatever came of it.
            assert ("ratelimit" in answer.headers) == (question.status != 401), question

    with running_gateway(stack, tmp_path / "gateway.log") as (port, _), ThreadPoolExecutor(CLIENTS) as threads:
        for done in [threads.submit(client, seed, port) for seed in range(CLIENTS)]:
            done.result()


def test_no_more_are_answered_than_the_limit_lets_in(stack: Stack, tmp_path: Path):
    tenant = make_tenant(stack, "Merah")
    mine = checkout(stack, tenant, "one")
    stack.forget("bucket")
    limits = {"PAYLINK_RATE_LIMIT_PER_S": "1", "PAYLINK_RATE_LIMIT_BURST": "40"}
    right = Question(tenant.key, f"/v1/tx/{mine}", 200, mine)
    wrong = Question(tenant.key, "/v1/tx/nonsense", 422, "invalid-fields")
    with running_gateway(stack, tmp_path / "gateway.log", **limits) as (port, _), ThreadPoolExecutor(30) as threads:
        answers = list(threads.map(lambda n: get(port, wrong if n % 3 == 0 else right, str(n)), range(120)))
    told = Counter(answer.status for answer in answers)
    # A token a second comes back meanwhile.
    assert 40 <= told[200] + told[422] <= 50, told
    assert told[200] + told[422] + told[429] == 120
    for answer in answers:
        assert ("retry-after" in answer.headers) == (answer.status == 429)


def test_without_redis_all_are_answered(stack: Stack, tmp_path: Path):
    tenant = make_tenant(stack, "Merah")
    mine = checkout(stack, tenant, "one")
    nowhere = {"PAYLINK_REDIS_URL": "unix:///nowhere/redis.sock"}
    question = Question(tenant.key, f"/v1/tx/{mine}", 200, mine)
    with running_gateway(stack, tmp_path / "gateway.log", **nowhere) as (port, _), ThreadPoolExecutor(30) as threads:
        answers = list(threads.map(lambda n: get(port, question, str(n)), range(60)))
    assert {answer.status for answer in answers} == {200}


def test_without_postgres_all_are_told_so_in_time(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    tenant = make_tenant(stack, "Merah")
    mine = checkout(stack, tenant, "one")

    def away(*arguments: object, **options: object) -> None:
        raise StorageUnavailable(retry_after_s=2)

    assert ask(stack, tenant.key, "GET", f"/v1/tx/{mine}").status == 200
    with monkeypatch.context() as patch, ThreadPoolExecutor(8) as threads:
        # The key would be looked up first.
        door = stack.deps.door
        caller = door.authenticate(f"Bearer {tenant.key}", lambda: "-")
        patch.setattr(door, "authenticate", lambda authorization, source: caller)
        patch.setattr(stack.deps.database, "run", away)
        answers = list(threads.map(lambda _: ask(stack, tenant.key, "GET", f"/v1/tx/{mine}"), range(16)))
    assert {(answer.status, answer.headers["Retry-After"]) for answer in answers} == {(503, "2")}
    assert ask(stack, tenant.key, "GET", f"/v1/tx/{mine}").body["id"] == mine
