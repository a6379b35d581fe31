#include "paycrypto/token.h"

#include "paycrypto/constant_time.h"

namespace paycrypto {

Status VerifyToken(ByteView received, ByteViews expected, std::size_t* matched) noexcept {
  if (received.size == 0) {
    return Status::kMalformed;
  }
  for (std::size_t at = 0; at < expected.size; ++at) {
    if (Equal(received, expected.data[at])) {
      *matched = at;
      return Status::kOk;
    }
  }
  return Status::kNoMatch;
}

}  // namespace paycrypto
