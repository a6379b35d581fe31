#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "paycrypto/byte_view.h"
#include "paycrypto/hmac.h"
#include "paycrypto/paycrypto.h"
#include "paycrypto/status.h"

// Between the C interface and the C++ one. Each Read returns false where paycrypto.h says PAYCRYPTO_INVALID_ARGUMENT.

struct paycrypto_hmac_key {
  paycrypto_hash hash;
  paycrypto::HmacSha256Key sha256;  // only that of `hash` is filled
  paycrypto::HmacSha512Key sha512;
};

namespace paycrypto::internal {

[[nodiscard]] constexpr paycrypto_status ToC(Status status) noexcept { return static_cast<paycrypto_status>(status); }

[[nodiscard]] inline bool Read(paycrypto_bytes bytes, ByteView* view) noexcept {
  *view = ByteView(static_cast<const std::uint8_t*>(bytes.data), bytes.size);
  return bytes.size <= PTRDIFF_MAX && (bytes.data != nullptr || bytes.size == 0);
}

// An array of the other language's type is copied, at most PAYCRYPTO_ITEMS_MAX words of it: the types are distinct, so
// one must not be read through a pointer to the other.
class ViewList {
 public:
  [[nodiscard]] bool Read(const paycrypto_bytes* items, std::size_t count) noexcept {
    if (count > views_.size() || (items == nullptr && count > 0)) {
      return false;
    }
    for (; size_ < count; ++size_) {
      if (!internal::Read(items[size_], &views_[size_])) {
        return false;
      }
    }
    return true;
  }
  [[nodiscard]] ByteViews views() const noexcept { return {views_.data(), size_}; }

 private:
  std::array<ByteView, PAYCRYPTO_ITEMS_MAX> views_;
  std::size_t size_ = 0;
};

template <Hash kHash>
[[nodiscard]] const HmacKey<kHash>* KeyOf(const paycrypto_hmac_key* key) noexcept {
  if constexpr (kHash == Hash::kSha256) {
    return key != nullptr && key->hash == PAYCRYPTO_SHA256 ? &key->sha256 : nullptr;
  } else {
    return key != nullptr && key->hash == PAYCRYPTO_SHA512 ? &key->sha512 : nullptr;
  }
}

template <Hash kHash>
class KeyList {
 public:
  [[nodiscard]] bool Read(const paycrypto_hmac_key* const* keys, std::size_t count) noexcept {
    if (count > keys_.size() || (keys == nullptr && count > 0)) {
      return false;
    }
    for (; size_ < count; ++size_) {
      keys_[size_] = KeyOf<kHash>(keys[size_]);
      if (keys_[size_] == nullptr) {
        return false;
      }
    }
    return true;
  }
  [[nodiscard]] HmacKeys<kHash> keys() const noexcept { return {keys_.data(), size_}; }

 private:
  std::array<const HmacKey<kHash>*, PAYCRYPTO_ITEMS_MAX> keys_;
  std::size_t size_ = 0;
};

// Makes an output that the caller may leave out safe to write.
class Optional {
 public:
  explicit Optional(std::size_t* wanted) noexcept : target_(wanted == nullptr ? &unwanted_ : wanted) {}
  Optional(const Optional&) = delete;
  Optional& operator=(const Optional&) = delete;
  [[nodiscard]] std::size_t* get() noexcept { return target_; }

 private:
  std::size_t unwanted_ = 0;
  std::size_t* target_;
};

}  // namespace paycrypto::internal
