"""The signature inside each status answer and notification."""

import hashlib


def signature_key(order_id: str, status_code: str, gross_amount: str, server_key: str) -> str:
    """SHA-512 in lowercase hex over the strings exactly as they are sent. Source: Midtrans documentation."""
    return hashlib.sha512(f"{order_id}{status_code}{gross_amount}{server_key}".encode()).hexdigest()
