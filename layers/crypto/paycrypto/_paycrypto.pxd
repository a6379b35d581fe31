# Declares libpaycrypto, whose contracts stand in native/include/paycrypto, and what holds a call's arguments.
from cpython.object cimport PyObject
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
    const char* BatchBackendName()
    const char* LibcryptoVersion()


cdef extern from "paycrypto/constant_time.h" namespace "paycrypto" nogil:
    bint Equal(ByteView left, ByteView right)


cdef extern from "paycrypto/hex.h" namespace "paycrypto" nogil:
    Status DecodeHex(ByteView hex, uint8_t* out, size_t out_size)
    void EncodeHex(ByteView data, char* out)


cdef extern from "paycrypto/base64.h" namespace "paycrypto" nogil:
    size_t Base64Size(size_t size)
    Status DecodeBase64(ByteView base64, uint8_t* out, size_t out_size)
    Status DecodedBase64Size(ByteView base64, size_t* size)
    void EncodeBase64(ByteView data, char* out)


cdef extern from "paycrypto/sha256.h" namespace "paycrypto" nogil:
    cdef cppclass Sha256Digest:
        uint8_t* data()
        size_t size()

    Status Sha256(ByteViews parts, Sha256Digest* digest)


cdef extern from "paycrypto/sha512.h" namespace "paycrypto" nogil:
    cdef cppclass Sha512Digest:
        uint8_t* data()
        size_t size()

    Status Sha512(ByteViews parts, Sha512Digest* digest)
    Status VerifySha512Concat(ByteViews parts, ByteView expected_hex)


cdef extern from "paycrypto/token.h" namespace "paycrypto" nogil:
    Status VerifyToken(ByteView received, ByteViews expected, size_t* matched)


cdef extern from "paycrypto/hmac.h" namespace "paycrypto" nogil:
    cdef cppclass HmacSha256Tag:
        uint8_t* data()
        size_t size()

    cdef cppclass HmacSha512Tag:
        uint8_t* data()
        size_t size()

    cdef cppclass CHmacSha256Key "paycrypto::HmacSha256Key":
        @staticmethod
        Status Create(ByteView secret, CHmacSha256Key* key)
        Status Sign(ByteViews parts, HmacSha256Tag* tag) const
        Status Verify(ByteViews parts, ByteView tag) const
        Status VerifyHex(ByteViews parts, ByteView tag_hex) const
        Status VerifyBase64(ByteViews parts, ByteView tag_base64) const

    cdef cppclass CHmacSha512Key "paycrypto::HmacSha512Key":
        @staticmethod
        Status Create(ByteView secret, CHmacSha512Key* key)
        Status Sign(ByteViews parts, HmacSha512Tag* tag) const
        Status Verify(ByteViews parts, ByteView tag) const
        Status VerifyHex(ByteViews parts, ByteView tag_hex) const
        Status VerifyBase64(ByteViews parts, ByteView tag_base64) const

    cdef cppclass CHmacSha256Stream "paycrypto::HmacSha256Stream":
        @staticmethod
        Status Begin(const CHmacSha256Key& key, CHmacSha256Stream* stream)
        Status Update(ByteView piece)
        Status Finish(HmacSha256Tag* tag)
        Status Verify(ByteView tag)

    cdef cppclass CHmacSha512Stream "paycrypto::HmacSha512Stream":
        @staticmethod
        Status Begin(const CHmacSha512Key& key, CHmacSha512Stream* stream)
        Status Update(ByteView piece)
        Status Finish(HmacSha512Tag* tag)
        Status Verify(ByteView tag)

    cdef cppclass HmacSha256Keys:
        const CHmacSha256Key** data
        size_t size

    Status VerifyAny "paycrypto::VerifyAny<paycrypto::Hash::kSha256>"(
        HmacSha256Keys keys, ByteViews parts, ByteViews tags, size_t* matched_key)


