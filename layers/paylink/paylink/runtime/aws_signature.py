"""
Signs requests to AWS (Signature Version 4) with the credentials that Lambda puts into the environment.

Source: "Create a signed AWS API request", AWS Identity and Access Management user guide. botocore is its test oracle.
"""

import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from paylink.core.secret import Secret

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True)
class Signer:
    """For one service in one region."""

    service: str
    region: str
    key_id: str
    secret_key: Secret
    token: Secret | None

    @classmethod
    def from_environment(cls, service: str, environ: Mapping[str, str] = os.environ) -> "Signer":
        """
        Raises:
            KeyError: The region or the credentials are not there.
        """
        region = environ.get("AWS_REGION") or environ["AWS_DEFAULT_REGION"]
        token = environ.get("AWS_SESSION_TOKEN")
        secret_key = Secret(environ["AWS_SECRET_ACCESS_KEY"])
        return cls(service, region, environ["AWS_ACCESS_KEY_ID"], secret_key, Secret(token) if token else None)

    def sign(self, host: str, headers: Mapping[str, str], body: bytes, now: datetime) -> dict[str, str]:
        """Return all headers of a POST to `/` without a query; `headers` are those it has besides, in lower case."""
        stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        signed = {**headers, "host": host, "x-amz-date": stamp}
        if self.token is not None:
            signed["x-amz-security-token"] = self.token.reveal()
        names = ";".join(sorted(signed))
        lines = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
        request = f"POST\n/\n\n{lines}\n{names}\n{sha256(body).hexdigest()}"
        scope = f"{stamp[:8]}/{self.region}/{self.service}/aws4_request"
        text = f"{_ALGORITHM}\n{stamp}\n{scope}\n{sha256(request.encode()).hexdigest()}"
        signature = hmac.digest(self._key(stamp[:8]), text.encode(), "sha256").hex()
        signed["authorization"] = (
            f"{_ALGORITHM} Credential={self.key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
        )
        return signed

    def _key(self, day: str) -> bytes:
        key = b"AWS4" + self.secret_key.reveal().encode()
        for part in (day, self.region, self.service, "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        return key
