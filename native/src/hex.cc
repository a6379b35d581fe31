#include "paycrypto/hex.h"

namespace paycrypto {
namespace {

constexpr unsigned kNotHex = 0x100;

constexpr unsigned Nibble(std::uint8_t character) noexcept {
  if (character >= '0' && character <= '9') {
    return character - unsigned{'0'};
  }
  if (character >= 'a' && character <= 'f') {
    return character - unsigned{'a'} + 10;
  }
  return kNotHex;
}

struct NibbleTable {
  std::uint16_t values[256];
};

constexpr NibbleTable MakeNibbleTable() noexcept {
  NibbleTable table{};
  for (unsigned character = 0; character < 256; ++character) {
    table.values[character] = static_cast<std::uint16_t>(Nibble(static_cast<std::uint8_t>(character)));
  }
  return table;
}

constexpr NibbleTable kNibbles = MakeNibbleTable();

constexpr char HexDigit(unsigned nibble) noexcept {
  // 9 - nibble wraps for 10..15, and the mask then adds the gap between '9' and 'a'.
  return static_cast<char>(nibble + '0' + (((9U - nibble) >> 8) & ('a' - '0' - 10)));
}

}  // namespace

Status DecodeHex(ByteView hex, std::uint8_t* out, std::size_t out_size) noexcept {
  if (hex.size % 2 != 0 || hex.size / 2 != out_size) {
    return Status::kMalformed;
  }
  unsigned seen = 0;
  for (std::size_t at = 0; at < out_size; ++at) {
    const unsigned high = kNibbles.values[hex.data[2 * at]];
    const unsigned low = kNibbles.values[hex.data[2 * at + 1]];
    seen |= high | low;
    out[at] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return (seen & kNotHex) != 0 ? Status::kMalformed : Status::kOk;
}

void EncodeHex(ByteView bytes, char* out) noexcept {
  for (std::size_t at = 0; at < bytes.size; ++at) {
    out[2 * at] = HexDigit(bytes.data[at] >> 4);
    out[2 * at + 1] = HexDigit(bytes.data[at] & 0x0F);
  }
}

}  // namespace paycrypto
