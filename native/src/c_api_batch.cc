#include <algorithm>

#include "c_api.h"
#include "paycrypto/hmac_batch.h"

namespace {

using paycrypto::HmacSha256Check;
using paycrypto::Status;
using paycrypto::internal::Read;
using paycrypto::internal::ToC;

// Checks translated at once, on the stack: as many as the batch sorts together.
constexpr std::size_t kBatchChunk = 1024;

bool ReadCheck(const paycrypto_hmac_check& check, HmacSha256Check* read) noexcept {
  read->key = paycrypto::internal::KeyOf<paycrypto::Hash::kSha256>(check.key);
  return read->key != nullptr && Read(check.message, &read->message) && Read(check.tag, &read->tag);
}

}  // namespace

paycrypto_status paycrypto_hmac_verify_batch(const paycrypto_hmac_check* checks, std::size_t count,
                                             paycrypto_status* outcomes) noexcept {
  if (count > 0 && (checks == nullptr || outcomes == nullptr)) {
    return PAYCRYPTO_INVALID_ARGUMENT;
  }
  HmacSha256Check chunk[kBatchChunk];
  for (std::size_t at = 0; at < count; ++at) {
    if (!ReadCheck(checks[at], &chunk[0])) {
      return PAYCRYPTO_INVALID_ARGUMENT;
    }
  }
  for (std::size_t begin = 0; begin < count; begin += kBatchChunk) {
    const std::size_t size = std::min(kBatchChunk, count - begin);
    for (std::size_t at = 0; at < size; ++at) {
      if (!ReadCheck(checks[begin + at], &chunk[at])) {
        return PAYCRYPTO_INVALID_ARGUMENT;
      }
    }
    Status statuses[kBatchChunk];
    if (const Status status = paycrypto::VerifyHmacSha256Batch(chunk, size, statuses); status != Status::kOk) {
      return ToC(status);
    }
    std::transform(statuses, statuses + size, outcomes + begin, ToC);
  }
  return PAYCRYPTO_OK;
}
