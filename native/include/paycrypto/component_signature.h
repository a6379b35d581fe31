#pragma once

#include "paycrypto/byte_view.h"
#include "paycrypto/export.h"
#include "paycrypto/hmac.h"
#include "paycrypto/status.h"

// The header `HMACSHA256=<base64>` over component lines joined by single line feeds, without one at the end:
//   Client-Id:<v>  Request-Id:<v>  Request-Timestamp:<v> (or Response-Timestamp)  Request-Target:<path>  Digest:<v>
// Digest is the base64 of the body's SHA-256; a request without a body leaves its line out.

namespace paycrypto {

inline constexpr std::size_t kComponentBytesMax = 1024;

// The values as received. Each 1..kComponentBytesMax visible ASCII characters (0x21..0x7e), so that none can hold a
// line of its own; the target begins with `/`.
struct SignedComponents {
  ByteView client_id;
  ByteView request_id;
  ByteView timestamp;
  ByteView target;
  bool is_response = false;  // the timestamp's line is Response-Timestamp
  bool has_body = true;      // with a Digest line
};

// Checks `signature` over the components and `body` under each live key; constant time in the tag. On kOk
// `*matched_key` is the index of the first that made it. The timestamp's age is the caller's to judge.
// kMalformed: a component or the signature is not of its form, or a body came although has_body is false: nothing
// would sign it. kNoMatch: also when there is no live key. kInvalidArgument: an empty key.
[[nodiscard]] PAYCRYPTO_API Status VerifyComponentSignature(ByteView signature, const SignedComponents& components,
                                                            ByteView body, HmacSha256Keys keys,
                                                            std::size_t* matched_key) noexcept;

// `HMACSHA256=` and the base64 of one tag, with no terminator.
struct ComponentSignature {
  char text[11 + 44];
};

// Signs as the sender does. kInvalidArgument: a component is not of its form, a body although has_body is false, or an
// empty key.
[[nodiscard]] PAYCRYPTO_API Status SignComponents(const HmacSha256Key& key, const SignedComponents& components,
                                                  ByteView body, ComponentSignature* signature) noexcept;

}  // namespace paycrypto
