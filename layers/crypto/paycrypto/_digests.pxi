# Digests, what compares with them, and the codecs.


def sha256(data, /):
    """Return the SHA-256 of the data, 32 bytes."""
    cdef Bytes held
    cdef Sha256Digest digest
    held.Hold(data)
    cdef PyThreadState* left = leave_gil(held.Size())
    cdef Status status = Sha256(held.Parts(), &digest)
    enter_gil(left)
    check(status, None)
    return PyBytes_FromStringAndSize(<char*>digest.data(), <Py_ssize_t>digest.size())


def sha512(data, /):
    """Return the SHA-512 of the data, 64 bytes."""
    cdef Bytes held
    cdef Sha512Digest digest
    held.Hold(data)
    cdef PyThreadState* left = leave_gil(held.Size())
    cdef Status status = Sha512(held.Parts(), &digest)
    enter_gil(left)
    check(status, None)
    return PyBytes_FromStringAndSize(<char*>digest.data(), <Py_ssize_t>digest.size())


def verify_sha512_concat(parts, expected_hex, /):
    """Raise InvalidSignature unless `expected_hex` is the SHA-512 of the parts joined without a separator."""
    cdef Items held
    cdef Bytes expected
    held.HoldBytes(parts)
    expected.HoldText(expected_hex)
    cdef PyThreadState* left = leave_gil(held.TotalSize())
    cdef Status status = VerifySha512Concat(held.Views(), expected.View())
    enter_gil(left)
    check(status, None)


def verify_token(received, expected, /):
    """Return the index of the expected token that equals `received`; raise InvalidSignature if none does."""
    cdef Items held
    cdef Bytes token
    cdef size_t matched = 0
    held.HoldBytes(expected)
    token.HoldText(received)
    check(VerifyToken(token.View(), held.Views(), &matched), None)
    return matched


def equal(left, right, /):
    """Whether both hold the same bytes, in a time that depends on their lengths only."""
    cdef Bytes left_bytes
    cdef Bytes right_bytes
    left_bytes.Hold(left)
    right_bytes.Hold(right)
    return Equal(left_bytes.View(), right_bytes.View())


def encode_hex(data, /):
    """Return the data as lower-case hex."""
    cdef Bytes held
    held.Hold(data)
    text = PyUnicode_New(<Py_ssize_t>(2 * held.Size()), 127)
    EncodeHex(held.View(), <char*>PyUnicode_DATA(text))
    return text


def decode_hex(text, /):
    """Return the bytes of lower-case hex; raise ValueError for anything else."""
    cdef Bytes held
    held.HoldText(text)
    data = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>(held.Size() // 2))
    if DecodeHex(held.View(), <uint8_t*>PyBytes_AS_STRING(data), held.Size() // 2) != Status.kOk:
        raise ValueError("not an even number of characters [0-9a-f]")
    return data


def encode_base64(data, /):
    """Return the data as base64 with padding."""
    cdef Bytes held
    held.Hold(data)
    text = PyUnicode_New(<Py_ssize_t>Base64Size(held.Size()), 127)
    EncodeBase64(held.View(), <char*>PyUnicode_DATA(text))
    return text


def decode_base64(text, /):
    """Return the bytes of canonical base64; raise ValueError for anything else."""
    cdef Bytes held
    cdef size_t size = 0
    held.HoldText(text)
    cdef Status status = DecodedBase64Size(held.View(), &size)
    data = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>size)
    if status == Status.kOk:
        status = DecodeBase64(held.View(), <uint8_t*>PyBytes_AS_STRING(data), size)
    if status != Status.kOk:
        raise ValueError("not canonical base64 (RFC 4648 section 4, with padding)")
    return data
