# Whole checks of a provider's kind of signature.


def verify_timestamped_hmac(header, body, keys, now_s, tolerance_s):
    """Return the index of the key that signed `body` in a `t=,v1=` header; raise InvalidSignature if none did."""
    cdef const CHmacSha256Key* array[kItemsMax]
    cdef HmacSha256Keys live
    cdef Items held_keys
    cdef Bytes held_header
    cdef Bytes held_body
    cdef ClockWindow window
    cdef size_t matched = 0
    window.now_s = seconds(now_s)
    window.tolerance_s = seconds(tolerance_s)
    hold_keys(keys, &held_keys, array, &live)
    held_header.HoldText(header)
    held_body.Hold(body)
    cdef PyThreadState* left = leave_gil(held_body.Size() * live.size)
    cdef Status status = VerifyTimestampedHmac(held_header.View(), held_body.View(), live, window, &matched)
    enter_gil(left)
    check(status, _TIME_LIMITS)
    return matched


def sign_timestamped_hmac(HmacSha256Key key not None, body, timestamp_s):
    """Return the header `t=<timestamp_s>,v1=<hex>` that signs `body`."""
    cdef SignedHeader header
    cdef Bytes held
    cdef int64_t signed_s = seconds(timestamp_s)
    held.Hold(body)
    cdef PyThreadState* left = leave_gil(held.Size())
    cdef Status status = SignTimestampedHmac(key.key, held.View(), signed_s, &header)
    enter_gil(left)
    check(status, _TIME_LIMITS)
    return PyUnicode_DecodeASCII(header.text, <Py_ssize_t>header.size, NULL)


def parse_webhook_secret(text, /):
    """Return the key of a Standard Webhooks secret, `whsec_<base64>`; raise ValueError if it is none."""
    cdef Bytes held
    held.HoldText(text)
    cdef HmacSha256Key key = HmacSha256Key(b"a key is never empty; this one is replaced")
    cdef Status status = ParseWebhookSecret(held.View(), &key.key)
    if status == Status.kMalformed:
        raise ValueError("not whsec_ and the canonical base64 of 16 to 128 bytes")
    check(status, None)
    return key


def verify_standard_webhook(body, keys, *, id, timestamp, signature, now_s, tolerance_s):
    """Return the index of the key that signed `body` by Standard Webhooks 1.0; raise InvalidSignature if none did."""
    cdef const CHmacSha256Key* array[kItemsMax]
    cdef HmacSha256Keys live
    cdef Items held_keys
    cdef Bytes held_body
    cdef Bytes held_id
    cdef Bytes held_timestamp
    cdef Bytes held_signature
    cdef WebhookHeaders headers
    cdef ClockWindow window
    cdef size_t matched = 0
    window.now_s = seconds(now_s)
    window.tolerance_s = seconds(tolerance_s)
    hold_keys(keys, &held_keys, array, &live)
    held_body.Hold(body)
    held_id.HoldText(id)
    held_timestamp.HoldText(timestamp)
    held_signature.HoldText(signature)
    headers.id = held_id.View()
    headers.timestamp = held_timestamp.View()
    headers.signature = held_signature.View()
    cdef PyThreadState* left = leave_gil(held_body.Size() * live.size)
    cdef Status status = VerifyStandardWebhook(headers, held_body.View(), live, window, &matched)
    enter_gil(left)
    check(status, _TIME_LIMITS)
    return matched


def sign_standard_webhook(HmacSha256Key key not None, body, *, id, timestamp_s):
    """Return the `webhook-signature` of `body`: `v1,<base64>`."""
    cdef WebhookSignature signature
    cdef Bytes held_body
    cdef Bytes held_id
    cdef int64_t signed_s = seconds(timestamp_s)
    held_body.Hold(body)
    held_id.HoldText(id)
    cdef PyThreadState* left = leave_gil(held_body.Size())
    cdef Status status = SignStandardWebhook(key.key, held_id.View(), signed_s, held_body.View(), &signature)
    enter_gil(left)
    check(status, _FIELD_LIMITS)
    return PyUnicode_DecodeASCII(signature.text, sizeof(signature.text), NULL)


cdef int hold_components(
    client_id, request_id, timestamp, target, response, body, Bytes* held, SignedComponents* components
) except -1:
    """Point `components` at the values; `held`, which has room for five, must outlive it and holds the body last."""
    held[0].HoldText(client_id)
    held[1].HoldText(request_id)
    held[2].HoldText(timestamp)
    held[3].HoldText(target)
    components.client_id = held[0].View()
    components.request_id = held[1].View()
    components.timestamp = held[2].View()
    components.target = held[3].View()
    components.is_response = response
    components.has_body = body is not None
    if body is not None:
        held[4].Hold(body)
    return 0


def verify_component_signature(
    signature, body, keys, *, client_id, request_id, timestamp, target, response=False
):
    """Return the index of the key that signed the components and `body`; raise InvalidSignature if none did."""
    cdef const CHmacSha256Key* array[kItemsMax]
    cdef HmacSha256Keys live
    cdef Items held_keys
    cdef SignedComponents components
    cdef Bytes held[5]
    cdef Bytes held_signature
    cdef size_t matched = 0
    hold_keys(keys, &held_keys, array, &live)
    held_signature.HoldText(signature)
    hold_components(client_id, request_id, timestamp, target, response, body, held, &components)
    cdef PyThreadState* left = leave_gil(held[4].Size())
    cdef Status status = VerifyComponentSignature(held_signature.View(), components, held[4].View(), live, &matched)
    enter_gil(left)
    check(status, None)
    return matched


def sign_components(
    HmacSha256Key key not None, body, *, client_id, request_id, timestamp, target, response=False
):
    """Return `HMACSHA256=<base64>` over the components and the body's digest."""
    cdef ComponentSignature signature
    cdef SignedComponents components
    cdef Bytes held[5]
    hold_components(client_id, request_id, timestamp, target, response, body, held, &components)
    cdef PyThreadState* left = leave_gil(held[4].Size())
    cdef Status status = SignComponents(key.key, components, held[4].View(), &signature)
    enter_gil(left)
    check(status, _FIELD_LIMITS)
    return PyUnicode_DecodeASCII(signature.text, sizeof(signature.text), NULL)


def verify_transmission(signature, body, RsaPublicKey key not None, *, id, time, webhook_id):
    """Raise InvalidSignature unless `signature` is that of `<id>|<time>|<webhook_id>|<CRC-32 of the body>`."""
    cdef Transmission transmission
    cdef Bytes held_signature
    cdef Bytes held_body
    cdef Bytes held_id
    cdef Bytes held_time
    cdef Bytes held_webhook_id
    held_signature.HoldText(signature)
    held_body.Hold(body)
    held_id.HoldText(id)
    held_time.HoldText(time)
    held_webhook_id.HoldText(webhook_id)
    transmission.id = held_id.View()
    transmission.time = held_time.View()
    transmission.webhook_id = held_webhook_id.View()
    cdef PyThreadState* left = leave_gil(held_body.Size())
    cdef Status status = VerifyTransmission(held_signature.View(), transmission, held_body.View(), key.key)
    enter_gil(left)
    check(status, None)
