#include "paycrypto/timestamped_hmac.h"

#include <charconv>
#include <cstring>

#include "paycrypto/hex.h"
#include "timestamped_header.h"
#include "window.h"

namespace paycrypto {
namespace {

}  // namespace

Status VerifyTimestampedHmac(ByteView header, ByteView body, HmacSha256Keys keys, ClockWindow window,
                             std::size_t* matched_key) noexcept {
  if (!internal::IsWindow(window)) {
    return Status::kInvalidArgument;
  }
  internal::TimestampedHeader parsed;
  if (const Status status = internal::ParseTimestampedHeader(header, &parsed); status != Status::kOk) {
    return status;
  }
  ByteView tags[kTimestampedTagsMax];
  for (std::size_t at = 0; at < parsed.tag_count; ++at) {
    tags[at] = ByteView(parsed.tags[at].data(), parsed.tags[at].size());
  }
  const ByteView parts[] = {parsed.timestamp, ByteView("."), body};
  const Status status = VerifyAny(keys, {parts, 3}, {tags, parsed.tag_count}, matched_key);
  if (status != Status::kOk) {
    return status;
  }
  return internal::IsWithin(window, parsed.timestamp_s) ? Status::kOk : Status::kOutsideWindow;
}

Status SignTimestampedHmac(const HmacSha256Key& key, ByteView body, std::int64_t timestamp_s,
                           SignedHeader* header) noexcept {
  if (timestamp_s < 0 || timestamp_s > kTimestampSecondsMax) {
    return Status::kInvalidArgument;
  }
  char* const timestamp = header->text + 2;
  char* const end = std::to_chars(timestamp, header->text + sizeof header->text, timestamp_s).ptr;
  HmacSha256Tag tag;
  const ByteView timestamp_view(std::string_view(timestamp, static_cast<std::size_t>(end - timestamp)));
  const ByteView parts[] = {timestamp_view, ByteView("."), body};
  if (const Status status = key.Sign({parts, 3}, &tag); status != Status::kOk) {
    return status;
  }
  std::memcpy(header->text, "t=", 2);
  std::memcpy(end, ",v1=", 4);
  EncodeHex(ByteView(tag.data(), tag.size()), end + 4);
  header->size = static_cast<std::size_t>(end - header->text) + 4 + 2 * tag.size();
  return Status::kOk;
}

}  // namespace paycrypto
