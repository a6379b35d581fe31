#include "paycrypto/standard_webhooks.h"

#include <charconv>
#include <cstring>

#include "paycrypto/base64.h"
#include "paycrypto/secret_bytes.h"
#include "standard_webhooks_headers.h"
#include "window.h"

namespace paycrypto {
namespace {

constexpr std::size_t kSecretBytesMin = 16;
constexpr std::size_t kWebhookSecretBytesMax = 128;
constexpr std::string_view kSecretPrefix = "whsec_";
constexpr std::string_view kTagPrefix = "v1,";

struct Message {
  Message(ByteView id, ByteView timestamp, ByteView body) noexcept : parts{id, ".", timestamp, ".", body} {}
  ByteViews View() const noexcept { return {parts, sizeof parts / sizeof parts[0]}; }

  ByteView parts[5];
};

}  // namespace

Status ParseWebhookSecret(ByteView text, HmacSha256Key* key) noexcept {
  if (text.size < kSecretPrefix.size() ||
      std::memcmp(text.data, kSecretPrefix.data(), kSecretPrefix.size()) != 0) {
    return Status::kMalformed;
  }
  const ByteView base64(text.data + kSecretPrefix.size(), text.size - kSecretPrefix.size());
  std::size_t size = 0;
  if (DecodedBase64Size(base64, &size) != Status::kOk || size < kSecretBytesMin || size > kWebhookSecretBytesMax) {
    return Status::kMalformed;
  }
  SecretBytes secret;
  if (const Status status = SecretBytes::Create(size, &secret); status != Status::kOk) {
    return status;
  }
  if (const Status status = DecodeBase64(base64, secret.data(), size); status != Status::kOk) {
    return status;
  }
  return HmacSha256Key::Create(secret.View(), key);
}

Status VerifyStandardWebhook(const WebhookHeaders& headers, ByteView body, HmacSha256Keys keys, ClockWindow window,
                             std::size_t* matched_key) noexcept {
  if (!internal::IsWindow(window)) {
    return Status::kInvalidArgument;
  }
  internal::StandardWebhook parsed;
  if (const Status status = internal::ParseWebhookHeaders(headers, &parsed); status != Status::kOk) {
    return status;
  }
  ByteView tags[kWebhookTagsMax];
  for (std::size_t at = 0; at < parsed.tag_count; ++at) {
    tags[at] = ByteView(parsed.tags[at].data(), parsed.tags[at].size());
  }
  const Message message(headers.id, headers.timestamp, body);
  const Status status = VerifyAny(keys, message.View(), {tags, parsed.tag_count}, matched_key);
  if (status != Status::kOk) {
    return status;
  }
  return internal::IsWithin(window, parsed.timestamp_s) ? Status::kOk : Status::kOutsideWindow;
}

Status SignStandardWebhook(const HmacSha256Key& key, ByteView id, std::int64_t timestamp_s, ByteView body,
                           WebhookSignature* signature) noexcept {
  if (!internal::IsWebhookId(id) || timestamp_s < 0 || timestamp_s > kTimestampSecondsMax) {
    return Status::kInvalidArgument;
  }
  char digits[15];
  const char* const end = std::to_chars(digits, digits + sizeof digits, timestamp_s).ptr;
  const std::string_view timestamp(digits, static_cast<std::size_t>(end - digits));
  HmacSha256Tag tag;
  if (const Status status = key.Sign(Message(id, timestamp, body).View(), &tag); status != Status::kOk) {
    return status;
  }
  std::memcpy(signature->text, kTagPrefix.data(), kTagPrefix.size());
  EncodeBase64(ByteView(tag.data(), tag.size()), signature->text + kTagPrefix.size());
  return Status::kOk;
}

}  // namespace paycrypto
