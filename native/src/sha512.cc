#include "paycrypto/sha512.h"

#include "backend.h"
#include "paycrypto/constant_time.h"
#include "paycrypto/hex.h"
#include "wipe.h"

namespace paycrypto {

Status Sha512(ByteViews parts, Sha512Digest* digest) noexcept {
  return internal::ComputeHash<Hash::kSha512>(parts, digest->data());
}

Status VerifySha512Concat(ByteViews parts, ByteView expected_hex) noexcept {
  if (parts.size == 0) {
    return Status::kMalformed;
  }
  for (std::size_t at = 0; at < parts.size; ++at) {
    if (parts.data[at].size == 0) {
      return Status::kMalformed;
    }
  }
  Sha512Digest received;
  if (const Status status = DecodeHex(expected_hex, received.data(), received.size()); status != Status::kOk) {
    return status;
  }
  Sha512Digest computed;
  Status status = internal::ComputeHash<Hash::kSha512>(parts, computed.data());
  if (status == Status::kOk &&
      !Equal(ByteView(computed.data(), computed.size()), ByteView(received.data(), received.size()))) {
    status = Status::kNoMatch;
  }
  internal::Wipe(computed);
  return status;
}

}  // namespace paycrypto
