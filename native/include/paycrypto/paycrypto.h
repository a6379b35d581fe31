#pragma once

// The C interface of libpaycrypto, in plain C99, for C programs, cgo, ctypes and the like. The C++ headers beside
// it tell each scheme's accepted form and limits; here stands what C adds.
//
// Ownership   Handles come from a _create, _parse or _begin and go with their _destroy, which wipes them and takes
//             NULL. A call that makes a handle writes NULL in its place unless it gives PAYCRYPTO_OK.
//             The library keeps no pointer to anything of the caller's after a call.
// Pointers    Bytes may have a NULL pointer when their size is 0, and an array when its count is 0. Any other NULL, a
//             size beyond PTRDIFF_MAX and a count beyond PAYCRYPTO_ITEMS_MAX are PAYCRYPTO_INVALID_ARGUMENT. Outputs
//             may not overlap inputs, and hold a result only on PAYCRYPTO_OK, or where it is said otherwise.
// Text        Is read without a NUL at its end, by its size. It is written with one, which the sizes below count.
// Threads     Calls that take a handle by a pointer to const may run at the same time on one handle. All others need it
//             for themselves. There is no other state.
// Failures    Are told by the status alone: nothing is thrown, printed or put in errno.

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "paycrypto/export.h"

#ifdef __cplusplus
#define PAYCRYPTO_INT : int
#define PAYCRYPTO_NOEXCEPT noexcept
extern "C" {
#else
#define PAYCRYPTO_INT
#define PAYCRYPTO_NOEXCEPT
#endif
#define PAYCRYPTO_CHECKED PAYCRYPTO_API __attribute__((warn_unused_result))

// The refusals 1 to 3 are answers about hostile input; 4 and 5 are faults on our own side. Only 0 is acceptance.
typedef enum paycrypto_status PAYCRYPTO_INT {
  PAYCRYPTO_OK = 0,
  PAYCRYPTO_MALFORMED = 1,         // not in the canonical form of the scheme; nothing was compared
  PAYCRYPTO_NO_MATCH = 2,          // well formed, but made with none of the live secrets
  PAYCRYPTO_OUTSIDE_WINDOW = 3,    // made with a live secret, but too old or too far ahead
  PAYCRYPTO_INVALID_ARGUMENT = 4,  // the caller broke a documented limit
  PAYCRYPTO_BACKEND_FAILURE = 5    // libcrypto failed or memory ran out
} paycrypto_status;

typedef enum paycrypto_hash PAYCRYPTO_INT { PAYCRYPTO_SHA256 = 0, PAYCRYPTO_SHA512 = 1 } paycrypto_hash;

// Bytes owned by the caller.
typedef struct paycrypto_bytes {
  const void *data;
  size_t size;
} paycrypto_bytes;

// The bytes of a string that ends with a NUL, without it.
static inline paycrypto_bytes paycrypto_text(const char *text) PAYCRYPTO_NOEXCEPT {
  paycrypto_bytes bytes;
  bytes.data = text;
  bytes.size = text == NULL ? 0 : strlen(text);
  return bytes;
}

#define PAYCRYPTO_ITEMS_MAX 16  // parts of a message, keys, tags or tokens in one call
#define PAYCRYPTO_SECRET_SIZE_MAX 4096
#define PAYCRYPTO_SHA256_SIZE 32
#define PAYCRYPTO_SHA512_SIZE 64
#define PAYCRYPTO_HEX_SIZE(size) (2 * (size) + 1)
#define PAYCRYPTO_BASE64_SIZE(size) (((size) + 2) / 3 * 4 + 1)
#define PAYCRYPTO_AES_GCM_KEY_SIZE 32
#define PAYCRYPTO_AES_GCM_NONCE_SIZE 12
#define PAYCRYPTO_AES_GCM_TAG_SIZE 16
#define PAYCRYPTO_AES_GCM_SIZE_MAX 67108864  // 64 MiB of a text, and of associated data
#define PAYCRYPTO_TIMESTAMPED_HEADER_SIZE 86
#define PAYCRYPTO_WEBHOOK_SIGNATURE_SIZE 48
#define PAYCRYPTO_COMPONENT_SIGNATURE_SIZE 56

// ---- The library. All strings are static. ----

PAYCRYPTO_API const char *paycrypto_version(void) PAYCRYPTO_NOEXCEPT;            // version.h tells these three
PAYCRYPTO_API const char *paycrypto_backend(void) PAYCRYPTO_NOEXCEPT;
PAYCRYPTO_API const char *paycrypto_libcrypto_version(void) PAYCRYPTO_NOEXCEPT;

// "ok", "malformed", "no_match", "outside_window", "invalid_argument", "backend_failure", or "unknown".
PAYCRYPTO_API const char *paycrypto_status_name(paycrypto_status status) PAYCRYPTO_NOEXCEPT;

// ---- HMAC (hmac.h) ----

typedef struct paycrypto_hmac_key paycrypto_hmac_key;
typedef struct paycrypto_hmac_stream paycrypto_hmac_stream;

// secret: 1..PAYCRYPTO_SECRET_SIZE_MAX bytes. The caller wipes its own copy.
PAYCRYPTO_CHECKED paycrypto_status paycrypto_hmac_key_create(paycrypto_hash hash, paycrypto_bytes secret,
                                                             paycrypto_hmac_key **key) PAYCRYPTO_NOEXCEPT;
PAYCRYPTO_API void paycrypto_hmac_key_destroy(paycrypto_hmac_key *key) PAYCRYPTO_NOEXCEPT;

// The tag of the parts, one after the other. tag_size is that of the key's hash, exactly.
PAYCRYPTO_CHECKED paycrypto_status paycrypto_hmac_sign(const paycrypto_hmac_key *key, const paycrypto_bytes *parts,
                                                       size_t part_count, uint8_t *tag,
                                                       size_t tag_size) PAYCRYPTO_NOEXCEPT;

// OK, MALFORMED or NO_MATCH, for a raw tag and for its canonical texts.
PAYCRYPTO_CHECKED paycrypto_status paycrypto_hmac_verify(const paycrypto_hmac_key *key, const paycrypto_bytes *parts,
                                                         size_t part_count, paycrypto_bytes tag) PAYCRYPTO_NOEXCEPT;
PAYCRYPTO_CHECKED paycrypto_status paycrypto_hmac_verify_hex(const paycrypto_hmac_key *key,
                                                             const paycrypto_bytes *parts, size_t part_count,
                                                             paycrypto_bytes tag_hex) PAYCRYPTO_NOEXCEPT;
PAYCRYPTO_CHECKED paycrypto_status paycrypto_hmac_verify_base64(const paycrypto_hmac_key *key,
                                                                const paycrypto_bytes *parts, size_t part_count,
                                                                paycrypto_bytes tag_base64) PAYCRYPTO_NOEXCEPT;

// Whether one of the raw tags is that of the parts under one of the live keys, all of one hash. On OK *matched_key,
// which here and below may be NULL, is the index of the first key that made one. No key, or no tag, is NO_MATCH.
PAYCRYPTO_CHECKED paycrypto_status paycrypto_hmac_verify_any(const paycrypto_hmac_key *const *keys, size_t key_count,
                                                             const paycrypto_bytes *parts, size_t part_count,
                                                             const paycrypto_bytes *tags, size_t tag_count,
                                                             size_t *matched_key) PAYCRYPTO_NOEXCEPT;

// One of many: a message, its raw tag and the key of SHA-256 that should have made it.
typedef struct paycrypto_hmac_check {
  const paycrypto_hmac_key *key;
  paycrypto_bytes message;
  paycrypto_bytes tag;
} paycrypto_hmac_check;

// Writes to outcomes[i] what paycrypto_hmac_verify would give for checks[i]; the count has no limit. OK whatever the
// outcomes are: read them. INVALID_ARGUMENT, and nothing written, when any check is not of the form above.
PAYCRYPTO_CHECKED paycrypto_status paycrypto_hmac_verify_batch(const paycrypto_hmac_check *checks, size_t count,
                                                               paycrypto_status *outcomes) PAYCRYPTO_NOEXCEPT;

// A message that arrives in pieces. The key may be destroyed once the stream has begun. After _finish or _verify the
// stream gives INVALID_ARGUMENT and waits to be destroyed.
PAYCRYPTO_CHECKED paycrypto_status paycrypto_hmac_stream_begin(const paycrypto_hmac_key *key,
                                                               paycrypto_hmac_stream **stream) PAYCRYPTO_NOEXCEPT;
PAYCRYPTO_CHECKED paycrypto_status paycrypto_hmac_stream_update(paycrypto_hmac_stream *stream,
                                                                paycrypto_bytes piece) PAYCRYPTO_NOEXCEPT;
PAYCRYPTO_CHECKED paycrypto_status paycrypto_hmac_stream_finish(paycrypto_hmac_stream *stream, uint8_t *tag,
                                                                size_t tag_size) PAYCRYPTO_NOEXCEPT;
PAYCRYPTO_CHECKED paycrypto_status paycrypto_hmac_stream_verify(paycrypto_hmac_stream *stream,
                                                                paycrypto_bytes tag) PAYCRYPTO_NOEXCEPT;
PAYCRYPTO_API void paycrypto_hmac_stream_destroy(paycrypto_hmac_stream *stream) PAYCRYPTO_NOEXCEPT;

// ---- Digests (sha256.h, sha512.h), equality (constant_time.h) and static tokens (token.h) ----

// The digest of the parts, one after the other. digest_size is that of the hash, exactly.
PAYCRYPTO_CHECKED paycrypto_status paycrypto_digest(paycrypto_hash hash, const paycrypto_bytes *parts,
                                                    size_t part_count, uint8_t *digest,
                                                    size_t digest_size) PAYCRYPTO_NOEXCEPT;

// OK, MALFORMED (an empty part, none, or no canonical hex) or NO_MATCH.
PAYCRYPTO_CHECKED paycrypto_status paycrypto_verify_sha512_concat(const paycrypto_bytes *parts, size_t part_count,
                                                                  paycrypto_bytes expected_hex) PAYCRYPTO_NOEXCEPT;

// OK when both hold the same bytes, else NO_MATCH. The time depends on the sizes only.
PAYCRYPTO_CHECKED paycrypto_status paycrypto_equal(paycrypto_bytes left, paycrypto_bytes right) PAYCRYPTO_NOEXCEPT;

// OK, MALFORMED (nothing received) or NO_MATCH. An empty expected token matches nothing.
PAYCRYPTO_CHECKED paycrypto_status paycrypto_verify_token(paycrypto_bytes received, const paycrypto_bytes *expected,
                                                          size_t expected_count, size_t *matched) PAYCRYPTO_NOEXCEPT;

// ---- Canonical codecs (hex.h, base64.h) ----

// The text is MALFORMED unless it is the canonical one of exactly out_size bytes; out may then be partly written.
PAYCRYPTO_CHECKED paycrypto_status paycrypto_hex_decode(paycrypto_bytes hex, uint8_t *out,
                                                        size_t out_size) PAYCRYPTO_NOEXCEPT;
PAYCRYPTO_CHECKED paycrypto_status paycrypto_base64_decode(paycrypto_bytes base64, uint8_t *out,
                                                           size_t out_size) PAYCRYPTO_NOEXCEPT;
PAYCRYPTO_CHECKED paycrypto_status paycrypto_base64_decoded_size(paycrypto_bytes base64,
                                                                 size_t *size) PAYCRYPTO_NOEXCEPT;

// text_size: at least PAYCRYPTO_HEX_SIZE or PAYCRYPTO_BASE64_SIZE of the bytes.
PAYCRYPTO_CHECKED paycrypto_status paycrypto_hex_encode(paycrypto_bytes bytes, char *text,
                                                        size_t text_size) PAYCRYPTO_NOEXCEPT;
PAYCRYPTO_CHECKED paycrypto_status paycrypto_base64_encode(paycrypto_bytes bytes, char *text,
                                                           size_t text_size) PAYCRYPTO_NOEXCEPT;

// ---- RSA (rsa.h) ----

typedef struct paycrypto_rsa_key paycrypto_rsa_key;

// encoded: PEM (PUBLIC KEY or CERTIFICATE) or DER. Parse once and keep: it costs as much as ten verifications.
PAYCRYPTO_CHECKED paycrypto_status paycrypto_rsa_key_parse(paycrypto_bytes encoded,
                                                           paycrypto_rsa_key **key) PAYCRYPTO_NOEXCEPT;
PAYCRYPTO_API void paycrypto_rsa_key_destroy(paycrypto_rsa_key *key) PAYCRYPTO_NOEXCEPT;
PAYCRYPTO_API size_t paycrypto_rsa_key_bits(const paycrypto_rsa_key *key) PAYCRYPTO_NOEXCEPT;  // 0 for NULL
PAYCRYPTO_CHECKED paycrypto_status paycrypto_rsa_verify_sha256(const paycrypto_rsa_key *key,
                                                               const paycrypto_bytes *parts, size_t part_count,
                                                               paycrypto_bytes signature) PAYCRYPTO_NOEXCEPT;

// ---- AES-256-GCM (aes_gcm.h, which tells how a nonce is chosen) ----

typedef struct paycrypto_aes_gcm_key paycrypto_aes_gcm_key;

// secret: PAYCRYPTO_AES_GCM_KEY_SIZE bytes. The caller wipes its own copy.
PAYCRYPTO_CHECKED paycrypto_status paycrypto_aes_gcm_key_create(paycrypto_bytes secret,
                                                                paycrypto_aes_gcm_key **key) PAYCRYPTO_NOEXCEPT;
PAYCRYPTO_API void paycrypto_aes_gcm_key_destroy(paycrypto_aes_gcm_key *key) PAYCRYPTO_NOEXCEPT;

// sealed_size: that of the plaintext and PAYCRYPTO_AES_GCM_TAG_SIZE more, exactly.
PAYCRYPTO_CHECKED paycrypto_status paycrypto_aes_gcm_seal(const paycrypto_aes_gcm_key *key, paycrypto_bytes nonce,
                                                          paycrypto_bytes plaintext, paycrypto_bytes associated_data,
                                                          uint8_t *sealed, size_t sealed_size) PAYCRYPTO_NOEXCEPT;

// OK, MALFORMED or NO_MATCH. plaintext_size: that of the sealed text less PAYCRYPTO_AES_GCM_TAG_SIZE, exactly. Unless
// it gives OK, plaintext holds nothing of it.
PAYCRYPTO_CHECKED paycrypto_status paycrypto_aes_gcm_open(const paycrypto_aes_gcm_key *key, paycrypto_bytes nonce,
                                                          paycrypto_bytes sealed, paycrypto_bytes associated_data,
                                                          uint8_t *plaintext, size_t plaintext_size) PAYCRYPTO_NOEXCEPT;

// ---- Whole schemes. Their keys are those of SHA-256, else INVALID_ARGUMENT; no live key is NO_MATCH. ----

// The clock of the receiver and how far a timestamp may lie from it, before or after. Both >= 0.
typedef struct paycrypto_clock_window {
  int64_t now_s;
  int64_t tolerance_s;
} paycrypto_clock_window;

// The header `t=<unix seconds>,v1=<hex>...` (timestamped_hmac.h). *matched_key is written on OUTSIDE_WINDOW too.
PAYCRYPTO_CHECKED paycrypto_status paycrypto_verify_timestamped_hmac(paycrypto_bytes header, paycrypto_bytes body,
                                                                     const paycrypto_hmac_key *const *keys,
                                                                     size_t key_count, paycrypto_clock_window window,
                                                                     size_t *matched_key) PAYCRYPTO_NOEXCEPT;
// header_size: at least PAYCRYPTO_TIMESTAMPED_HEADER_SIZE.
PAYCRYPTO_CHECKED paycrypto_status paycrypto_sign_timestamped_hmac(const paycrypto_hmac_key *key, paycrypto_bytes body,
                                                                   int64_t timestamp_s, char *header,
                                                                   size_t header_size) PAYCRYPTO_NOEXCEPT;

// Standard Webhooks (standard_webhooks.h): the headers webhook-id, webhook-timestamp and webhook-signature.
typedef struct paycrypto_webhook_headers {
  paycrypto_bytes id;
  paycrypto_bytes timestamp;
  paycrypto_bytes signature;
} paycrypto_webhook_headers;

// text: `whsec_` and base64. Makes a key of SHA-256.
PAYCRYPTO_CHECKED paycrypto_status paycrypto_webhook_secret_parse(paycrypto_bytes text,
                                                                  paycrypto_hmac_key **key) PAYCRYPTO_NOEXCEPT;
// *matched_key is written on OUTSIDE_WINDOW too.
PAYCRYPTO_CHECKED paycrypto_status paycrypto_verify_standard_webhook(const paycrypto_webhook_headers *headers,
                                                                     paycrypto_bytes body,
                                                                     const paycrypto_hmac_key *const *keys,
                                                                     size_t key_count, paycrypto_clock_window window,
                                                                     size_t *matched_key) PAYCRYPTO_NOEXCEPT;
// signature_size: at least PAYCRYPTO_WEBHOOK_SIGNATURE_SIZE.
PAYCRYPTO_CHECKED paycrypto_status paycrypto_sign_standard_webhook(const paycrypto_hmac_key *key, paycrypto_bytes id,
                                                                   int64_t timestamp_s, paycrypto_bytes body,
                                                                   char *signature,
                                                                   size_t signature_size) PAYCRYPTO_NOEXCEPT;

// A signature over component lines (component_signature.h). The flags are 0 or not 0.
typedef struct paycrypto_signed_components {
  paycrypto_bytes client_id;
  paycrypto_bytes request_id;
  paycrypto_bytes timestamp;
  paycrypto_bytes target;
  int is_response;
  int has_body;
} paycrypto_signed_components;

PAYCRYPTO_CHECKED paycrypto_status paycrypto_verify_component_signature(
    paycrypto_bytes signature, const paycrypto_signed_components *components, paycrypto_bytes body,
    const paycrypto_hmac_key *const *keys, size_t key_count, size_t *matched_key) PAYCRYPTO_NOEXCEPT;
// signature_size: at least PAYCRYPTO_COMPONENT_SIGNATURE_SIZE.
PAYCRYPTO_CHECKED paycrypto_status paycrypto_sign_components(const paycrypto_hmac_key *key,
                                                             const paycrypto_signed_components *components,
                                                             paycrypto_bytes body, char *signature,
                                                             size_t signature_size) PAYCRYPTO_NOEXCEPT;

// An RSA signature over ids, a time and the body's CRC-32 (transmission_signature.h, which tells what that is worth).
typedef struct paycrypto_transmission {
  paycrypto_bytes id;
  paycrypto_bytes time;
  paycrypto_bytes webhook_id;
} paycrypto_transmission;

PAYCRYPTO_CHECKED paycrypto_status paycrypto_verify_transmission(paycrypto_bytes signature_base64,
                                                                 const paycrypto_transmission *transmission,
                                                                 paycrypto_bytes body,
                                                                 const paycrypto_rsa_key *key) PAYCRYPTO_NOEXCEPT;

#undef PAYCRYPTO_INT
#undef PAYCRYPTO_NOEXCEPT
#undef PAYCRYPTO_CHECKED
#ifdef __cplusplus
}  // extern "C"
#endif
