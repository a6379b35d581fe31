# cython: autotestdict=False
# cython: embedsignature=True
"""The binding: converts arguments, calls libpaycrypto, turns its status into an exception. Documented in the .pyi."""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_AsStringAndSize, PyBytes_CheckExact, PyBytes_GET_SIZE
from cpython.pystate cimport PyThreadState
from cpython.unicode cimport PyUnicode_DecodeASCII
from libc.stdint cimport int64_t, uint8_t

from paycrypto._paycrypto cimport (
    BackendName,
    ByteView,
    ByteViews,
    CHmacSha256Key,
    ClockWindow,
    EncodeHex,
    Equal,
    HmacSha256Keys,
    HmacSha256Tag,
    LibcryptoVersion,
    LibraryVersion,
    Sha512,
    Sha512Digest,
    SignedHeader,
    SignTimestampedHmac,
    Status,
    VerifySha512Concat,
    VerifyTimestampedHmac,
    VerifyToken,
    kHmacSha256Bytes,
    kSha512Bytes,
)

from paycrypto._errors import InvalidSignature, Reason

cdef extern from "Python.h":
    # Cython's own Py_buffer holds `obj` as an object, which could not be NULL for a buffer that needs no release.
    ctypedef struct PyBuffer "Py_buffer":
        void* buf
        void* obj
        Py_ssize_t len

    int PyObject_GetBuffer(object data, PyBuffer* buffer, int flags) except -1
    void PyBuffer_Release(PyBuffer* buffer)
    PyThreadState* PyEval_SaveThread()
    void PyEval_RestoreThread(PyThreadState* state)
    bint PyUnicode_IS_COMPACT_ASCII(object text)
    void* PyUnicode_DATA(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)

cdef enum:
    _ITEMS_MAX = 16
    # With less than this to hash, letting go of the GIL costs more than it can win: another thread may then hold it
    # for a whole switch interval of 5 ms, while this many bytes take 0.14 ms.
    _GIL_RELEASED_FROM_BYTES = 256 * 1024

ITEMS_MAX = _ITEMS_MAX
__impl__ = {
    "library": LibraryVersion().decode("ascii"),
    "backend": BackendName().decode("ascii"),
    "libcrypto": LibcryptoVersion().decode("ascii"),
}


cdef int check(Status status) except -1:
    """The one table from Status to exceptions."""
    if status == Status.kOk:
        return 0
    if status == Status.kMalformed:
        raise InvalidSignature(Reason.MALFORMED)
    if status == Status.kNoMatch:
        raise InvalidSignature(Reason.NO_MATCH)
    if status == Status.kOutsideWindow:
        raise InvalidSignature(Reason.OUTSIDE_WINDOW)
    if status == Status.kInvalidArgument:
        raise ValueError("a secret has 1 to 4096 bytes; a time is not negative and has at most 15 digits")
    raise RuntimeError("libcrypto failed")


cdef int hold(data, PyBuffer* buffer) except -1:
    """Fill `buffer` with the bytes of `data`, which must outlive it; the caller releases it."""
    if PyBytes_CheckExact(data):
        buffer.obj = NULL
        buffer.buf = PyBytes_AS_STRING(data)
        buffer.len = PyBytes_GET_SIZE(data)
        return 0
    return PyObject_GetBuffer(data, buffer, PyBUF_SIMPLE)


cdef int hold_text(text, PyBuffer* buffer) except -1:
    """As `hold`; a str stands for its UTF-8 bytes."""
    if not isinstance(text, str):
        return hold(text, buffer)
    if PyUnicode_IS_COMPACT_ASCII(text):
        buffer.obj = NULL
        buffer.buf = PyUnicode_DATA(text)
        buffer.len = PyUnicode_GET_LENGTH(text)
        return 0
    # A lone surrogate is hostile input too, and must be refused as such.
    return PyObject_GetBuffer(text.encode("utf-8", "surrogatepass"), buffer, PyBUF_SIMPLE)


cdef int hold_second(data, PyBuffer* buffer, PyBuffer* first) except -1:
    """As `hold`; releases `first` when it fails."""
    try:
        return hold(data, buffer)
    except BaseException:
        PyBuffer_Release(first)
        raise


cdef inline ByteView view(const PyBuffer* buffer) noexcept:
    cdef ByteView result
    result.data = <const uint8_t*>buffer.buf
    result.size = <size_t>buffer.len
    return result


cdef tuple items_of(sequence):
    """The items, in a tuple that no other thread can change."""
    cdef tuple items = tuple(sequence)
    if len(items) > _ITEMS_MAX:
        raise ValueError(f"at most {ITEMS_MAX} items are allowed, not {len(items)}")
    return items


cdef ByteViews views(tuple items, ByteView* array) except *:
    cdef ByteViews result
    cdef char* data
    cdef Py_ssize_t size
    cdef Py_ssize_t at
    for at in range(len(items)):
        PyBytes_AsStringAndSize(items[at], &data, &size)
        array[at].data = <const uint8_t*>data
        array[at].size = <size_t>size
    result.data = array
    result.size = <size_t>len(items)
    return result


cdef inline PyThreadState* leave_gil(size_t hashed_bytes) noexcept:
    """Nothing of Python may be touched until `enter_gil`."""
    return PyEval_SaveThread() if hashed_bytes >= _GIL_RELEASED_FROM_BYTES else NULL


cdef inline void enter_gil(PyThreadState* state) noexcept:
    if state != NULL:
        PyEval_RestoreThread(state)


