#pragma once

#include <memory>

#include "paycrypto/byte_view.h"
#include "paycrypto/export.h"
#include "paycrypto/status.h"

namespace paycrypto {

// An RSA public key, parsed once: loading one costs as much as ten verifications. Moves but is not copied; const
// members may run concurrently.
class PAYCRYPTO_API RsaPublicKey {
 public:
  RsaPublicKey() noexcept;
  RsaPublicKey(RsaPublicKey&&) noexcept;
  RsaPublicKey& operator=(RsaPublicKey&&) noexcept;
  RsaPublicKey(const RsaPublicKey&) = delete;
  RsaPublicKey& operator=(const RsaPublicKey&) = delete;
  ~RsaPublicKey();

  // Allocates. Reads one PEM block `PUBLIC KEY` or `CERTIFICATE` (RFC 7468) with nothing but white space around it, or
  // the DER of a SubjectPublicKeyInfo; 16 KiB at most. Nothing of a certificate is checked: its chain and dates are the
  // caller's. kMalformed: anything else, or no RSA key of 2048 to 8192 bits with an odd exponent of 17 to 64 bits: from
  // 65537 on, but not so long that a verification takes milliseconds; libcrypto's decoder does not always tell that memory
  // ran out, so that may be kMalformed too. `*key` is replaced only on kOk.
  [[nodiscard]] static Status Parse(ByteView encoded, RsaPublicKey* key) noexcept;

  // Checks an RSASSA-PKCS1-v1_5 signature with SHA-256 (RFC 8017 section 8.2) over the parts, one after the other.
  // kMalformed: not as long as the modulus. kNoMatch: of another message or key. kInvalidArgument: an empty key.
  // Allocates.
  [[nodiscard]] Status VerifySha256(ByteViews parts, ByteView signature) const noexcept;

  // The length of the modulus; 0 for an empty key.
  [[nodiscard]] std::size_t Bits() const noexcept;

 private:
  struct State;
  struct StateDeleter {
    void operator()(State* state) const noexcept;
  };
  std::unique_ptr<State, StateDeleter> state_;
};

}  // namespace paycrypto
