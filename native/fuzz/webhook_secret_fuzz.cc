#include "fuzz.h"
#include "paycrypto/standard_webhooks.h"
#include "reference.h"

// The input is the text of a secret.

namespace paycrypto::fuzz {
namespace {

void Check(const std::string& text) {
  const std::string prefix = "whsec_";
  const bool prefixed = text.compare(0, prefix.size(), prefix) == 0;
  const auto secret = prefixed ? reference::DecodeBase64(text.substr(prefix.size())) : std::nullopt;
  const bool good = secret && secret->size() >= 16 && secret->size() <= 128;
  HmacSha256Key key;
  CHECK(ParseWebhookSecret(text, &key) == (good ? Status::kOk : Status::kMalformed));
  const ByteView message("message");
  HmacSha256Tag tag;
  CHECK(key.Sign({&message, 1}, &tag) == (good ? Status::kOk : Status::kInvalidArgument));
  CHECK(!good || TagText(tag) == reference::HmacSha256(*secret, "message"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  Check(text);
  Check("whsec_" + text);
  Check("whsec_" + reference::EncodeBase64(text));
  return 0;
}

}  // namespace paycrypto::fuzz
