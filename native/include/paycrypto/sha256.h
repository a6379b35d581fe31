#pragma once

#include <array>

#include "paycrypto/byte_view.h"
#include "paycrypto/export.h"
#include "paycrypto/status.h"

namespace paycrypto {

inline constexpr std::size_t kSha256Bytes = 32;
using Sha256Digest = std::array<std::uint8_t, kSha256Bytes>;

// SHA-256 (FIPS 180-4) of the parts, one after the other.
[[nodiscard]] PAYCRYPTO_API Status Sha256(ByteViews parts, Sha256Digest* digest) noexcept;

}  // namespace paycrypto
