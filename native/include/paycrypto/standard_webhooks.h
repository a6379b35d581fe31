#pragma once

#include "paycrypto/byte_view.h"
#include "paycrypto/clock_window.h"
#include "paycrypto/export.h"
#include "paycrypto/hmac.h"
#include "paycrypto/status.h"

// Standard Webhooks 1.0, symmetric (v1): the headers webhook-id, webhook-timestamp and webhook-signature. Each v1 is
// the base64 of HMAC-SHA256 over `<id>.<timestamp>.<body>`; the secret is the base64 text behind `whsec_`.
//
// Accepted: an id of 1..255 visible ASCII characters without `.`; a timestamp that is a canonical decimal of 1..15
// digits; a signature list of 1..4096 bytes, items `<version>,<value>` separated by single blanks, 1..16 of them `v1`
// with the canonical base64 of 32 bytes; other versions (1..16 characters [A-Za-z0-9]) are ignored, provided that their
// value is one or more visible ASCII characters. Anything else is kMalformed.

namespace paycrypto {

inline constexpr std::size_t kWebhookIdBytesMax = 255;
inline constexpr std::size_t kWebhookSignatureBytesMax = 4096;
inline constexpr std::size_t kWebhookTagsMax = 16;

// Reads a secret as it is configured: `whsec_` and the canonical base64 of 16..128 bytes (24..64 are recommended).
// kMalformed: anything else. `*key` is replaced only on kOk. Allocates.
[[nodiscard]] PAYCRYPTO_API Status ParseWebhookSecret(ByteView text, HmacSha256Key* key) noexcept;

struct WebhookHeaders {
  ByteView id;
  ByteView timestamp;
  ByteView signature;
};

// Checks the headers of `body` against every live key; constant time in the tags. On kOk and kOutsideWindow
// `*matched_key` is the index of the first key that made one of the tags. No live key is kNoMatch.
// kInvalidArgument: a negative clock or tolerance, or an empty key.
[[nodiscard]] PAYCRYPTO_API Status VerifyStandardWebhook(const WebhookHeaders& headers, ByteView body,
                                                         HmacSha256Keys keys, ClockWindow window,
                                                         std::size_t* matched_key) noexcept;

// `v1,` and the base64 of one tag, with no terminator.
struct WebhookSignature {
  char text[3 + 44];
};

// Signs as the sender does. kInvalidArgument: an id that is not accepted, timestamp_s not in 0..kTimestampSecondsMax,
// or an empty key.
[[nodiscard]] PAYCRYPTO_API Status SignStandardWebhook(const HmacSha256Key& key, ByteView id, std::int64_t timestamp_s,
                                                       ByteView body, WebhookSignature* signature) noexcept;

}  // namespace paycrypto
