#include <new>
#include <utility>

#include "c_api.h"
#include "paycrypto/aes_gcm.h"

namespace {

using paycrypto::Aes256GcmKey;
using paycrypto::ByteView;
using paycrypto::Status;
using paycrypto::internal::Read;
using paycrypto::internal::ToC;

static_assert(PAYCRYPTO_AES_GCM_KEY_SIZE == paycrypto::kAes256KeyBytes);
static_assert(PAYCRYPTO_AES_GCM_NONCE_SIZE == paycrypto::kAesGcmNonceBytes);
static_assert(PAYCRYPTO_AES_GCM_TAG_SIZE == paycrypto::kAesGcmTagBytes);
static_assert(PAYCRYPTO_AES_GCM_SIZE_MAX == paycrypto::kAesGcmBytesMax);

}  // namespace

struct paycrypto_aes_gcm_key {
  Aes256GcmKey key;
};

namespace {

using Transform = Status (Aes256GcmKey::*)(ByteView, ByteView, ByteView, std::uint8_t*, std::size_t) const noexcept;

// Calls the member with the arguments read.
paycrypto_status TransformTo(const paycrypto_aes_gcm_key* key, Transform transform, paycrypto_bytes nonce,
                             paycrypto_bytes text, paycrypto_bytes associated_data, std::uint8_t* out,
                             std::size_t out_size) noexcept {
  ByteView nonce_view;
  ByteView text_view;
  ByteView associated_view;
  if (key == nullptr || !Read(nonce, &nonce_view) || !Read(text, &text_view) ||
      !Read(associated_data, &associated_view) || (out == nullptr && out_size > 0)) {
    return PAYCRYPTO_INVALID_ARGUMENT;
  }
  return ToC((key->key.*transform)(nonce_view, text_view, associated_view, out, out_size));
}

}  // namespace

paycrypto_status paycrypto_aes_gcm_key_create(paycrypto_bytes secret, paycrypto_aes_gcm_key** key) noexcept {
  if (key == nullptr) {
    return PAYCRYPTO_INVALID_ARGUMENT;
  }
  *key = nullptr;
  ByteView secret_view;
  if (!Read(secret, &secret_view)) {
    return PAYCRYPTO_INVALID_ARGUMENT;
  }
  Aes256GcmKey made;
  if (const Status status = Aes256GcmKey::Create(secret_view, &made); status != Status::kOk) {
    return ToC(status);
  }
  *key = new (std::nothrow) paycrypto_aes_gcm_key{std::move(made)};
  return *key == nullptr ? PAYCRYPTO_BACKEND_FAILURE : PAYCRYPTO_OK;
}

void paycrypto_aes_gcm_key_destroy(paycrypto_aes_gcm_key* key) noexcept { delete key; }

paycrypto_status paycrypto_aes_gcm_seal(const paycrypto_aes_gcm_key* key, paycrypto_bytes nonce,
                                        paycrypto_bytes plaintext, paycrypto_bytes associated_data,
                                        std::uint8_t* sealed, std::size_t sealed_size) noexcept {
  return TransformTo(key, &Aes256GcmKey::Seal, nonce, plaintext, associated_data, sealed, sealed_size);
}

paycrypto_status paycrypto_aes_gcm_open(const paycrypto_aes_gcm_key* key, paycrypto_bytes nonce,
                                        paycrypto_bytes sealed, paycrypto_bytes associated_data,
                                        std::uint8_t* plaintext, std::size_t plaintext_size) noexcept {
  return TransformTo(key, &Aes256GcmKey::Open, nonce, sealed, associated_data, plaintext, plaintext_size);
}
