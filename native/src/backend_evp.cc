#include <openssl/evp.h>

#include <atomic>
#include <memory>
#include <new>

#include "backend.h"
#include "backend_instances.h"
#include "paycrypto/version.h"
#include "wipe.h"

namespace paycrypto {
namespace internal {

struct ContextDeleter {
  void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MD_CTX, ContextDeleter>;

namespace {

// Fetched once and kept for the life of the process: a fetch costs more than a short hash. A failed one is tried again.
template <Hash kHash>
const EVP_MD* FetchedDigest() noexcept {
  static std::atomic<EVP_MD*> kept{nullptr};
  EVP_MD* digest = kept.load(std::memory_order_acquire);
  if (digest == nullptr) {
    EVP_MD* const fetched = EVP_MD_fetch(nullptr, kHash == Hash::kSha256 ? "SHA256" : "SHA512", nullptr);
    if (kept.compare_exchange_strong(digest, fetched, std::memory_order_acq_rel)) {
      return fetched;
    }
    EVP_MD_free(fetched);
  }
  return digest;
}

// One working context for each thread; null when memory ran out. It is reset, and so wiped, after each use.
EVP_MD_CTX* ThreadContext() noexcept {
  thread_local Context context(EVP_MD_CTX_new());
  return context.get();
}

template <Hash kHash>
bool Start(EVP_MD_CTX* context) noexcept {
  const EVP_MD* const digest = FetchedDigest<kHash>();
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

Status Outcome(bool done) noexcept { return done ? Status::kOk : Status::kBackendFailure; }

template <Hash kHash>
bool StartKeyed(EVP_MD_CTX* context, const Block<kHash>& block) noexcept {
  return Start<kHash>(context) && EVP_DigestUpdate(context, block.data(), block.size()) == 1;
}

}  // namespace

// libcrypto wipes a digest's state when it frees its context.
template <Hash kHash>
struct HmacState {
  Context inner{EVP_MD_CTX_new()};
  Context outer{EVP_MD_CTX_new()};
};

template <Hash kHash>
void HmacStateDeleter<kHash>::operator()(HmacState<kHash>* state) const noexcept {
  delete state;
}

template <Hash kHash>
HmacStatePointer<kHash> NewHmacState(const Block<kHash>& inner, const Block<kHash>& outer) noexcept {
  HmacStatePointer<kHash> state(new (std::nothrow) HmacState<kHash>);
  if (state == nullptr || !StartKeyed<kHash>(state->inner.get(), inner) ||
      !StartKeyed<kHash>(state->outer.get(), outer)) {
    return nullptr;
  }
  return state;
}

template <Hash kHash>
HmacStatePointer<kHash> CopyHmacState(const HmacState<kHash>& state) noexcept {
  HmacStatePointer<kHash> copy(new (std::nothrow) HmacState<kHash>);
  if (copy == nullptr || copy->inner == nullptr || copy->outer == nullptr ||
      EVP_MD_CTX_copy_ex(copy->inner.get(), state.inner.get()) != 1 ||
      EVP_MD_CTX_copy_ex(copy->outer.get(), state.outer.get()) != 1) {
    return nullptr;
  }
  return copy;
}

template <Hash kHash>
Status UpdateHmac(HmacState<kHash>* state, ByteView piece) noexcept {
  return Outcome(Absorb(state->inner.get(), {&piece, 1}));
}

template <Hash kHash>
Status FinishHmac(HmacState<kHash>* state, HmacTag<kHash>* tag) noexcept {
  HmacTag<kHash> inner_digest;
  const ByteView inner_view(inner_digest.data(), inner_digest.size());
  const bool done = Finish(state->inner.get(), inner_digest.data()) &&
                    Absorb(state->outer.get(), {&inner_view, 1}) && Finish(state->outer.get(), tag->data());
  Wipe(inner_digest);
  return Outcome(done);
}

template <Hash kHash>
Status ComputeHmac(const HmacState<kHash>& state, ByteViews parts, HmacTag<kHash>* tag) noexcept {
  EVP_MD_CTX* const context = ThreadContext();
  if (context == nullptr) {
    return Status::kBackendFailure;
  }
  HmacTag<kHash> inner_digest;
  const ByteView inner_view(inner_digest.data(), inner_digest.size());
  const bool done = EVP_MD_CTX_copy_ex(context, state.inner.get()) == 1 && Absorb(context, parts) &&
                    Finish(context, inner_digest.data()) &&
                    EVP_MD_CTX_copy_ex(context, state.outer.get()) == 1 && Absorb(context, {&inner_view, 1}) &&
                    Finish(context, tag->data());
  EVP_MD_CTX_reset(context);
  Wipe(inner_digest);
  return Outcome(done);
}

template <Hash kHash>
Status ComputeHash(ByteViews parts, std::uint8_t* digest) noexcept {
  EVP_MD_CTX* const context = ThreadContext();
  const bool done = Start<kHash>(context) && Absorb(context, parts) && Finish(context, digest);
  EVP_MD_CTX_reset(context);
  return Outcome(done);
}

PAYCRYPTO_INSTANTIATE_BACKEND(Hash::kSha256);
PAYCRYPTO_INSTANTIATE_BACKEND(Hash::kSha512);

}  // namespace internal

const char* BackendName() noexcept { return "libcrypto-evp"; }

}  // namespace paycrypto
