"""
Builds the event of a REST API with Lambda proxy integration (payload format 1.0).

Source: "Input format of a Lambda function for proxy integration", Amazon API Gateway developer guide.
"""

import base64
import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from paylink_local.gateway.requests import RawHeaders
from paylink_local.template.model import ACCOUNT_ID

STAGE = "local"


def build_event(
    *,
    method: str,
    route: str,
    path: str,
    parameters: dict[str, str],
    query: dict[str, list[str]],
    headers: RawHeaders,
    body: bytes,
    request_id: str,
    source_ip: str,
    port: int,
) -> dict[str, Any]:
    """
    Return the event. `route` is the path in the template, `path` the decoded one that was asked for.

    Bodies are base64 whatever they hold, and an empty one is null. Header names are lower case; their values are
    read as Latin-1, so that every byte arrives. Where a single value is asked for, the last one counts.
    """
    multi_headers: dict[str, list[str]] = {}
    for name, value in headers:
        multi_headers.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
    multi_headers["x-forwarded-proto"] = ["http"]
    multi_headers["x-forwarded-port"] = [str(port)]
    single_headers = {name: values[-1] for name, values in multi_headers.items()}
    now_s = time.time()
    return {
        "resource": route,
        "path": path,
        "httpMethod": method,
        "headers": single_headers,
        "multiValueHeaders": multi_headers,
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": parameters or None,
        "stageVariables": None,
        "requestContext": {
            "accountId": ACCOUNT_ID,
            "apiId": STAGE,
            "domainName": single_headers.get("host"),
            "extendedRequestId": request_id,
            "httpMethod": method,
            "identity": _identity(source_ip, single_headers.get("user-agent")),
            "path": f"/{STAGE}{path}",
            "protocol": "HTTP/1.1",
            "requestId": request_id,
            "requestTime": _request_time(int(now_s)),
            "requestTimeEpoch": int(now_s * 1000),
            "resourceId": route,
            "resourcePath": route,
            "stage": STAGE,
        },
        "body": base64.b64encode(body).decode() if body else None,
        "isBase64Encoded": True,
    }


@lru_cache(maxsize=4)
def _request_time(now_s: int) -> str:
    return datetime.fromtimestamp(now_s, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")


def _identity(source_ip: str, user_agent: str | None) -> dict[str, str | None]:
    return {
        "accountId": None,
        "apiKey": None,
        "caller": None,
        "cognitoAuthenticationProvider": None,
        "cognitoAuthenticationType": None,
        "cognitoIdentityPoolId": None,
        "sourceIp": source_ip,
        "user": None,
        "userAgent": user_agent,
        "userArn": None,
    }
