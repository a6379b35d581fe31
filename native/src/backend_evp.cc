#include <openssl/evp.h>

#include <memory>
#include <new>

#include "backend.h"
#include "paycrypto/version.h"
#include "wipe.h"

namespace paycrypto {
namespace internal {
namespace {

struct ContextDeleter {
  void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MD_CTX, ContextDeleter>;

// Fetched once and kept for the life of the process: a fetch costs more than a short hash.
const EVP_MD* FetchedSha256() noexcept {
  static const EVP_MD* const digest = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return digest;
}

const EVP_MD* FetchedSha512() noexcept {
  static const EVP_MD* const digest = EVP_MD_fetch(nullptr, "SHA512", nullptr);
  return digest;
}

// One working context for each thread; null when memory ran out. It is reset, and so wiped, after each use.
EVP_MD_CTX* ThreadContext() noexcept {
  thread_local Context context(EVP_MD_CTX_new());
  return context.get();
}

bool Start(EVP_MD_CTX* context, const EVP_MD* digest) noexcept {
  return context != nullptr && digest != nullptr && EVP_DigestInit_ex2(context, digest, nullptr) == 1;
}

bool Absorb(EVP_MD_CTX* context, ByteViews parts) noexcept {
  for (std::size_t at = 0; at < parts.size; ++at) {
    if (EVP_DigestUpdate(context, parts.data[at].data, parts.data[at].size) != 1) {
      return false;
    }
  }
  return true;
}

bool Finish(EVP_MD_CTX* context, std::uint8_t* out) noexcept {
  return EVP_DigestFinal_ex(context, out, nullptr) == 1;
}

Status Hash(const EVP_MD* digest, ByteViews parts, std::uint8_t* out) noexcept {
  EVP_MD_CTX* const context = ThreadContext();
  const bool done = Start(context, digest) && Absorb(context, parts) && Finish(context, out);
  EVP_MD_CTX_reset(context);
  return done ? Status::kOk : Status::kBackendFailure;
}

bool StartKeyed(EVP_MD_CTX* context, const Sha256Block& block) noexcept {
  return Start(context, FetchedSha256()) && EVP_DigestUpdate(context, block.data(), block.size()) == 1;
}

}  // namespace

// libcrypto wipes a digest's state when it frees its context.
struct HmacSha256State {
  Context inner{EVP_MD_CTX_new()};
  Context outer{EVP_MD_CTX_new()};
};

void HmacSha256StateDeleter::operator()(HmacSha256State* state) const noexcept { delete state; }

HmacSha256State* NewHmacSha256State(const Sha256Block& inner, const Sha256Block& outer) noexcept {
  std::unique_ptr<HmacSha256State> state(new (std::nothrow) HmacSha256State);
  if (state == nullptr || !StartKeyed(state->inner.get(), inner) || !StartKeyed(state->outer.get(), outer)) {
    return nullptr;
  }
  return state.release();
}

Status ComputeHmacSha256(const HmacSha256State& state, ByteViews parts, HmacSha256Tag* tag) noexcept {
  EVP_MD_CTX* const context = ThreadContext();
  if (context == nullptr) {
    return Status::kBackendFailure;
  }
  HmacSha256Tag inner_digest;
  const ByteView inner_view(inner_digest.data(), inner_digest.size());
  const bool done = EVP_MD_CTX_copy_ex(context, state.inner.get()) == 1 && Absorb(context, parts) &&
                    Finish(context, inner_digest.data()) &&
                    EVP_MD_CTX_copy_ex(context, state.outer.get()) == 1 && Absorb(context, {&inner_view, 1}) &&
                    Finish(context, tag->data());
  EVP_MD_CTX_reset(context);
  Wipe(inner_digest);
  return done ? Status::kOk : Status::kBackendFailure;
}

Status ComputeSha256(ByteView message, std::uint8_t* out) noexcept {
  return Hash(FetchedSha256(), {&message, 1}, out);
}

Status ComputeSha512(ByteViews parts, Sha512Digest* digest) noexcept {
  return Hash(FetchedSha512(), parts, digest->data());
}

}  // namespace internal

const char* BackendName() noexcept { return "libcrypto-evp"; }

}  // namespace paycrypto
