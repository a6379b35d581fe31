#pragma once

#include <array>

#include "paycrypto/byte_view.h"
#include "paycrypto/export.h"
#include "paycrypto/status.h"

namespace paycrypto {

inline constexpr std::size_t kSha512Bytes = 64;
using Sha512Digest = std::array<std::uint8_t, kSha512Bytes>;

// SHA-512 (FIPS 180-4) of the parts, one after the other.
[[nodiscard]] PAYCRYPTO_API Status Sha512(ByteViews parts, Sha512Digest* digest) noexcept;

// Checks that `expected_hex` is the canonical hex SHA-512 of the parts joined without a separator, one of them the
// secret. Constant time in the digest; does not allocate with the low-level backend.
// kMalformed: not 128 characters [0-9a-f]; or no part, or an empty one, since an empty secret would let anyone sign.
// kNoMatch: another digest.
[[nodiscard]] PAYCRYPTO_API Status VerifySha512Concat(ByteViews parts, ByteView expected_hex) noexcept;

}  // namespace paycrypto
