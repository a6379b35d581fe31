// Still declared by OpenSSL 3, only marked as old: no other interface lets an HMAC start from saved states without
// allocating. PAYCRYPTO_BACKEND=evp is there for a libcrypto that drops it.
#define OPENSSL_SUPPRESS_DEPRECATED

#include <openssl/sha.h>

#include <new>

#include "backend.h"
#include "paycrypto/version.h"
#include "wipe.h"

namespace paycrypto {
namespace internal {

struct HmacSha256State {
  SHA256_CTX inner;
  SHA256_CTX outer;
};

void HmacSha256StateDeleter::operator()(HmacSha256State* state) const noexcept {
  Wipe(*state);
  delete state;
}

HmacSha256State* NewHmacSha256State(const Sha256Block& inner, const Sha256Block& outer) noexcept {
  auto* state = new (std::nothrow) HmacSha256State;
  if (state != nullptr) {
    SHA256_Init(&state->inner);
    SHA256_Update(&state->inner, inner.data(), inner.size());
    SHA256_Init(&state->outer);
    SHA256_Update(&state->outer, outer.data(), outer.size());
  }
  return state;
}

Status ComputeHmacSha256(const HmacSha256State& state, ByteViews parts, HmacSha256Tag* tag) noexcept {
  SHA256_CTX hash = state.inner;
  for (std::size_t at = 0; at < parts.size; ++at) {
    SHA256_Update(&hash, parts.data[at].data, parts.data[at].size);
  }
  HmacSha256Tag inner_digest;
  SHA256_Final(inner_digest.data(), &hash);
  hash = state.outer;
  SHA256_Update(&hash, inner_digest.data(), inner_digest.size());
  SHA256_Final(tag->data(), &hash);
  Wipe(hash);
  Wipe(inner_digest);
  return Status::kOk;
}

Status ComputeSha256(ByteView message, std::uint8_t* out) noexcept {
  SHA256_CTX hash;
  SHA256_Init(&hash);
  SHA256_Update(&hash, message.data, message.size);
  SHA256_Final(out, &hash);
  Wipe(hash);
  return Status::kOk;
}

Status ComputeSha512(ByteViews parts, Sha512Digest* digest) noexcept {
  SHA512_CTX hash;
  SHA512_Init(&hash);
  for (std::size_t at = 0; at < parts.size; ++at) {
    SHA512_Update(&hash, parts.data[at].data, parts.data[at].size);
  }
  SHA512_Final(digest->data(), &hash);
  // SHA512_Final leaves the last block, which may hold a secret, in the context.
  Wipe(hash);
  return Status::kOk;
}

}  // namespace internal

const char* BackendName() noexcept { return "libcrypto-lowlevel"; }

}  // namespace paycrypto
