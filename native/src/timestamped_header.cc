#include "timestamped_header.h"

#include "header_text.h"
#include "paycrypto/hex.h"

namespace paycrypto::internal {
namespace {

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
