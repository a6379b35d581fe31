# cython: language_level=3
# cython: binding=False
# cython: embedsignature=True
# cython: embedsignature.format=clinic
# cython: auto_pickle=False
# cython: autotestdict=False
"""The binding: holds arguments, calls libpaycrypto, turns its status into an exception. Documented in the .pyi."""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.object cimport PyObject
from cpython.pystate cimport PyThreadState
from cpython.unicode cimport PyUnicode_DecodeASCII
from libc.stdint cimport int64_t, uint8_t
from libcpp.vector cimport vector

from paycrypto._paycrypto cimport *

from paycrypto._errors import InvalidSignature, Reason

cdef extern from "Python.h":
    PyThreadState* PyEval_SaveThread()
    void PyEval_RestoreThread(PyThreadState* state)
    object PyUnicode_New(Py_ssize_t size, Py_UCS4 maxchar)
    void* PyUnicode_DATA(object text)
    long long PyLong_AsLongLongAndOverflow(object value, int* overflow) except? -1

cdef enum:
    # With less than this to hash or to seal, letting go of the GIL costs more than it can win: another thread may then hold it
    # for a whole switch interval of 5 ms, while this many bytes take 0.14 ms.
    _GIL_RELEASED_FROM_BYTES = 256 * 1024

ITEMS_MAX = kItemsMax
__impl__ = {
    "library": LibraryVersion().decode("ascii"),
    "backend": BackendName().decode("ascii"),
    "batch": BatchBackendName().decode("ascii"),
    "libcrypto": LibcryptoVersion().decode("ascii"),
}

# What the caller did wrong when libpaycrypto says kInvalidArgument.
cdef str _SECRET_LIMITS = "a secret has 1 to 4096 bytes"
cdef str _TIME_LIMITS = "a time is not negative and has at most 15 digits"
cdef str _FIELD_LIMITS = "a signed field is not of its form, or the time is negative or has over 15 digits"
cdef str _AES_KEY_LIMITS = "a key of AES-256 has 32 bytes"
cdef str _SEAL_LIMITS = "a nonce has 12 bytes, a text and associated data at most 64 MiB each"
cdef str _ENDED = "the stream has ended"

cdef tuple _REASONS = (None, Reason.MALFORMED, Reason.NO_MATCH, Reason.OUTSIDE_WINDOW)


cdef object reason_of(Status status):
    """None for a right signature."""
    if status == Status.kInvalidArgument:
        raise ValueError("a limit of the caller's own arguments is broken")
    if status > Status.kOutsideWindow:
        raise RuntimeError("libcrypto failed or memory ran out")
    return _REASONS[<Py_ssize_t>status]


cdef int refuse(Status status, str limits) except -1:
    if limits is not None and status == Status.kInvalidArgument:
        raise ValueError(limits)
    raise InvalidSignature(reason_of(status))


cdef inline int check(Status status, str limits) except -1:
    """The one table from Status to exceptions; `limits` are those of the caller's own arguments, if there are any."""
    return 0 if status == Status.kOk else refuse(status, limits)


cdef inline int64_t seconds(value) except? -1:
    """Beyond 64 bits it is -1, which is refused as any negative time is."""
    cdef int overflow = 0
    return PyLong_AsLongLongAndOverflow(value, &overflow)


cdef inline PyThreadState* leave_gil(size_t bytes) noexcept:
    """Nothing of Python may be touched until `enter_gil`."""
    return PyEval_SaveThread() if bytes >= _GIL_RELEASED_FROM_BYTES else NULL


cdef inline void enter_gil(PyThreadState* state) noexcept:
    if state != NULL:
        PyEval_RestoreThread(state)


include "_hmac.pxi"
include "_digests.pxi"
include "_rsa.pxi"
include "_aes_gcm.pxi"
include "_schemes.pxi"
