#include "paycrypto/base64.h"

#include "lanes.h"
#include "wipe.h"

namespace paycrypto {
namespace {

using internal::IsIn;
using internal::kLanes;
using internal::Lanes;

// Turns kLanes characters into what they stand for. Returns a lane that is not zero for each that stands for nothing.
Lanes ReadSextets(const std::uint8_t* base64, std::uint8_t* sextets) noexcept {
  const Lanes characters = internal::LoadLanes(base64);
  const Lanes is_upper = IsIn(characters, 'A', 'Z');
  const Lanes is_lower = IsIn(characters, 'a', 'z');
  const Lanes is_digit = IsIn(characters, '0', '9');
  const Lanes is_plus = IsIn(characters, '+', '+');
  const Lanes is_slash = IsIn(characters, '/', '/');
  const Lanes values = (is_upper & (characters - 'A')) | (is_lower & (characters - ('a' - 26))) |
                       (is_digit & (characters + (52 - '0'))) | (is_plus & 62) | (is_slash & 63);
  std::memcpy(sextets, &values, sizeof values);
  return ~(is_upper | is_lower | is_digit | is_plus | is_slash);
}

// Packs whole groups of four sextets into three bytes each.
void PackGroups(const std::uint8_t* sextets, std::size_t groups, std::uint8_t* out) noexcept {
  for (std::size_t at = 0; at < groups; ++at, sextets += 4, out += 3) {
    out[0] = static_cast<std::uint8_t>(sextets[0] << 2 | sextets[1] >> 4);
    out[1] = static_cast<std::uint8_t>(sextets[1] << 4 | sextets[2] >> 2);
    out[2] = static_cast<std::uint8_t>(sextets[2] << 6 | sextets[3]);
  }
}

constexpr char Character(std::uint32_t sextet) noexcept {
  // Each mask is all ones from the first value of a range on, and adds the gap to that range.
  return static_cast<char>('A' + sextet + (((25 - sextet) >> 8) & ('a' - 'Z' - 1)) -
                           (((51 - sextet) >> 8) & ('z' - '0' + 1)) - (((61 - sextet) >> 8) & ('9' - '+' + 1)) +
                           (((62 - sextet) >> 8) & ('/' - '+' - 1)));
}

}  // namespace

Status DecodedBase64Size(ByteView base64, std::size_t* size) noexcept {
  if (base64.size % 4 != 0) {
    return Status::kMalformed;
  }
  std::size_t padding = 0;
  if (base64.size > 0 && base64.data[base64.size - 1] == '=') {
    padding = base64.data[base64.size - 2] == '=' ? 2 : 1;
  }
  *size = base64.size / 4 * 3 - padding;
  return Status::kOk;
}

Status DecodeBase64(ByteView base64, std::uint8_t* out, std::size_t out_size) noexcept {
  std::size_t size = 0;
  if (DecodedBase64Size(base64, &size) != Status::kOk || size != out_size) {
    return Status::kMalformed;
  }
  std::uint8_t sextets[kLanes];
  Lanes refused{};
  std::size_t at = 0;
  for (; at + kLanes < base64.size; at += kLanes, out += kLanes / 4 * 3) {
    refused |= ReadSextets(base64.data + at, sextets);
    PackGroups(sextets, kLanes / 4, out);
  }
  // What is left holds the end, whose padding is read as zeros: it is where DecodedBase64Size found it.
  const std::size_t left = base64.size - at;
  const std::size_t padding = base64.size / 4 * 3 - out_size;
  std::uint8_t last[kLanes];
  std::uint8_t bytes[kLanes / 4 * 3];
  std::memset(last, 'A', sizeof last);
  if (left > 0) {
    std::memcpy(last, base64.data + at, left - padding);
  }
  refused |= ReadSextets(last, sextets);
  PackGroups(sextets, kLanes / 4, bytes);
  const std::size_t decoded = left / 4 * 3 - padding;
  if (decoded > 0) {
    std::memcpy(out, bytes, decoded);
  }
  // Bits behind the last byte stand for nothing, and would give one value several texts.
  const bool is_canonical = padding == 0 || bytes[decoded] == 0;
  // Secrets are configured in base64.
  internal::Wipe(sextets);
  internal::Wipe(last);
  internal::Wipe(bytes);
  return internal::IsZero(refused) && is_canonical ? Status::kOk : Status::kMalformed;
}

void EncodeBase64(ByteView bytes, char* out) noexcept {
  const std::uint8_t* const in = bytes.data;
  const std::size_t left = bytes.size % 3;
  std::size_t at = 0;
  for (; at < bytes.size - left; at += 3, out += 4) {
    const std::uint32_t group = std::uint32_t{in[at]} << 16 | std::uint32_t{in[at + 1]} << 8 | in[at + 2];
    out[0] = Character(group >> 18);
    out[1] = Character(group >> 12 & 0x3F);
    out[2] = Character(group >> 6 & 0x3F);
    out[3] = Character(group & 0x3F);
  }
  if (left > 0) {
    const std::uint32_t group = std::uint32_t{in[at]} << 16 | (left == 2 ? std::uint32_t{in[at + 1]} << 8 : 0);
    out[0] = Character(group >> 18);
    out[1] = Character(group >> 12 & 0x3F);
    out[2] = left == 2 ? Character(group >> 6 & 0x3F) : '=';
    out[3] = '=';
  }
}

}  // namespace paycrypto
