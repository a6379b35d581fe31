#pragma once

#include "paycrypto/byte_view.h"
#include "paycrypto/hmac.h"
#include "paycrypto/standard_webhooks.h"
#include "paycrypto/status.h"

namespace paycrypto::internal {

struct StandardWebhook {
  std::int64_t timestamp_s;
  std::size_t tag_count;
  HmacSha256Tag tags[kWebhookTagsMax];
};

[[nodiscard]] bool IsWebhookId(ByteView id) noexcept;

// Reads headers in the form of paycrypto/standard_webhooks.h. kMalformed: any other form.
[[nodiscard]] Status ParseWebhookHeaders(const WebhookHeaders& headers, StandardWebhook* parsed) noexcept;

}  // namespace paycrypto::internal
