#pragma once

#include "paycrypto/byte_view.h"
#include "paycrypto/hmac.h"
#include "paycrypto/status.h"
#include "paycrypto/timestamped_hmac.h"

namespace paycrypto::internal {

struct TimestampedHeader {
  ByteView timestamp;  // as received, which is what was signed
  std::int64_t timestamp_s;
  std::size_t tag_count;
  HmacSha256Tag tags[kTimestampedTagsMax];
};

// Reads a header in the form of paycrypto/timestamped_hmac.h; the views point into it. kMalformed: any other form.
[[nodiscard]] Status ParseTimestampedHeader(ByteView header, TimestampedHeader* parsed) noexcept;

}  // namespace paycrypto::internal
