#include "paycrypto/timestamped_hmac.h"

#include <charconv>
#include <cstring>

#include "paycrypto/constant_time.h"
#include "paycrypto/hex.h"
#include "timestamped_header.h"
#include "window.h"
#include "wipe.h"

namespace paycrypto {
namespace {

Status SignMessage(const HmacSha256Key& key, ByteView timestamp, ByteView body, HmacSha256Tag* tag) noexcept {
  const ByteView parts[] = {timestamp, ByteView("."), body};
  return key.Sign({parts, 3}, tag);
}

// Compares with every candidate, so that the time does not tell which one matched.
bool IsAmong(const HmacSha256Tag& tag, const internal::TimestampedHeader& header) noexcept {
  bool found = false;
  for (std::size_t at = 0; at < header.tag_count; ++at) {
    found |= Equal(ByteView(tag.data(), tag.size()), ByteView(header.tags[at].data(), header.tags[at].size()));
  }
  return found;
}

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
  for (std::size_t at = 0; at < keys.size; ++at) {
    HmacSha256Tag tag;
    const Status status = SignMessage(*keys.data[at], parsed.timestamp, body, &tag);
    const bool matches = status == Status::kOk && IsAmong(tag, parsed);
    internal::Wipe(tag);
    if (status != Status::kOk) {
      return status;
    }
    if (matches) {
      *matched_key = at;
      return internal::IsWithin(window, parsed.timestamp_s) ? Status::kOk : Status::kOutsideWindow;
    }
  }
  return Status::kNoMatch;
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
  if (const Status status = SignMessage(key, timestamp_view, body, &tag); status != Status::kOk) {
    return status;
  }
  std::memcpy(header->text, "t=", 2);
  std::memcpy(end, ",v1=", 4);
  EncodeHex(ByteView(tag.data(), tag.size()), end + 4);
  header->size = static_cast<std::size_t>(end - header->text) + 4 + 2 * tag.size();
  return Status::kOk;
}

}  // namespace paycrypto
