#include "batch.h"
#include "paycrypto/version.h"

namespace paycrypto {
namespace internal {

void VerifyBatch(const HmacSha256Check* checks, std::size_t count, Status* outcomes) noexcept {
  for (std::size_t at = 0; at < count; ++at) {
    outcomes[at] = VerifyAlone(checks[at]);
  }
}

}  // namespace internal

const char* BatchBackendName() noexcept { return "scalar"; }

}  // namespace paycrypto
