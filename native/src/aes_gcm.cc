#include "paycrypto/aes_gcm.h"

#include <openssl/evp.h>

#include <array>
#include <cstring>
#include <new>
#include <utility>

#include "error_queue.h"
#include "wipe.h"

namespace paycrypto {
namespace {

struct ContextDeleter {
  void operator()(EVP_CIPHER_CTX* context) const noexcept { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, ContextDeleter>;

enum class Direction { kOpen = 0, kSeal = 1 };

// Without `out` the bytes are associated data.
bool Update(EVP_CIPHER_CTX* context, ByteView bytes, std::uint8_t* out) noexcept {
  static_assert(kAesGcmBytesMax <= 0x7fffffff, "libcrypto counts in int");
  int written = 0;
  return bytes.size == 0 || EVP_CipherUpdate(context, out, &written, bytes.data, static_cast<int>(bytes.size)) == 1;
}

// In GCM the end writes nothing: it makes the tag, or compares it.
bool Finish(EVP_CIPHER_CTX* context) noexcept {
  std::uint8_t nothing[EVP_MAX_BLOCK_LENGTH];
  int written = 0;
  return EVP_CipherFinal_ex(context, nothing, &written) == 1;
}

}  // namespace

// libcrypto's own states of a key cannot be copied in all of OpenSSL 3.0, so each call makes one, which libcrypto wipes
// when it frees it. The cipher is kept because fetching it costs more than a short text.
struct Aes256GcmKey::State {
  EVP_CIPHER* cipher;
  std::array<std::uint8_t, kAes256KeyBytes> key;

  // A context that has taken all but the tag, and written as many bytes as `text` has to `out`; null when memory runs
  // out or libcrypto fails.
  Context Run(Direction direction, ByteView nonce, ByteView text, ByteView associated_data,
              std::uint8_t* out) const noexcept {
    Context context(EVP_CIPHER_CTX_new());
    if (context == nullptr ||
        EVP_CipherInit_ex2(context.get(), cipher, key.data(), nonce.data, static_cast<int>(direction), nullptr) != 1 ||
        !Update(context.get(), associated_data, nullptr) || !Update(context.get(), text, out)) {
      return nullptr;
    }
    return context;
  }
};

void Aes256GcmKey::StateDeleter::operator()(State* state) const noexcept {
  EVP_CIPHER_free(state->cipher);
  internal::Wipe(*state);
  delete state;
}

Aes256GcmKey::Aes256GcmKey() noexcept = default;
Aes256GcmKey::Aes256GcmKey(Aes256GcmKey&&) noexcept = default;
Aes256GcmKey& Aes256GcmKey::operator=(Aes256GcmKey&&) noexcept = default;
Aes256GcmKey::~Aes256GcmKey() = default;

Status Aes256GcmKey::Create(ByteView secret, Aes256GcmKey* key) noexcept {
  if (secret.size != kAes256KeyBytes) {
    return Status::kInvalidArgument;
  }
  const internal::ErrorQueueGuard guard;
  std::unique_ptr<State, StateDeleter> state(new (std::nothrow) State{});
  if (state == nullptr) {
    return Status::kBackendFailure;
  }
  state->cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  if (state->cipher == nullptr) {
    return Status::kBackendFailure;
  }
  std::memcpy(state->key.data(), secret.data, secret.size);
  key->state_ = std::move(state);
  return Status::kOk;
}

Status Aes256GcmKey::Seal(ByteView nonce, ByteView plaintext, ByteView associated_data, std::uint8_t* out,
                          std::size_t out_size) const noexcept {
  if (state_ == nullptr || nonce.size != kAesGcmNonceBytes || plaintext.size > kAesGcmBytesMax ||
      associated_data.size > kAesGcmBytesMax || out_size != plaintext.size + kAesGcmTagBytes) {
    return Status::kInvalidArgument;
  }
  const internal::ErrorQueueGuard guard;
  const Context context = state_->Run(Direction::kSeal, nonce, plaintext, associated_data, out);
  if (context == nullptr || !Finish(context.get()) ||
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kAesGcmTagBytes, out + plaintext.size) != 1) {
    internal::Wipe(out, out_size);
    return Status::kBackendFailure;
  }
  return Status::kOk;
}

Status Aes256GcmKey::Open(ByteView nonce, ByteView sealed, ByteView associated_data, std::uint8_t* out,
                          std::size_t out_size) const noexcept {
  if (state_ == nullptr || associated_data.size > kAesGcmBytesMax) {
    return Status::kInvalidArgument;
  }
  if (nonce.size != kAesGcmNonceBytes || sealed.size < kAesGcmTagBytes ||
      sealed.size > kAesGcmBytesMax + kAesGcmTagBytes) {
    return Status::kMalformed;
  }
  const ByteView ciphertext(sealed.data, sealed.size - kAesGcmTagBytes);
  if (out_size != ciphertext.size) {
    return Status::kInvalidArgument;
  }
  const internal::ErrorQueueGuard guard;
  const Context context = state_->Run(Direction::kOpen, nonce, ciphertext, associated_data, out);
  // libcrypto only reads the tag.
  auto* const tag = const_cast<std::uint8_t*>(sealed.data + ciphertext.size);
  Status status = Status::kBackendFailure;
  if (context != nullptr &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kAesGcmTagBytes, tag) == 1) {
    status = Finish(context.get()) ? Status::kOk : Status::kNoMatch;
  }
  if (status != Status::kOk) {
    internal::Wipe(out, out_size);
  }
  return status;
}

}  // namespace paycrypto
