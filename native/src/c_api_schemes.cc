#include <cstring>
#include <new>
#include <utility>

#include "c_api.h"
#include "paycrypto/component_signature.h"
#include "paycrypto/rsa.h"
#include "paycrypto/standard_webhooks.h"
#include "paycrypto/timestamped_hmac.h"
#include "paycrypto/transmission_signature.h"

namespace {

using paycrypto::ByteView;
using paycrypto::ClockWindow;
using paycrypto::Hash;
using paycrypto::HmacSha256Key;
using paycrypto::Status;
using paycrypto::internal::KeyOf;
using paycrypto::internal::Optional;
using paycrypto::internal::Read;
using paycrypto::internal::ToC;
using paycrypto::internal::ViewList;
using KeyList = paycrypto::internal::KeyList<Hash::kSha256>;

static_assert(PAYCRYPTO_TIMESTAMPED_HEADER_SIZE == sizeof paycrypto::SignedHeader::text + 1);
static_assert(PAYCRYPTO_WEBHOOK_SIGNATURE_SIZE == sizeof paycrypto::WebhookSignature::text + 1);
static_assert(PAYCRYPTO_COMPONENT_SIGNATURE_SIZE == sizeof paycrypto::ComponentSignature::text + 1);

ClockWindow FromC(paycrypto_clock_window window) noexcept { return {window.now_s, window.tolerance_s}; }

bool ReadComponents(const paycrypto_signed_components* components, paycrypto::SignedComponents* read) noexcept {
  if (components == nullptr) {
    return false;
  }
  read->is_response = components->is_response != 0;
  read->has_body = components->has_body != 0;
  return Read(components->client_id, &read->client_id) && Read(components->request_id, &read->request_id) &&
         Read(components->timestamp, &read->timestamp) && Read(components->target, &read->target);
}

void WriteText(const char* text, std::size_t size, char* out) noexcept {
  std::memcpy(out, text, size);
  out[size] = '\0';
}

}  // namespace

struct paycrypto_rsa_key {
  paycrypto::RsaPublicKey key;
};

paycrypto_status paycrypto_rsa_key_parse(paycrypto_bytes encoded, paycrypto_rsa_key** key) noexcept {
  if (key == nullptr) {
    return PAYCRYPTO_INVALID_ARGUMENT;
  }
  *key = nullptr;
  ByteView view;
  if (!Read(encoded, &view)) {
    return PAYCRYPTO_INVALID_ARGUMENT;
  }
  paycrypto::RsaPublicKey parsed;
  if (const Status status = paycrypto::RsaPublicKey::Parse(view, &parsed); status != Status::kOk) {
    return ToC(status);
  }
  *key = new (std::nothrow) paycrypto_rsa_key{std::move(parsed)};
  return *key == nullptr ? PAYCRYPTO_BACKEND_FAILURE : PAYCRYPTO_OK;
}

void paycrypto_rsa_key_destroy(paycrypto_rsa_key* key) noexcept { delete key; }

std::size_t paycrypto_rsa_key_bits(const paycrypto_rsa_key* key) noexcept {
  return key == nullptr ? 0 : key->key.Bits();
}

paycrypto_status paycrypto_rsa_verify_sha256(const paycrypto_rsa_key* key, const paycrypto_bytes* parts,
                                             std::size_t part_count, paycrypto_bytes signature) noexcept {
  ViewList part_views;
  ByteView signature_view;
  if (key == nullptr || !part_views.Read(parts, part_count) || !Read(signature, &signature_view)) {
    return PAYCRYPTO_INVALID_ARGUMENT;
  }
  return ToC(key->key.VerifySha256(part_views.views(), signature_view));
}

paycrypto_status paycrypto_verify_timestamped_hmac(paycrypto_bytes header, paycrypto_bytes body,
                                                   const paycrypto_hmac_key* const* keys, std::size_t key_count,
                                                   paycrypto_clock_window window, std::size_t* matched_key) noexcept {
  ByteView header_view;
  ByteView body_view;
  KeyList live;
  if (!Read(header, &header_view) || !Read(body, &body_view) || !live.Read(keys, key_count)) {
    return PAYCRYPTO_INVALID_ARGUMENT;
  }
  return ToC(paycrypto::VerifyTimestampedHmac(header_view, body_view, live.keys(), FromC(window),
                                              Optional(matched_key).get()));
}

paycrypto_status paycrypto_sign_timestamped_hmac(const paycrypto_hmac_key* key, paycrypto_bytes body,
                                                 std::int64_t timestamp_s, char* header,
                                                 std::size_t header_size) noexcept {
  const HmacSha256Key* const hmac = KeyOf<Hash::kSha256>(key);
  ByteView body_view;
  if (hmac == nullptr || !Read(body, &body_view) || header == nullptr ||
      header_size < PAYCRYPTO_TIMESTAMPED_HEADER_SIZE) {
    return PAYCRYPTO_INVALID_ARGUMENT;
  }
  paycrypto::SignedHeader made;
  const Status status = paycrypto::SignTimestampedHmac(*hmac, body_view, timestamp_s, &made);
  if (status == Status::kOk) {
    WriteText(made.text, made.size, header);
  }
  return ToC(status);
}

