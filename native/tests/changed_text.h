#pragma once

#include <cstring>
#include <memory>
#include <string>

#include "paycrypto/byte_view.h"

namespace paycrypto::testing {

// Calls `check` with every text that differs from `text` in one bit.
template <typename Check>
void ForEachFlippedBit(const std::string& text, Check check) {
  for (std::size_t bit = 0; bit < 8 * text.size(); ++bit) {
    std::string flipped = text;
    flipped[bit / 8] = static_cast<char>(static_cast<unsigned char>(flipped[bit / 8]) ^ (1U << bit % 8));
    check(flipped);
  }
}

// Calls `check` with every shorter beginning of `text`, each in memory of its own length, so that the address sanitizer
// sees a read beyond it.
template <typename Check>
void ForEachBeginning(const std::string& text, Check check) {
  for (std::size_t size = 0; size < text.size(); ++size) {
    const auto memory = std::make_unique<std::uint8_t[]>(size);
    std::memcpy(memory.get(), text.data(), size);
    check(ByteView(memory.get(), size));
  }
}

}  // namespace paycrypto::testing
