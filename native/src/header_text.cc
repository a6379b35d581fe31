#include "header_text.h"

#include <cstring>

namespace paycrypto::internal {
namespace {

constexpr std::size_t kTimestampDigitsMax = 15;

}  // namespace

bool IsVisibleAscii(ByteView text) noexcept {
  for (std::size_t at = 0; at < text.size; ++at) {
    if (text.data[at] < 0x21 || text.data[at] > 0x7E) {
      return false;
    }
  }
  return text.size > 0;
}

bool Split(std::uint8_t mark, ByteView* rest, ByteView* before) noexcept {
  const void* found = rest->size == 0 ? nullptr : std::memchr(rest->data, mark, rest->size);
  if (found == nullptr) {
    *before = *rest;
    *rest = ByteView();
    return false;
  }
  const auto length = static_cast<std::size_t>(static_cast<const std::uint8_t*>(found) - rest->data);
  *before = ByteView(rest->data, length);
  *rest = ByteView(rest->data + length + 1, rest->size - length - 1);
  return true;
}

bool ReadTimestamp(ByteView digits, std::int64_t* timestamp_s) noexcept {
  if (digits.size == 0 || digits.size > kTimestampDigitsMax || (digits.size > 1 && digits.data[0] == '0')) {
    return false;
  }
  std::int64_t value = 0;
  for (std::size_t at = 0; at < digits.size; ++at) {
    if (digits.data[at] < '0' || digits.data[at] > '9') {
      return false;
    }
    value = value * 10 + (digits.data[at] - '0');
  }
  *timestamp_s = value;
  return true;
}

}  // namespace paycrypto::internal
