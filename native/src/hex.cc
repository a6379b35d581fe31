#include "paycrypto/hex.h"

#include "lanes.h"

namespace paycrypto {
namespace {

using internal::kLanes;
using internal::Lanes;

// Two characters, the first one in the low byte.
using Pairs = std::uint16_t __attribute__((vector_size(kLanes)));
using HalfLanes = std::uint8_t __attribute__((vector_size(kLanes / 2)));
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);

// Reads kLanes characters into half as many bytes. Returns a lane that is not zero for each that is no digit.
Lanes DecodeLanes(const std::uint8_t* hex, std::uint8_t* out) noexcept {
  const Lanes characters = internal::LoadLanes(hex);
  const Lanes is_digit = internal::IsIn(characters, '0', '9');
  const Lanes is_letter = internal::IsIn(characters, 'a', 'f');
  const Lanes nibbles = (is_digit & (characters - '0')) | (is_letter & (characters - ('a' - 10)));
  const auto pairs = reinterpret_cast<Pairs>(nibbles);
  const auto bytes = __builtin_convertvector((pairs << 4 | pairs >> 8) & 0xFF, HalfLanes);
  std::memcpy(out, &bytes, sizeof bytes);
  return ~(is_digit | is_letter);
}

constexpr char HexDigit(unsigned nibble) noexcept {
  // 9 - nibble wraps for 10..15, and the mask then adds the gap between '9' and 'a'.
  return static_cast<char>(nibble + '0' + (((9U - nibble) >> 8) & ('a' - '0' - 10)));
}

}  // namespace

Status DecodeHex(ByteView hex, std::uint8_t* out, std::size_t out_size) noexcept {
  if (hex.size % 2 != 0 || hex.size / 2 != out_size) {
    return Status::kMalformed;
  }
  Lanes refused{};
  std::size_t at = 0;
  for (; at + kLanes <= hex.size; at += kLanes) {
    refused |= DecodeLanes(hex.data + at, out + at / 2);
  }
  if (at < hex.size) {
    std::uint8_t last[kLanes];
    std::uint8_t bytes[kLanes / 2];
    std::memset(last, '0', sizeof last);
    std::memcpy(last, hex.data + at, hex.size - at);
    refused |= DecodeLanes(last, bytes);
    std::memcpy(out + at / 2, bytes, (hex.size - at) / 2);
  }
  return internal::IsZero(refused) ? Status::kOk : Status::kMalformed;
}

void EncodeHex(ByteView bytes, char* out) noexcept {
  for (std::size_t at = 0; at < bytes.size; ++at) {
    out[2 * at] = HexDigit(bytes.data[at] >> 4);
    out[2 * at + 1] = HexDigit(bytes.data[at] & 0x0F);
  }
}

}  // namespace paycrypto
