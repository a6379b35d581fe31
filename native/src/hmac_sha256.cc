#include "paycrypto/hmac_sha256.h"

#include <cstring>

#include "backend.h"
#include "paycrypto/constant_time.h"
#include "wipe.h"

namespace paycrypto {

using internal::Sha256Block;

HmacSha256Key::HmacSha256Key() noexcept = default;
HmacSha256Key::HmacSha256Key(HmacSha256Key&&) noexcept = default;
HmacSha256Key& HmacSha256Key::operator=(HmacSha256Key&&) noexcept = default;
HmacSha256Key::~HmacSha256Key() = default;

Status HmacSha256Key::Create(ByteView secret, HmacSha256Key* key) noexcept {
  if (secret.size == 0 || secret.size > kSecretBytesMax) {
    return Status::kInvalidArgument;
  }
  Sha256Block inner{};
  if (secret.size <= inner.size()) {
    std::memcpy(inner.data(), secret.data, secret.size);
  } else if (const Status status = internal::ComputeSha256(secret, inner.data()); status != Status::kOk) {
    return status;
  }
  Sha256Block outer = inner;
  for (std::size_t at = 0; at < inner.size(); ++at) {
    inner[at] ^= 0x36;
    outer[at] ^= 0x5c;
  }
  internal::HmacSha256State* const state = internal::NewHmacSha256State(inner, outer);
  internal::Wipe(inner);
  internal::Wipe(outer);
  if (state == nullptr) {
    return Status::kBackendFailure;
  }
  key->state_.reset(state);
  return Status::kOk;
}

Status HmacSha256Key::Sign(ByteViews parts, HmacSha256Tag* tag) const noexcept {
  if (state_ == nullptr) {
    return Status::kInvalidArgument;
  }
  return internal::ComputeHmacSha256(*state_, parts, tag);
}

Status HmacSha256Key::Verify(ByteView message, ByteView tag) const noexcept {
  if (tag.size != kHmacSha256Bytes) {
    return Status::kMalformed;
  }
  HmacSha256Tag expected;
  Status status = Sign({&message, 1}, &expected);
  if (status == Status::kOk && !Equal(ByteView(expected.data(), expected.size()), tag)) {
    status = Status::kNoMatch;
  }
  internal::Wipe(expected);
  return status;
}

}  // namespace paycrypto
