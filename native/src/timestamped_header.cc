#include "timestamped_header.h"

#include <cstring>

#include "paycrypto/hex.h"

namespace paycrypto::internal {
namespace {

constexpr std::size_t kTimestampDigitsMax = 15;
constexpr std::size_t kSchemeBytesMax = 16;

bool IsSchemeName(ByteView name) noexcept {
  if (name.size == 0 || name.size > kSchemeBytesMax) {
    return false;
  }
  for (std::size_t at = 0; at < name.size; ++at) {
    const std::uint8_t c = name.data[at];
    const std::uint8_t folded = c | 0x20;
    if (!(folded >= 'a' && folded <= 'z') && !(c >= '0' && c <= '9') && c != '_' && c != '-') {
      return false;
    }
  }
  return true;
}

bool IsVisibleAscii(ByteView value) noexcept {
  for (std::size_t at = 0; at < value.size; ++at) {
    if (value.data[at] < 0x21 || value.data[at] > 0x7E) {
      return false;
    }
  }
  return value.size > 0;
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

bool ReadItem(ByteView name, ByteView value, TimestampedHeader* parsed) noexcept {
  if (name.size == 1 && name.data[0] == 't') {
    const bool first = parsed->timestamp.size == 0;
    parsed->timestamp = value;
    return first && ReadTimestamp(value, &parsed->timestamp_s);
  }
  if (name.size == 2 && name.data[0] == 'v' && name.data[1] == '1') {
    if (parsed->tag_count == kTimestampedTagsMax) {
      return false;
    }
    HmacSha256Tag& tag = parsed->tags[parsed->tag_count++];
    return DecodeHex(value, tag.data(), tag.size()) == Status::kOk;
  }
  return IsSchemeName(name) && IsVisibleAscii(value);
}

// Takes what stands before the first `mark`, or all, out of `rest`. Returns whether the mark was there.
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

}  // namespace

Status ParseTimestampedHeader(ByteView header, TimestampedHeader* parsed) noexcept {
  if (header.size > kTimestampedHeaderBytesMax) {
    return Status::kMalformed;
  }
  parsed->timestamp = ByteView();
  parsed->tag_count = 0;
  bool more = true;
  while (more) {
    ByteView item;
    ByteView name;
    more = Split(',', &header, &item);
    if (!Split('=', &item, &name) || !ReadItem(name, item, parsed)) {
      return Status::kMalformed;
    }
  }
  return parsed->timestamp.size > 0 && parsed->tag_count > 0 ? Status::kOk : Status::kMalformed;
}

}  // namespace paycrypto::internal
