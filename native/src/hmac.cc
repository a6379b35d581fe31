#include "paycrypto/hmac.h"

#include <cstring>

#include "backend.h"
#include "key_access.h"
#include "paycrypto/base64.h"
#include "paycrypto/constant_time.h"
#include "paycrypto/hex.h"
#include "wipe.h"

namespace paycrypto {
namespace {

template <Hash kHash>
ByteView ViewOf(const HmacTag<kHash>& tag) noexcept {
  return {tag.data(), tag.size()};
}

}  // namespace

template <Hash kHash>
HmacKey<kHash>::HmacKey() noexcept = default;
template <Hash kHash>
HmacKey<kHash>::HmacKey(HmacKey&&) noexcept = default;
template <Hash kHash>
HmacKey<kHash>& HmacKey<kHash>::operator=(HmacKey&&) noexcept = default;
template <Hash kHash>
HmacKey<kHash>::~HmacKey() = default;

template <Hash kHash>
Status HmacKey<kHash>::Create(ByteView secret, HmacKey* key) noexcept {
  if (secret.size == 0 || secret.size > kSecretBytesMax) {
    return Status::kInvalidArgument;
  }
  internal::Block<kHash> inner{};
  if (secret.size <= inner.size()) {
    std::memcpy(inner.data(), secret.data, secret.size);
  } else if (const Status status = internal::ComputeHash<kHash>({&secret, 1}, inner.data()); status != Status::kOk) {
    internal::Wipe(inner);
    return status;
  }
  internal::Block<kHash> outer = inner;
  for (std::size_t at = 0; at < inner.size(); ++at) {
    inner[at] ^= 0x36;
    outer[at] ^= 0x5c;
  }
  internal::HmacStatePointer<kHash> state = internal::NewHmacState<kHash>(inner, outer);
  internal::Wipe(inner);
  internal::Wipe(outer);
  if (state == nullptr) {
    return Status::kBackendFailure;
  }
  key->state_ = std::move(state);
  return Status::kOk;
}

template <Hash kHash>
Status HmacKey<kHash>::Sign(ByteViews parts, Tag* tag) const noexcept {
  if (state_ == nullptr) {
    return Status::kInvalidArgument;
  }
  return internal::ComputeHmac(*state_, parts, tag);
}

template <Hash kHash>
Status HmacKey<kHash>::Verify(ByteViews parts, ByteView tag) const noexcept {
  if (state_ == nullptr) {
    return Status::kInvalidArgument;
  }
  if (tag.size != kHashBytes<kHash>) {
    return Status::kMalformed;
  }
  Tag expected;
  Status status = internal::ComputeHmac(*state_, parts, &expected);
  if (status == Status::kOk && !Equal(ViewOf<kHash>(expected), tag)) {
    status = Status::kNoMatch;
  }
  internal::Wipe(expected);
  return status;
}

template <Hash kHash>
Status HmacKey<kHash>::VerifyHex(ByteViews parts, ByteView tag_hex) const noexcept {
  Tag tag;
  if (const Status status = DecodeHex(tag_hex, tag.data(), tag.size()); status != Status::kOk) {
    return state_ == nullptr ? Status::kInvalidArgument : status;
  }
  return Verify(parts, ViewOf<kHash>(tag));
}

template <Hash kHash>
Status HmacKey<kHash>::VerifyBase64(ByteViews parts, ByteView tag_base64) const noexcept {
  Tag tag;
  if (const Status status = DecodeBase64(tag_base64, tag.data(), tag.size()); status != Status::kOk) {
    return state_ == nullptr ? Status::kInvalidArgument : status;
  }
  return Verify(parts, ViewOf<kHash>(tag));
}

template <Hash kHash>
Status VerifyAny(HmacKeys<kHash> keys, ByteViews parts, ByteViews tags, std::size_t* matched_key) noexcept {
  for (std::size_t at = 0; at < keys.size; ++at) {
    if (keys.data[at] == nullptr || internal::KeyAccess::StateOf(*keys.data[at]) == nullptr) {
      return Status::kInvalidArgument;
    }
  }
  for (std::size_t at = 0; at < tags.size; ++at) {
    if (tags.data[at].size != kHashBytes<kHash>) {
      return Status::kMalformed;
    }
  }
  for (std::size_t at = 0; at < keys.size; ++at) {
    HmacTag<kHash> expected;
    const Status status = keys.data[at]->Sign(parts, &expected);
    bool matches = false;
    for (std::size_t tag = 0; status == Status::kOk && tag < tags.size; ++tag) {
      matches |= Equal(ViewOf<kHash>(expected), tags.data[tag]);
    }
    internal::Wipe(expected);
    if (status != Status::kOk) {
      return status;
    }
    if (matches) {
      *matched_key = at;
      return Status::kOk;
    }
  }
  return Status::kNoMatch;
}

template class HmacKey<Hash::kSha256>;
template class HmacKey<Hash::kSha512>;
template Status VerifyAny(HmacKeys<Hash::kSha256>, ByteViews, ByteViews, std::size_t*) noexcept;
template Status VerifyAny(HmacKeys<Hash::kSha512>, ByteViews, ByteViews, std::size_t*) noexcept;

}  // namespace paycrypto
