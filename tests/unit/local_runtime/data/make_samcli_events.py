"""
Writes samcli_events.json: requests, and the REST v1 events that AWS SAM CLI's own code makes of them.

Run in an environment of its own, since SAM CLI pins much of what it needs:
`pip install aws-sam-cli==1.170.* && python make_samcli_events.py`.
SAM CLI sees a request through Flask, which writes header names its own way (`Content-Type`) and joins repeated headers,
so the requests here have none: those are tested from API Gateway's documentation.
"""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

from flask import Flask, request
from samcli.local.apigw.event_constructor import construct_v1_event

REQUESTS: list[dict[str, Any]] = [
    {"route": "/v1/checkout", "method": "POST", "target": "/v1/checkout", "body": '{"amount": 24145}',
     "headers": {"Content-Type": "application/json", "Idempotency-Key": "k-1"}},
    {"route": "/v1/tx/{id}", "method": "GET", "target": "/v1/tx/a%20b%2Bc", "body": None, "headers": {"Accept": "*/*"}},
    {"route": "/v1/tx", "method": "GET", "target": "/v1/tx?limit=10&state=paid&state=failed&cursor=&q=a+b%26c%C3%A9",
     "body": None, "headers": {}},
    {"route": "/v1/webhook/{provider}/{account}", "method": "POST", "target": "/v1/webhook/acme/one?x=%2F",
     "body": "\u00e9\u0000 raw", "headers": {"Content-Type": "text/plain"}},
]  # fmt: skip


def event_of(case: dict[str, Any]) -> Any:
    app = Flask(__name__)
    made: list[Any] = []

    def view(**_: str) -> str:
        made.append(construct_v1_event(request, 8080, ["*/*"], stage_name="local"))
        return ""

    rule = case["route"].replace("{", "<").replace("}", ">")
    # SAM CLI names the endpoint by the rule, and reads the resource path from there.
    app.add_url_rule(rule, endpoint=rule, view_func=view, methods=[case["method"]])
    answer = app.test_client().open(
        case["target"],
        method=case["method"],
        headers={"Host": "localhost:8080", **case["headers"]},
        data=None if case["body"] is None else case["body"].encode(),
    )
    assert answer.status_code == 200, (case, answer.status)
    return made[0]


if __name__ == "__main__":
    document = {
        "made_by": f"make_samcli_events.py with aws-sam-cli {version('aws-sam-cli')}",
        "cases": [{**case, "event": event_of(case)} for case in REQUESTS],
    }
    path = Path(__file__).with_name("samcli_events.json")
    path.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")
