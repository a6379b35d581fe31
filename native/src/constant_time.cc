#include "paycrypto/constant_time.h"

#include <cstring>

namespace paycrypto {

bool Equal(ByteView left, ByteView right) noexcept {
  if (left.size != right.size) {
    return false;
  }
  std::uint64_t difference = 0;
  std::size_t at = 0;
  for (; at + sizeof(std::uint64_t) <= left.size; at += sizeof(std::uint64_t)) {
    std::uint64_t a;
    std::uint64_t b;
    std::memcpy(&a, left.data + at, sizeof a);
    std::memcpy(&b, right.data + at, sizeof b);
    difference |= a ^ b;
    // Keeps the compiler from learning that a set bit decides the answer, and so from leaving early.
    __asm__ volatile("" : "+r"(difference));
  }
  for (; at < left.size; ++at) {
    difference |= static_cast<std::uint64_t>(left.data[at] ^ right.data[at]);
    __asm__ volatile("" : "+r"(difference));
  }
  return difference == 0;
}

}  // namespace paycrypto
