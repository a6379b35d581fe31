#pragma once

#include <cstddef>

#include "paycrypto/hmac_batch.h"
#include "paycrypto/status.h"

namespace paycrypto::internal {

// The whole of VerifyHmacSha256Batch, for keys that all hold a secret. One of batch_*.cc implements it, chosen when the
// library is built.
void VerifyBatch(const HmacSha256Check* checks, std::size_t count, Status* outcomes) noexcept;

inline Status VerifyAlone(const HmacSha256Check& check) noexcept {
  return check.key->Verify({&check.message, 1}, check.tag);
}

}  // namespace paycrypto::internal
