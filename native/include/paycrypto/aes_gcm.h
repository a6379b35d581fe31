#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "paycrypto/byte_view.h"
#include "paycrypto/export.h"
#include "paycrypto/status.h"

// AES-256-GCM (NIST SP 800-38D): keeps a text secret, and tells whether it or what it belongs to was changed.

namespace paycrypto {

inline constexpr std::size_t kAes256KeyBytes = 32;
inline constexpr std::size_t kAesGcmNonceBytes = 12;
inline constexpr std::size_t kAesGcmTagBytes = 16;
// What one call takes, of the text and of the associated data each: both lie whole in memory.
inline constexpr std::size_t kAesGcmBytesMax = std::size_t{64} << 20;

// A key of AES-256-GCM, wiped with the object, which moves but cannot be copied. Const members may run concurrently.
// A sealed text is the ciphertext, as long as the plaintext, and the tag behind it.
//
// Two texts sealed with one nonce under one key tell about both, and let anyone forge more: take a fresh nonce each
// time. Of random ones a key bears 2^32 (section 8.3).
// Constant time in key and texts where the processor has instructions for GCM (x86-64: PCLMULQDQ, arm64: PMULL);
// elsewhere libcrypto may read tables.
class PAYCRYPTO_API Aes256GcmKey {
 public:
  // Holds no key: all members give kInvalidArgument until Create has filled it.
  Aes256GcmKey() noexcept;
  Aes256GcmKey(Aes256GcmKey&&) noexcept;
  Aes256GcmKey& operator=(Aes256GcmKey&&) noexcept;
  Aes256GcmKey(const Aes256GcmKey&) = delete;
  Aes256GcmKey& operator=(const Aes256GcmKey&) = delete;
  ~Aes256GcmKey();

  // Allocates. secret: kAes256KeyBytes, else kInvalidArgument. `*key` is replaced only on kOk.
  [[nodiscard]] static Status Create(ByteView secret, Aes256GcmKey* key) noexcept;

  // Writes the sealed text to `out`, which has plaintext.size + kAesGcmTagBytes and overlaps no input. nonce:
  // kAesGcmNonceBytes; it is needed to open and is no secret. kInvalidArgument: another size, or more than
  // kAesGcmBytesMax. Allocates.
  [[nodiscard]] Status Seal(ByteView nonce, ByteView plaintext, ByteView associated_data, std::uint8_t* out,
                            std::size_t out_size) const noexcept;

  // Writes the plaintext to `out`, which has sealed.size - kAesGcmTagBytes and overlaps no input. Unless it gives kOk,
  // `out` holds nothing of the plaintext. kMalformed: a nonce of another size, or a sealed text that is shorter than a
  // tag, or has more than kAesGcmBytesMax before it. kNoMatch: it was sealed with another key, nonce or associated data,
  // or changed since. kInvalidArgument: another `out_size`, or too much associated data. Allocates.
  [[nodiscard]] Status Open(ByteView nonce, ByteView sealed, ByteView associated_data, std::uint8_t* out,
                            std::size_t out_size) const noexcept;

 private:
  struct State;
  struct StateDeleter {
    void operator()(State* state) const noexcept;
  };
  std::unique_ptr<State, StateDeleter> state_;
};

}  // namespace paycrypto
