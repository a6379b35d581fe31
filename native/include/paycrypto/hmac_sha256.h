#pragma once

#include <array>
#include <memory>

#include "paycrypto/byte_view.h"
#include "paycrypto/export.h"
#include "paycrypto/status.h"

namespace paycrypto {

namespace internal {
struct HmacSha256State;
struct HmacSha256StateDeleter {
  void operator()(HmacSha256State* state) const noexcept;
};
}  // namespace internal

inline constexpr std::size_t kHmacSha256Bytes = 32;
inline constexpr std::size_t kSecretBytesMax = 4096;
using HmacSha256Tag = std::array<std::uint8_t, kHmacSha256Bytes>;

// A secret, kept only as the two SHA-256 states that HMAC (RFC 2104) starts from. They forge as well as the secret
// does, so they are wiped with the object, which moves but cannot be copied. Const members may run concurrently.
class PAYCRYPTO_API HmacSha256Key {
 public:
  // Holds no secret: Sign and Verify give kInvalidArgument until Create has filled it.
  HmacSha256Key() noexcept;
  HmacSha256Key(HmacSha256Key&&) noexcept;
  HmacSha256Key& operator=(HmacSha256Key&&) noexcept;
  HmacSha256Key(const HmacSha256Key&) = delete;
  HmacSha256Key& operator=(const HmacSha256Key&) = delete;
  ~HmacSha256Key();

  // Allocates. secret: 1..kSecretBytesMax bytes, else kInvalidArgument. `*key` is replaced only on kOk.
  [[nodiscard]] static Status Create(ByteView secret, HmacSha256Key* key) noexcept;

  // The tag of the parts, one after the other. Does not allocate with the low-level backend.
  [[nodiscard]] Status Sign(ByteViews parts, HmacSha256Tag* tag) const noexcept;

  // Checks that `tag` is the tag of `message`, in constant time. kMalformed: not 32 bytes. kNoMatch: another tag.
  [[nodiscard]] Status Verify(ByteView message, ByteView tag) const noexcept;

 private:
  std::unique_ptr<internal::HmacSha256State, internal::HmacSha256StateDeleter> state_;
};

}  // namespace paycrypto
