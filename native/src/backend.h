#pragma once

#include <array>
#include <cstdint>

#include "paycrypto/byte_view.h"
#include "paycrypto/hmac.h"
#include "paycrypto/status.h"

// What the library asks of libcrypto. One of backend_*.cc implements it for both hashes, chosen when the library is
// built.

namespace paycrypto::internal {

template <Hash kHash>
using Block = std::array<std::uint8_t, kHash == Hash::kSha256 ? 64 : 128>;

// HmacState is two hash states, inner and outer: of a key after one block each, of a stream with its message in the
// inner one. The functions that make one give null when memory runs out or libcrypto fails; HmacStateDeleter wipes it.
template <Hash kHash>
[[nodiscard]] HmacStatePointer<kHash> NewHmacState(const Block<kHash>& inner, const Block<kHash>& outer) noexcept;
template <Hash kHash>
[[nodiscard]] HmacStatePointer<kHash> CopyHmacState(const HmacState<kHash>& state) noexcept;

template <Hash kHash>
[[nodiscard]] Status UpdateHmac(HmacState<kHash>* state, ByteView piece) noexcept;
// Of no use afterwards: the state may hold no message.
template <Hash kHash>
[[nodiscard]] Status FinishHmac(HmacState<kHash>* state, HmacTag<kHash>* tag) noexcept;

// The whole of a tag, with no allocation where the backend can do without.
template <Hash kHash>
[[nodiscard]] Status ComputeHmac(const HmacState<kHash>& state, ByteViews parts, HmacTag<kHash>* tag) noexcept;

// Writes kHashBytes<kHash> bytes to `digest`.
template <Hash kHash>
[[nodiscard]] Status ComputeHash(ByteViews parts, std::uint8_t* digest) noexcept;

// The state words of a key, for a hash that is not libcrypto's. Only the low-level backend has them.
struct HmacSha256Midstates {
  const std::uint32_t* inner;
  const std::uint32_t* outer;
};
[[nodiscard]] HmacSha256Midstates MidstatesOf(const HmacState<Hash::kSha256>& state) noexcept;

}  // namespace paycrypto::internal
