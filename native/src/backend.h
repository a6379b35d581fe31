#pragma once

#include <array>
#include <cstdint>

#include "paycrypto/byte_view.h"
#include "paycrypto/hmac_sha256.h"
#include "paycrypto/sha512.h"
#include "paycrypto/status.h"

// What the library asks of libcrypto. One of backend_*.cc implements it, chosen when the library is built.

namespace paycrypto::internal {

inline constexpr std::size_t kSha256BlockBytes = 64;
using Sha256Block = std::array<std::uint8_t, kSha256BlockBytes>;

// Hashes one block into each of the two states of an HMAC key. Null when memory runs out or libcrypto fails.
// Deleted, wiped, by HmacSha256StateDeleter.
[[nodiscard]] HmacSha256State* NewHmacSha256State(const Sha256Block& inner, const Sha256Block& outer) noexcept;

[[nodiscard]] Status ComputeHmacSha256(const HmacSha256State& state, ByteViews parts, HmacSha256Tag* tag) noexcept;

// Writes the SHA-256 of `message` to the first 32 bytes of `out`.
[[nodiscard]] Status ComputeSha256(ByteView message, std::uint8_t* out) noexcept;

[[nodiscard]] Status ComputeSha512(ByteViews parts, Sha512Digest* digest) noexcept;

}  // namespace paycrypto::internal
