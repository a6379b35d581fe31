#include "paycrypto/sha256.h"

#include "backend.h"

namespace paycrypto {

Status Sha256(ByteViews parts, Sha256Digest* digest) noexcept {
  return internal::ComputeHash<Hash::kSha256>(parts, digest->data());
}

}  // namespace paycrypto
