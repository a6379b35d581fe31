// Still declared by OpenSSL 3, only marked as old: no other interface lets an HMAC start from saved states without
// allocating. PAYCRYPTO_BACKEND=evp is there for a libcrypto that drops it.
#define OPENSSL_SUPPRESS_DEPRECATED

#include <openssl/sha.h>

#include <cstring>
#include <new>

#include "backend.h"
#include "backend_instances.h"
#include "paycrypto/version.h"
#include "wipe.h"

namespace paycrypto {
namespace internal {
namespace {

template <Hash kHash>
struct LowLevel;

template <>
struct LowLevel<Hash::kSha256> {
  using Context = SHA256_CTX;
  static constexpr auto* kInit = SHA256_Init;
  static constexpr auto* kUpdate = SHA256_Update;
  static constexpr auto* kFinal = SHA256_Final;
  static constexpr auto* kTransform = SHA256_Transform;
  static std::uint32_t BigEndian(std::uint32_t word) noexcept { return __builtin_bswap32(word); }
};

template <>
struct LowLevel<Hash::kSha512> {
  using Context = SHA512_CTX;
  static constexpr auto* kInit = SHA512_Init;
  static constexpr auto* kUpdate = SHA512_Update;
  static constexpr auto* kFinal = SHA512_Final;
  static constexpr auto* kTransform = SHA512_Transform;
  static SHA_LONG64 BigEndian(SHA_LONG64 word) noexcept { return __builtin_bswap64(word); }
};

template <Hash kHash>
void Absorb(typename LowLevel<kHash>::Context* context, ByteViews parts) noexcept {
  for (std::size_t at = 0; at < parts.size; ++at) {
    LowLevel<kHash>::kUpdate(context, parts.data[at].data, parts.data[at].size);
  }
}

// Puts the inner hash, whose message is complete, into the outer one. Leaves secrets in both.
template <Hash kHash>
void Finish(typename LowLevel<kHash>::Context* inner, typename LowLevel<kHash>::Context* outer,
            HmacTag<kHash>* tag) noexcept {
  HmacTag<kHash> inner_digest;
  LowLevel<kHash>::kFinal(inner_digest.data(), inner);
  LowLevel<kHash>::kUpdate(outer, inner_digest.data(), inner_digest.size());
  LowLevel<kHash>::kFinal(tag->data(), outer);
  Wipe(inner_digest);
}

}  // namespace

template <Hash kHash>
struct HmacState {
  typename LowLevel<kHash>::Context inner;
  typename LowLevel<kHash>::Context outer;
};

template <Hash kHash>
void HmacStateDeleter<kHash>::operator()(HmacState<kHash>* state) const noexcept {
  Wipe(*state);
  delete state;
}

template <Hash kHash>
HmacStatePointer<kHash> NewHmacState(const Block<kHash>& inner, const Block<kHash>& outer) noexcept {
  HmacStatePointer<kHash> state(new (std::nothrow) HmacState<kHash>);
  if (state != nullptr) {
    LowLevel<kHash>::kInit(&state->inner);
    LowLevel<kHash>::kUpdate(&state->inner, inner.data(), inner.size());
    LowLevel<kHash>::kInit(&state->outer);
    LowLevel<kHash>::kUpdate(&state->outer, outer.data(), outer.size());
  }
  return state;
}

template <Hash kHash>
HmacStatePointer<kHash> CopyHmacState(const HmacState<kHash>& state) noexcept {
  return HmacStatePointer<kHash>(new (std::nothrow) HmacState<kHash>(state));
}

template <Hash kHash>
Status UpdateHmac(HmacState<kHash>* state, ByteView piece) noexcept {
  Absorb<kHash>(&state->inner, {&piece, 1});
  return Status::kOk;
}

template <Hash kHash>
Status FinishHmac(HmacState<kHash>* state, HmacTag<kHash>* tag) noexcept {
  Finish<kHash>(&state->inner, &state->outer, tag);
  return Status::kOk;
}

template <Hash kHash>
Status ComputeHmac(const HmacState<kHash>& state, ByteViews parts, HmacTag<kHash>* tag) noexcept {
  HmacState<kHash> running = state;
  Absorb<kHash>(&running.inner, parts);
  Finish<kHash>(&running.inner, &running.outer, tag);
  Wipe(running);
  return Status::kOk;
}

namespace {

// Hashes a message that fits one block with its padding (FIPS 180-4 section 5.1): libcrypto's bookkeeping for each part
// costs a tenth of the block. False: it does not fit.
template <Hash kHash>
bool ComputeOneBlock(ByteViews parts, std::uint8_t* digest) noexcept {
  constexpr std::size_t kLengthBytes = kHash == Hash::kSha256 ? 8 : 16;
  Block<kHash> block;
  std::size_t size = 0;
  for (std::size_t at = 0; at < parts.size; ++at) {
    const ByteView& part = parts.data[at];
    if (part.size >= block.size() - kLengthBytes - size) {
      Wipe(block);
      return false;
    }
    if (part.size > 0) {  // else its data may be null
      std::memcpy(block.data() + size, part.data, part.size);
    }
    size += part.size;
  }
  block[size] = 0x80;
  std::memset(block.data() + size + 1, 0, block.size() - size - 1);
  block[block.size() - 2] = static_cast<std::uint8_t>(size >> 5);
  block[block.size() - 1] = static_cast<std::uint8_t>(size << 3);
  typename LowLevel<kHash>::Context context;
  LowLevel<kHash>::kInit(&context);
  LowLevel<kHash>::kTransform(&context, block.data());
  for (auto& word : context.h) {
    word = LowLevel<kHash>::BigEndian(word);
  }
  std::memcpy(digest, context.h, kHashBytes<kHash>);
  Wipe(block);
  Wipe(context.h);
  return true;
}

}  // namespace

template <Hash kHash>
Status ComputeHash(ByteViews parts, std::uint8_t* digest) noexcept {
  if (ComputeOneBlock<kHash>(parts, digest)) {
    return Status::kOk;
  }
  typename LowLevel<kHash>::Context context;
  LowLevel<kHash>::kInit(&context);
  Absorb<kHash>(&context, parts);
  LowLevel<kHash>::kFinal(digest, &context);
  // The last block, which may hold a secret, is still in the context.
  Wipe(context);
  return Status::kOk;
}

HmacSha256Midstates MidstatesOf(const HmacState<Hash::kSha256>& state) noexcept {
  return {state.inner.h, state.outer.h};
}

PAYCRYPTO_INSTANTIATE_BACKEND(Hash::kSha256);
PAYCRYPTO_INSTANTIATE_BACKEND(Hash::kSha512);

}  // namespace internal

const char* BackendName() noexcept { return "libcrypto-lowlevel"; }

}  // namespace paycrypto
