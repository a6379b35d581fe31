#include "standard_webhooks_headers.h"

#include <cstring>

#include "header_text.h"
#include "paycrypto/base64.h"

namespace paycrypto::internal {
namespace {

constexpr std::size_t kVersionBytesMax = 16;

bool IsVersion(ByteView version) noexcept {
  if (version.size == 0 || version.size > kVersionBytesMax) {
    return false;
  }
  for (std::size_t at = 0; at < version.size; ++at) {
    const std::uint8_t c = version.data[at];
    const std::uint8_t folded = c | 0x20;
    if (!(folded >= 'a' && folded <= 'z') && !(c >= '0' && c <= '9')) {
      return false;
    }
  }
  return true;
}

bool ReadItem(ByteView version, ByteView value, StandardWebhook* parsed) noexcept {
  if (version.size == 2 && version.data[0] == 'v' && version.data[1] == '1') {
    if (parsed->tag_count == kWebhookTagsMax) {
      return false;
    }
    HmacSha256Tag& tag = parsed->tags[parsed->tag_count++];
    return DecodeBase64(value, tag.data(), tag.size()) == Status::kOk;
  }
  return IsVersion(version) && IsVisibleAscii(value);
}

}  // namespace

bool IsWebhookId(ByteView id) noexcept {
  return id.size <= kWebhookIdBytesMax && IsVisibleAscii(id) && std::memchr(id.data, '.', id.size) == nullptr;
}

Status ParseWebhookHeaders(const WebhookHeaders& headers, StandardWebhook* parsed) noexcept {
  if (!IsWebhookId(headers.id) || !ReadTimestamp(headers.timestamp, &parsed->timestamp_s) ||
      headers.signature.size > kWebhookSignatureBytesMax) {
    return Status::kMalformed;
  }
  parsed->tag_count = 0;
  ByteView rest = headers.signature;
  bool more = true;
  while (more) {
    ByteView item;
    ByteView version;
    more = Split(' ', &rest, &item);
    if (!Split(',', &item, &version) || !ReadItem(version, item, parsed)) {
      return Status::kMalformed;
    }
  }
  return parsed->tag_count > 0 ? Status::kOk : Status::kMalformed;
}

}  // namespace paycrypto::internal