cdef extern from "paycrypto/hmac_batch.h" namespace "paycrypto" nogil:
    cdef cppclass HmacSha256Check:
        const CHmacSha256Key* key
        ByteView message
        ByteView tag

    Status VerifyHmacSha256Batch(const HmacSha256Check* checks, size_t count, Status* outcomes)


cdef extern from "paycrypto/rsa.h" namespace "paycrypto" nogil:
    cdef cppclass CRsaPublicKey "paycrypto::RsaPublicKey":
        @staticmethod
        Status Parse(ByteView encoded, CRsaPublicKey* key)
        Status VerifySha256(ByteViews parts, ByteView signature) const
        size_t Bits() const


cdef extern from "paycrypto/aes_gcm.h" namespace "paycrypto" nogil:
    const size_t kAesGcmTagBytes

    cdef cppclass CAes256GcmKey "paycrypto::Aes256GcmKey":
        @staticmethod
        Status Create(ByteView secret, CAes256GcmKey* key)
        Status Seal(ByteView nonce, ByteView plaintext, ByteView associated_data, uint8_t* out, size_t out_size) const
        Status Open(ByteView nonce, ByteView sealed, ByteView associated_data, uint8_t* out, size_t out_size) const


cdef extern from "paycrypto/clock_window.h" namespace "paycrypto" nogil:
    cdef cppclass ClockWindow:
        int64_t now_s
        int64_t tolerance_s


cdef extern from "paycrypto/timestamped_hmac.h" namespace "paycrypto" nogil:
    cdef cppclass SignedHeader:
        char* text
        size_t size

    Status VerifyTimestampedHmac(ByteView header, ByteView body, HmacSha256Keys keys, ClockWindow window,
                                 size_t* matched_key)
    Status SignTimestampedHmac(const CHmacSha256Key& key, ByteView body, int64_t timestamp_s, SignedHeader* header)


cdef extern from "paycrypto/standard_webhooks.h" namespace "paycrypto" nogil:
    cdef cppclass WebhookHeaders:
        ByteView id
        ByteView timestamp
        ByteView signature

    cdef cppclass WebhookSignature:
        char[47] text

    Status ParseWebhookSecret(ByteView text, CHmacSha256Key* key)
    Status VerifyStandardWebhook(const WebhookHeaders& headers, ByteView body, HmacSha256Keys keys, ClockWindow window,
                                 size_t* matched_key)
    Status SignStandardWebhook(const CHmacSha256Key& key, ByteView id, int64_t timestamp_s, ByteView body,
                               WebhookSignature* signature)


cdef extern from "paycrypto/component_signature.h" namespace "paycrypto" nogil:
    cdef cppclass SignedComponents:
        ByteView client_id
        ByteView request_id
        ByteView timestamp
        ByteView target
        bint is_response
        bint has_body

    cdef cppclass ComponentSignature:
        char[55] text

    Status VerifyComponentSignature(ByteView signature, const SignedComponents& components, ByteView body,
                                    HmacSha256Keys keys, size_t* matched_key)
    Status SignComponents(const CHmacSha256Key& key, const SignedComponents& components, ByteView body,
                          ComponentSignature* signature)


cdef extern from "paycrypto/transmission_signature.h" namespace "paycrypto" nogil:
    cdef cppclass Transmission:
        ByteView id
        ByteView time
        ByteView webhook_id

    Status VerifyTransmission(ByteView signature_base64, const Transmission& transmission, ByteView body,
                              const CRsaPublicKey& key)


cdef extern from "_arguments.h" namespace "paycrypto::python":
    cdef enum:
        kItemsMax

    cdef cppclass Bytes:
        int Hold(object data) except -1
        int HoldText(object text) except -1
        const ByteView& View() noexcept
        ByteViews Parts() noexcept
        size_t Size() noexcept

    cdef cppclass ManyBytes:
        int Hold(object data, ByteView* view) except -1

    cdef cppclass Items:
        int Hold(object sequence) except -1
        int HoldBytes(object sequence) except -1
        Py_ssize_t Size() noexcept
        PyObject* At(Py_ssize_t at) noexcept
        ByteViews Views() noexcept
        size_t TotalSize() noexcept
