#include "paycrypto/hmac_batch.h"

#include "batch.h"
#include "key_access.h"

namespace paycrypto {

Status VerifyHmacSha256Batch(const HmacSha256Check* checks, std::size_t count, Status* outcomes) noexcept {
  for (std::size_t at = 0; at < count; ++at) {
    if (checks[at].key == nullptr || internal::KeyAccess::StateOf(*checks[at].key) == nullptr) {
      return Status::kInvalidArgument;
    }
  }
  internal::VerifyBatch(checks, count, outcomes);
  return Status::kOk;
}

}  // namespace paycrypto