paycrypto_status paycrypto_webhook_secret_parse(paycrypto_bytes text, paycrypto_hmac_key** key) noexcept {
  if (key == nullptr) {
    return PAYCRYPTO_INVALID_ARGUMENT;
  }
  *key = nullptr;
  ByteView view;
  if (!Read(text, &view)) {
    return PAYCRYPTO_INVALID_ARGUMENT;
  }
  HmacSha256Key parsed;
  if (const Status status = paycrypto::ParseWebhookSecret(view, &parsed); status != Status::kOk) {
    return ToC(status);
  }
  *key = new (std::nothrow) paycrypto_hmac_key{PAYCRYPTO_SHA256, std::move(parsed), {}};
  return *key == nullptr ? PAYCRYPTO_BACKEND_FAILURE : PAYCRYPTO_OK;
}

paycrypto_status paycrypto_verify_standard_webhook(const paycrypto_webhook_headers* headers, paycrypto_bytes body,
                                                   const paycrypto_hmac_key* const* keys, std::size_t key_count,
                                                   paycrypto_clock_window window, std::size_t* matched_key) noexcept {
  paycrypto::WebhookHeaders read;
  ByteView body_view;
  KeyList live;
  if (headers == nullptr || !Read(headers->id, &read.id) || !Read(headers->timestamp, &read.timestamp) ||
      !Read(headers->signature, &read.signature) || !Read(body, &body_view) || !live.Read(keys, key_count)) {
    return PAYCRYPTO_INVALID_ARGUMENT;
  }
  return ToC(paycrypto::VerifyStandardWebhook(read, body_view, live.keys(), FromC(window),
                                              Optional(matched_key).get()));
}

paycrypto_status paycrypto_sign_standard_webhook(const paycrypto_hmac_key* key, paycrypto_bytes id,
                                                 std::int64_t timestamp_s, paycrypto_bytes body, char* signature,
                                                 std::size_t signature_size) noexcept {
  const HmacSha256Key* const hmac = KeyOf<Hash::kSha256>(key);
  ByteView id_view;
  ByteView body_view;
  if (hmac == nullptr || !Read(id, &id_view) || !Read(body, &body_view) || signature == nullptr ||
      signature_size < PAYCRYPTO_WEBHOOK_SIGNATURE_SIZE) {
    return PAYCRYPTO_INVALID_ARGUMENT;
  }
  paycrypto::WebhookSignature made;
  const Status status = paycrypto::SignStandardWebhook(*hmac, id_view, timestamp_s, body_view, &made);
  if (status == Status::kOk) {
    WriteText(made.text, sizeof made.text, signature);
  }
  return ToC(status);
}

paycrypto_status paycrypto_verify_component_signature(paycrypto_bytes signature,
                                                      const paycrypto_signed_components* components,
                                                      paycrypto_bytes body, const paycrypto_hmac_key* const* keys,
                                                      std::size_t key_count, std::size_t* matched_key) noexcept {
  ByteView signature_view;
  paycrypto::SignedComponents read;
  ByteView body_view;
  KeyList live;
  if (!Read(signature, &signature_view) || !ReadComponents(components, &read) || !Read(body, &body_view) ||
      !live.Read(keys, key_count)) {
    return PAYCRYPTO_INVALID_ARGUMENT;
  }
  return ToC(paycrypto::VerifyComponentSignature(signature_view, read, body_view, live.keys(),
                                                 Optional(matched_key).get()));
}

paycrypto_status paycrypto_sign_components(const paycrypto_hmac_key* key, const paycrypto_signed_components* components,
                                           paycrypto_bytes body, char* signature, std::size_t signature_size) noexcept {
  const HmacSha256Key* const hmac = KeyOf<Hash::kSha256>(key);
  paycrypto::SignedComponents read;
  ByteView body_view;
  if (hmac == nullptr || !ReadComponents(components, &read) || !Read(body, &body_view) || signature == nullptr ||
      signature_size < PAYCRYPTO_COMPONENT_SIGNATURE_SIZE) {
    return PAYCRYPTO_INVALID_ARGUMENT;
  }
  paycrypto::ComponentSignature made;
  const Status status = paycrypto::SignComponents(*hmac, read, body_view, &made);
  if (status == Status::kOk) {
    WriteText(made.text, sizeof made.text, signature);
  }
  return ToC(status);
}

paycrypto_status paycrypto_verify_transmission(paycrypto_bytes signature_base64,
                                               const paycrypto_transmission* transmission, paycrypto_bytes body,
                                               const paycrypto_rsa_key* key) noexcept {
  ByteView signature_view;
  paycrypto::Transmission read;
  ByteView body_view;
  if (!Read(signature_base64, &signature_view) || transmission == nullptr || !Read(transmission->id, &read.id) ||
      !Read(transmission->time, &read.time) || !Read(transmission->webhook_id, &read.webhook_id) ||
      !Read(body, &body_view) || key == nullptr) {
    return PAYCRYPTO_INVALID_ARGUMENT;
  }
  return ToC(paycrypto::VerifyTransmission(signature_view, read, body_view, key->key));
}
