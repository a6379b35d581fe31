#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "paycrypto/byte_view.h"
#include "paycrypto/export.h"
#include "paycrypto/status.h"

// HMAC (RFC 2104) with SHA-256 and SHA-512, from keys that are prepared once.

namespace paycrypto {

inline constexpr std::size_t kSecretBytesMax = 4096;

// Visible, or else clang hides what is made from it.
enum class PAYCRYPTO_API Hash { kSha256, kSha512 };

template <Hash kHash>
inline constexpr std::size_t kHashBytes = kHash == Hash::kSha256 ? 32 : 64;

template <Hash kHash>
using HmacTag = std::array<std::uint8_t, kHashBytes<kHash>>;

namespace internal {
template <Hash kHash>
struct HmacState;
template <Hash kHash>
struct HmacStateDeleter {
  void operator()(HmacState<kHash>* state) const noexcept;
};
template <Hash kHash>
using HmacStatePointer = std::unique_ptr<HmacState<kHash>, HmacStateDeleter<kHash>>;
struct KeyAccess;
}  // namespace internal

// A secret, kept only as the two hash states that HMAC starts from. They forge as well as the secret does, so they are
// wiped with the object, which moves but cannot be copied. Const members may run concurrently.
template <Hash kHash>
class PAYCRYPTO_API HmacKey {
 public:
  using Tag = HmacTag<kHash>;

  // Holds no secret: all members give kInvalidArgument until Create has filled it.
  HmacKey() noexcept;
  HmacKey(HmacKey&&) noexcept;
  HmacKey& operator=(HmacKey&&) noexcept;
  HmacKey(const HmacKey&) = delete;
  HmacKey& operator=(const HmacKey&) = delete;
  ~HmacKey();

  // Allocates. secret: 1..kSecretBytesMax bytes, else kInvalidArgument. `*key` is replaced only on kOk.
  [[nodiscard]] static Status Create(ByteView secret, HmacKey* key) noexcept;

  // The tag of the parts, one after the other. Does not allocate with the low-level backend.
  [[nodiscard]] Status Sign(ByteViews parts, Tag* tag) const noexcept;

  // Check in constant time that a tag is that of the parts. kMalformed: a wrong length, or not the canonical text
  // (hex [0-9a-f]; base64 with padding, RFC 4648 section 4). kNoMatch: another tag.
  [[nodiscard]] Status Verify(ByteViews parts, ByteView tag) const noexcept;
  [[nodiscard]] Status VerifyHex(ByteViews parts, ByteView tag_hex) const noexcept;
  [[nodiscard]] Status VerifyBase64(ByteViews parts, ByteView tag_base64) const noexcept;

 private:
  friend struct internal::KeyAccess;
  internal::HmacStatePointer<kHash> state_;
};

// The live secrets, owned by someone else.
template <Hash kHash>
struct HmacKeys {
  const HmacKey<kHash>* const* data = nullptr;
  std::size_t size = 0;
};

// Checks that one of the raw `tags` is that of the parts under one of the live keys. Each key is compared with every
// tag, in constant time in the tags. On kOk `*matched_key` is the index of the first key that made one; those after it
// are not tried. kMalformed: a tag of a wrong length. kNoMatch: none, also when there is no key or no tag.
// kInvalidArgument: a key that is null or empty, wherever it stands.
template <Hash kHash>
[[nodiscard]] PAYCRYPTO_API Status VerifyAny(HmacKeys<kHash> keys, ByteViews parts, ByteViews tags,
                                             std::size_t* matched_key) noexcept;

// The tag of a message that arrives in pieces. Moves but cannot be copied; wiped with the object. Not to be shared
// between threads.
template <Hash kHash>
class PAYCRYPTO_API HmacStream {
 public:
  // Begun by Begin; before it, and after Finish or Verify, the members give kInvalidArgument.
  HmacStream() noexcept;
  HmacStream(HmacStream&&) noexcept;
  HmacStream& operator=(HmacStream&&) noexcept;
  HmacStream(const HmacStream&) = delete;
  HmacStream& operator=(const HmacStream&) = delete;
  ~HmacStream();

  // Allocates. The key may be destroyed afterwards.
  [[nodiscard]] static Status Begin(const HmacKey<kHash>& key, HmacStream* stream) noexcept;
  [[nodiscard]] Status Update(ByteView piece) noexcept;
  [[nodiscard]] Status Finish(HmacTag<kHash>* tag) noexcept;
  [[nodiscard]] Status Verify(ByteView tag) noexcept;

 private:
  internal::HmacStatePointer<kHash> state_;
};

using HmacSha256Key = HmacKey<Hash::kSha256>;
using HmacSha512Key = HmacKey<Hash::kSha512>;
using HmacSha256Tag = HmacTag<Hash::kSha256>;
using HmacSha512Tag = HmacTag<Hash::kSha512>;
using HmacSha256Keys = HmacKeys<Hash::kSha256>;
using HmacSha256Stream = HmacStream<Hash::kSha256>;
using HmacSha512Stream = HmacStream<Hash::kSha512>;
inline constexpr std::size_t kHmacSha256Bytes = kHashBytes<Hash::kSha256>;
inline constexpr std::size_t kHmacSha512Bytes = kHashBytes<Hash::kSha512>;

}  // namespace paycrypto
