"""The C interface from Python, with nothing but ctypes: with_ctypes.py LIBRARY prints what a webhook's check says.

From Python the package `paycrypto` is the better way: it is faster, and raises instead of returning a status.
This one shows what any language that can call C does.
"""

import ctypes
import sys
from ctypes import POINTER, byref, c_char_p, c_int, c_int64, c_size_t, c_void_p

OK = 0


class Bytes(ctypes.Structure):
    _fields_ = (("data", c_char_p), ("size", c_size_t))

    def __init__(self, data: bytes) -> None:
        super().__init__(data, len(data))


class ClockWindow(ctypes.Structure):
    _fields_ = (("now_s", c_int64), ("tolerance_s", c_int64))


library = ctypes.CDLL(sys.argv[1])
key_create = library.paycrypto_hmac_key_create
key_create.argtypes, key_create.restype = (c_int, Bytes, POINTER(c_void_p)), c_int
key_destroy = library.paycrypto_hmac_key_destroy
key_destroy.argtypes, key_destroy.restype = (c_void_p,), None
sign = library.paycrypto_sign_timestamped_hmac
sign.argtypes, sign.restype = (c_void_p, Bytes, c_int64, ctypes.c_char_p, c_size_t), c_int
verify = library.paycrypto_verify_timestamped_hmac
verify.argtypes = (Bytes, Bytes, POINTER(c_void_p), c_size_t, ClockWindow, POINTER(c_size_t))
verify.restype = c_int
status_name = library.paycrypto_status_name
status_name.argtypes, status_name.restype = (c_int,), c_char_p

key = c_void_p()
if key_create(0, Bytes(b"a secret"), byref(key)) != OK:
    sys.exit("no key")
header = ctypes.create_string_buffer(86)  # PAYCRYPTO_TIMESTAMPED_HEADER_SIZE
if sign(key, Bytes(b"body"), 1767225600, header, len(header)) != OK:
    sys.exit("no header")
matched = c_size_t()
for body, now_s in ((b"body", 1767225700), (b"body", 1767229200), (b"another body", 1767225700)):
    status = verify(Bytes(header.value), Bytes(body), byref(key), 1, ClockWindow(now_s, 300), byref(matched))
    sys.stdout.write(status_name(status).decode() + "\n")
key_destroy(key)
