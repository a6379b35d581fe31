#include "paycrypto/component_signature.h"

#include <cstring>

#include "header_text.h"
#include "paycrypto/base64.h"
#include "paycrypto/sha256.h"

namespace paycrypto {
namespace {

constexpr std::string_view kTagPrefix = "HMACSHA256=";

bool IsComponent(ByteView value) noexcept {
  return value.size <= kComponentBytesMax && internal::IsVisibleAscii(value);
}

bool AreComponents(const SignedComponents& components, ByteView body) noexcept {
  return IsComponent(components.client_id) && IsComponent(components.request_id) &&
         IsComponent(components.timestamp) && IsComponent(components.target) && components.target.data[0] == '/' &&
         (components.has_body || body.size == 0);
}

// What is signed; the views point into the components and into the message itself.
class Message {
 public:
  Message() noexcept = default;
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;

  [[nodiscard]] Status Build(const SignedComponents& components, ByteView body) noexcept {
    Add("Client-Id:", components.client_id);
    Add("\nRequest-Id:", components.request_id);
    Add(components.is_response ? "\nResponse-Timestamp:" : "\nRequest-Timestamp:", components.timestamp);
    Add("\nRequest-Target:", components.target);
    if (components.has_body) {
      Sha256Digest digest;
      if (const Status status = Sha256({&body, 1}, &digest); status != Status::kOk) {
        return status;
      }
      EncodeBase64(ByteView(digest.data(), digest.size()), digest_base64_);
      Add("\nDigest:", std::string_view(digest_base64_, sizeof digest_base64_));
    }
    return Status::kOk;
  }

  ByteViews View() const noexcept { return {parts_, size_}; }

 private:
  void Add(ByteView name, ByteView value) noexcept {
    parts_[size_++] = name;
    parts_[size_++] = value;
  }

  ByteView parts_[10];
  std::size_t size_ = 0;
  char digest_base64_[Base64Size(kSha256Bytes)];
};

bool ReadTag(ByteView signature, HmacSha256Tag* tag) noexcept {
  if (signature.size < kTagPrefix.size() ||
      std::memcmp(signature.data, kTagPrefix.data(), kTagPrefix.size()) != 0) {
    return false;
  }
  const ByteView base64(signature.data + kTagPrefix.size(), signature.size - kTagPrefix.size());
  return DecodeBase64(base64, tag->data(), tag->size()) == Status::kOk;
}

}  // namespace

Status VerifyComponentSignature(ByteView signature, const SignedComponents& components, ByteView body,
                                HmacSha256Keys keys, std::size_t* matched_key) noexcept {
  HmacSha256Tag tag;
  if (!AreComponents(components, body) || !ReadTag(signature, &tag)) {
    return Status::kMalformed;
  }
  Message message;
  if (const Status status = message.Build(components, body); status != Status::kOk) {
    return status;
  }
  const ByteView tag_view(tag.data(), tag.size());
  return VerifyAny(keys, message.View(), {&tag_view, 1}, matched_key);
}

Status SignComponents(const HmacSha256Key& key, const SignedComponents& components, ByteView body,
                      ComponentSignature* signature) noexcept {
  if (!AreComponents(components, body)) {
    return Status::kInvalidArgument;
  }
  Message message;
  HmacSha256Tag tag;
  if (const Status status = message.Build(components, body); status != Status::kOk) {
    return status;
  }
  if (const Status status = key.Sign(message.View(), &tag); status != Status::kOk) {
    return status;
  }
  std::memcpy(signature->text, kTagPrefix.data(), kTagPrefix.size());
  EncodeBase64(ByteView(tag.data(), tag.size()), signature->text + kTagPrefix.size());
  return Status::kOk;
}

}  // namespace paycrypto
