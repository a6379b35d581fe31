#pragma once

#include "paycrypto/byte_view.h"
#include "paycrypto/clock_window.h"
#include "paycrypto/export.h"
#include "paycrypto/hmac.h"
#include "paycrypto/status.h"

// The signature header `t=<unix seconds>,v1=<hex>[,v1=<hex>...][,<other scheme>=<value>...]`, where each v1 is
// HMAC-SHA256 over `<t>.<body>`. While a secret is rolled a sender puts one v1 for each live secret.
//
// Accepted: items in any order, separated by single commas. One t, a canonical decimal of 1..15 digits (no sign, no
// leading zero). 1..16 v1, each 64 characters [0-9a-f]. Any other scheme, named by 1..16 characters [A-Za-z0-9_-], is
// ignored, provided its value is one or more visible ASCII characters. 4096 bytes in all. Anything else is kMalformed.

namespace paycrypto {

inline constexpr std::size_t kTimestampedHeaderBytesMax = 4096;
inline constexpr std::size_t kTimestampedTagsMax = 16;

// Checks the header of `body` against every live key. Constant time in the tags; does not allocate with the low-level
// backend. On kOk and kOutsideWindow `*matched_key` is the index of the first key that made one of the tags.
// No live key is kNoMatch. kInvalidArgument: a negative clock or tolerance, or a null or empty key.
[[nodiscard]] PAYCRYPTO_API Status VerifyTimestampedHmac(ByteView header, ByteView body, HmacSha256Keys keys,
                                                         ClockWindow window, std::size_t* matched_key) noexcept;

// A header with one tag: at most "t=" + 15 digits + ",v1=" + 64 characters, with no terminator.
struct SignedHeader {
  char text[2 + 15 + 4 + 2 * kHmacSha256Bytes];
  std::size_t size;
};

// Signs as the sender does. timestamp_s: 0..kTimestampSecondsMax, else kInvalidArgument.
[[nodiscard]] PAYCRYPTO_API Status SignTimestampedHmac(const HmacSha256Key& key, ByteView body,
                                                       std::int64_t timestamp_s, SignedHeader* header) noexcept;

}  // namespace paycrypto
