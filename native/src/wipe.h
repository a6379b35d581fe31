#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace paycrypto::internal {

// Overwrites a secret so that the compiler may not drop the stores. Fixed blocks, because gcc turns a small memset
// into `rep stos`, which costs more than hashing a block.
template <typename T>
inline void Wipe(T& object) noexcept {
  static_assert(std::is_trivially_copyable_v<T>);
  struct Block {
    alignas(16) std::uint8_t bytes[16];
  };
  constexpr Block kZero{};
  auto* bytes = reinterpret_cast<std::uint8_t*>(&object);
  std::size_t done = 0;
  for (; done + sizeof(Block) <= sizeof(T); done += sizeof(Block)) {
    std::memcpy(bytes + done, &kZero, sizeof(Block));
    __asm__ volatile("" : : "r"(bytes) : "memory");
  }
  if constexpr (sizeof(T) % sizeof(Block) != 0) {
    std::memcpy(bytes + done, &kZero, sizeof(T) % sizeof(Block));
    __asm__ volatile("" : : "r"(bytes) : "memory");
  }
}

// As above, for a size that is known only when running.
inline void Wipe(std::uint8_t* bytes, std::size_t size) noexcept {
  if (size > 0) {
    std::memset(bytes, 0, size);
    __asm__ volatile("" : : "r"(bytes) : "memory");
  }
}

}  // namespace paycrypto::internal
