# Declares libpaycrypto; the contracts stand in native/include/paycrypto.
from libc.stdint cimport int64_t, uint8_t


cdef extern from "paycrypto/status.h" namespace "paycrypto" nogil:
    cdef enum class Status "paycrypto::Status"(uint8_t):
        kOk
        kMalformed
        kNoMatch
        kOutsideWindow
        kInvalidArgument
        kBackendFailure


cdef extern from "paycrypto/byte_view.h" namespace "paycrypto" nogil:
    cdef cppclass ByteView:
        const uint8_t* data
        size_t size

    cdef cppclass ByteViews:
        const ByteView* data
        size_t size


cdef extern from "paycrypto/version.h" namespace "paycrypto" nogil:
    const char* LibraryVersion()
    const char* BackendName()
    const char* LibcryptoVersion()


cdef extern from "paycrypto/constant_time.h" namespace "paycrypto" nogil:
    bint Equal(ByteView left, ByteView right)


cdef extern from "paycrypto/hex.h" namespace "paycrypto" nogil:
    void EncodeHex(ByteView data, char* out)


cdef extern from "paycrypto/sha512.h" namespace "paycrypto" nogil:
    const size_t kSha512Bytes

    cdef cppclass Sha512Digest:
        uint8_t* data()

    Status Sha512(ByteViews parts, Sha512Digest* digest)
    Status VerifySha512Concat(ByteViews parts, ByteView expected_hex)


cdef extern from "paycrypto/token.h" namespace "paycrypto" nogil:
    Status VerifyToken(ByteView received, ByteViews expected, size_t* matched)


cdef extern from "paycrypto/hmac_sha256.h" namespace "paycrypto" nogil:
    const size_t kHmacSha256Bytes

    cdef cppclass HmacSha256Tag:
        uint8_t* data()

    cdef cppclass CHmacSha256Key "paycrypto::HmacSha256Key":
        CHmacSha256Key()

        @staticmethod
        Status Create(ByteView secret, CHmacSha256Key* key)
        Status Sign(ByteViews parts, HmacSha256Tag* tag) const
        Status Verify(ByteView message, ByteView tag) const


cdef extern from "paycrypto/timestamped_hmac.h" namespace "paycrypto" nogil:
    cdef cppclass HmacSha256Keys:
        const CHmacSha256Key** data
        size_t size

    cdef cppclass ClockWindow:
        int64_t now_s
        int64_t tolerance_s

    cdef cppclass SignedHeader:
        char* text
        size_t size

    Status VerifyTimestampedHmac(ByteView header, ByteView body, HmacSha256Keys keys, ClockWindow window,
                                 size_t* matched_key)
    Status SignTimestampedHmac(const CHmacSha256Key& key, ByteView body, int64_t timestamp_s, SignedHeader* header)
