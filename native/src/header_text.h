#pragma once

#include <cstdint>

#include "paycrypto/byte_view.h"

// What the parsers of headers share.

namespace paycrypto::internal {

// One or more characters 0x21..0x7e.
[[nodiscard]] bool IsVisibleAscii(ByteView text) noexcept;

// Takes what stands before the first `mark`, or all, out of `rest`. Returns whether the mark was there.
[[nodiscard]] bool Split(std::uint8_t mark, ByteView* rest, ByteView* before) noexcept;

// Reads a canonical decimal of 1..15 digits: no sign, no leading zero. Returns whether it was one.
[[nodiscard]] bool ReadTimestamp(ByteView digits, std::int64_t* timestamp_s) noexcept;

}  // namespace paycrypto::internal
