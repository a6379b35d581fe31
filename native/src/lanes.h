#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

// The codecs look at sixteen characters at once, by the vector types of GCC and Clang, which every target has. So they
// take no branch and read no table for a character, and no secret shows in a cache.

namespace paycrypto::internal {

inline constexpr std::size_t kLanes = 16;
using Lanes = std::uint8_t __attribute__((vector_size(kLanes)));

inline Lanes LoadLanes(const std::uint8_t* characters) noexcept {
  Lanes lanes;
  std::memcpy(&lanes, characters, sizeof lanes);
  return lanes;
}

// All ones in each lane of a character from `low` to `high`, else zero.
inline Lanes IsIn(Lanes characters, char low, char high) noexcept {
  const auto first = static_cast<std::uint8_t>(low);
  const auto last = static_cast<std::uint8_t>(high - low);
  return reinterpret_cast<Lanes>(characters - first <= last);
}

inline bool IsZero(Lanes lanes) noexcept {
  std::uint64_t halves[2];
  std::memcpy(halves, &lanes, sizeof halves);
  return (halves[0] | halves[1]) == 0;
}

}  // namespace paycrypto::internal
