#include "paycrypto/component_signature.h"

#include "fuzz.h"
#include "reference.h"

// Fields: how many keys are live, 1 for a response, 0 for no body, a choice for Mutate, the four components, the
// signature, the body. In the signature 0x01..0x03 stand for the base64 tag under the first to third key, 0x04 for one
// with a flipped bit.

namespace paycrypto::fuzz {
namespace {

struct Message {
  std::string components[4];  // client id, request id, timestamp, target
  bool is_response;
  bool has_body;
  std::string body;

  SignedComponents View() const {
    return {components[0], components[1], components[2], components[3], is_response, has_body};
  }
  bool IsWellFormed() const {
    for (const std::string& component : components) {
      if (!reference::IsVisible(component) || component.size() > 1024) {
        return false;
      }
    }
    return components[3][0] == '/';
  }
  std::string Text() const {
    return "Client-Id:" + components[0] + "\nRequest-Id:" + components[1] +
           (is_response ? "\nResponse-Timestamp:" : "\nRequest-Timestamp:") + components[2] +
           "\nRequest-Target:" + components[3] +
           (has_body ? "\nDigest:" + reference::EncodeBase64(reference::Sha256(body)) : "");
  }
};

Answer Expect(const std::string& signature, const Message& message, std::size_t key_count) {
  const std::string prefix = "HMACSHA256=";
  const bool prefixed = signature.compare(0, prefix.size(), prefix) == 0;
  const auto tag = prefixed ? reference::DecodeBase64(signature.substr(prefix.size())) : std::nullopt;
  if (!message.IsWellFormed() || !tag || tag->size() != 32) {
    return {Status::kMalformed, kUntouched};
  }
  return reference::Match({*tag}, message.Text(), key_count, 0, {0, 0});
}

Answer Verify(const std::string& signature, const Message& message, HmacSha256Keys keys) {
  Answer answer{};
  answer.status = VerifyComponentSignature(signature, message.View(), message.body, keys, &answer.matched);
  return answer;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const LiveKeys live;
  Input input(data, size);
  const HmacSha256Keys keys = live.View(input.Number());
  Message message{};
  message.is_response = input.Number() == 1;
  message.has_body = input.Number() != 0;
  const std::int64_t choice = input.Number();
  for (std::string& component : message.components) {
    component = input.Field();
  }
  std::string signature = input.Field();
  message.body = message.has_body ? input.Rest() : "";

  std::vector<std::string> tags;
  for (const char* secret : LiveKeys::kSecrets) {
    tags.push_back(reference::EncodeBase64(reference::HmacSha256(secret, message.Text())));
  }
  std::string flipped = tags[0];
  flipped[static_cast<std::uint64_t>(choice) % 42] ^= 1;
  tags.push_back(flipped);
  signature = Expand(signature, tags);
  CHECK(Verify(signature, message, keys) == Expect(signature, message, keys.size));

  ComponentSignature made;
  const bool can_sign = message.IsWellFormed();
  CHECK(SignComponents(live[1], message.View(), message.body, &made) ==
        (can_sign ? Status::kOk : Status::kInvalidArgument));
  if (can_sign) {
    const std::string text(made.text, sizeof made.text);
    CHECK(text == "HMACSHA256=" + tags[1]);
    const HmacSha256Keys all = live.View(LiveKeys::kCount);
    CHECK((Verify(text, message, all) == Answer{Status::kOk, 1}));
    CHECK(Verify(Mutate(text, choice), message, all).status != Status::kOk);
    for (std::string& component : message.components) {
      const std::string kept = component;
      component = Mutate(component, choice);
      CHECK(Verify(text, message, all).status != Status::kOk);
      component = kept;
    }
    message.is_response = !message.is_response;
    CHECK(Verify(text, message, all).status == Status::kNoMatch);
    message.is_response = !message.is_response;
    message.body = message.body.empty() ? "x" : Mutate(message.body, choice);
    message.has_body = true;
    CHECK(Verify(text, message, all).status == Status::kNoMatch);
  }
  return 0;
}

}  // namespace paycrypto::fuzz