@cython.final
cdef class HmacSha256Key:
    """A secret for HMAC-SHA256, ready to sign and verify; wiped from memory with the object."""

    cdef CHmacSha256Key key

    def __cinit__(self, secret):
        cdef PyBuffer buffer
        hold(secret, &buffer)
        cdef Status status = CHmacSha256Key.Create(view(&buffer), &self.key)
        PyBuffer_Release(&buffer)
        check(status)

    def sign(self, message):
        """Return the 32-byte HMAC-SHA256 of `message`."""
        cdef HmacSha256Tag tag
        cdef ByteViews parts
        cdef PyBuffer buffer
        hold(message, &buffer)
        cdef ByteView whole = view(&buffer)
        parts.data = &whole
        parts.size = 1
        cdef PyThreadState* left = leave_gil(whole.size)
        cdef Status status = self.key.Sign(parts, &tag)
        enter_gil(left)
        PyBuffer_Release(&buffer)
        check(status)
        return (<char*>tag.data())[:kHmacSha256Bytes]

    def verify(self, message, tag):
        """Raise InvalidSignature unless `tag` is the HMAC-SHA256 of `message`."""
        cdef PyBuffer message_buffer
        cdef PyBuffer tag_buffer
        hold(message, &message_buffer)
        hold_second(tag, &tag_buffer, &message_buffer)
        cdef PyThreadState* left = leave_gil(<size_t>message_buffer.len)
        cdef Status status = self.key.Verify(view(&message_buffer), view(&tag_buffer))
        enter_gil(left)
        PyBuffer_Release(&tag_buffer)
        PyBuffer_Release(&message_buffer)
        check(status)

    def __reduce__(self):
        raise TypeError("HmacSha256Key cannot be pickled or copied: it holds a secret")

    def __repr__(self):
        return "<HmacSha256Key ***>"


def verify_timestamped_hmac(header, body, keys, int64_t now_s, int64_t tolerance_s):
    """Return the index of the key that signed `body` in a `t=,v1=` header; raise InvalidSignature if none did."""
    cdef const CHmacSha256Key* key_array[_ITEMS_MAX]
    cdef HmacSha256Keys live
    cdef ClockWindow window
    cdef size_t matched = 0
    cdef PyBuffer header_buffer
    cdef PyBuffer body_buffer
    cdef tuple items = items_of(keys)
    cdef Py_ssize_t at
    for at in range(len(items)):
        key_array[at] = &(<HmacSha256Key?>items[at]).key
    live.data = key_array
    live.size = <size_t>len(items)
    window.now_s = now_s
    window.tolerance_s = tolerance_s
    hold_text(header, &header_buffer)
    hold_second(body, &body_buffer, &header_buffer)
    cdef PyThreadState* left = leave_gil(<size_t>body_buffer.len * live.size)
    cdef Status status = VerifyTimestampedHmac(view(&header_buffer), view(&body_buffer), live, window, &matched)
    enter_gil(left)
    PyBuffer_Release(&body_buffer)
    PyBuffer_Release(&header_buffer)
    check(status)
    return matched


def sign_timestamped_hmac(HmacSha256Key key not None, body, int64_t timestamp_s):
    """Return the header `t=<timestamp_s>,v1=<hex>` that signs `body`."""
    cdef SignedHeader header
    cdef PyBuffer buffer
    hold(body, &buffer)
    cdef PyThreadState* left = leave_gil(<size_t>buffer.len)
    cdef Status status = SignTimestampedHmac(key.key, view(&buffer), timestamp_s, &header)
    enter_gil(left)
    PyBuffer_Release(&buffer)
    check(status)
    return PyUnicode_DecodeASCII(header.text, <Py_ssize_t>header.size, NULL)


def verify_sha512_concat(parts, expected_hex):
    """Raise InvalidSignature unless `expected_hex` is the SHA-512 of the parts joined without a separator."""
    cdef ByteView array[_ITEMS_MAX]
    cdef tuple items = items_of(parts)
    cdef ByteViews joined = views(items, array)
    cdef PyBuffer buffer
    hold_text(expected_hex, &buffer)
    cdef Status status = VerifySha512Concat(joined, view(&buffer))
    PyBuffer_Release(&buffer)
    check(status)


def sha512_hex(data):
    """Return the SHA-512 of `data` as 128 lower-case hex characters."""
    cdef char text[2 * 64]
    cdef Sha512Digest digest
    cdef ByteView whole
    cdef ByteViews parts
    cdef PyBuffer buffer
    hold(data, &buffer)
    whole = view(&buffer)
    parts.data = &whole
    parts.size = 1
    cdef PyThreadState* left = leave_gil(whole.size)
    cdef Status status = Sha512(parts, &digest)
    enter_gil(left)
    PyBuffer_Release(&buffer)
    check(status)
    whole.data = digest.data()
    whole.size = kSha512Bytes
    EncodeHex(whole, text)
    return PyUnicode_DecodeASCII(text, sizeof(text), NULL)


def verify_token(received, expected):
    """Return the index of the expected token that equals `received`; raise InvalidSignature if none does."""
    cdef ByteView array[_ITEMS_MAX]
    cdef size_t matched = 0
    cdef tuple items = items_of(expected)
    cdef ByteViews tokens = views(items, array)
    cdef PyBuffer buffer
    hold_text(received, &buffer)
    cdef Status status = VerifyToken(view(&buffer), tokens, &matched)
    PyBuffer_Release(&buffer)
    check(status)
    return matched


def equal(left, right):
    """Whether both hold the same bytes, in a time that depends on their lengths only."""
    cdef PyBuffer left_buffer
    cdef PyBuffer right_buffer
    hold(left, &left_buffer)
    hold_second(right, &right_buffer, &left_buffer)
    cdef bint same = Equal(view(&left_buffer), view(&right_buffer))
    PyBuffer_Release(&right_buffer)
    PyBuffer_Release(&left_buffer)
    return same
