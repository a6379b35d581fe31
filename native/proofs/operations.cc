#include "operations.h"

#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "paycrypto/aes_gcm.h"
#include "paycrypto/base64.h"
#include "paycrypto/component_signature.h"
#include "paycrypto/constant_time.h"
#include "paycrypto/hex.h"
#include "paycrypto/hmac.h"
#include "paycrypto/hmac_batch.h"
#include "paycrypto/rsa.h"
#include "paycrypto/secret_bytes.h"
#include "paycrypto/sha256.h"
#include "paycrypto/sha512.h"
#include "paycrypto/standard_webhooks.h"
#include "paycrypto/timestamped_hmac.h"
#include "paycrypto/token.h"
#include "paycrypto/transmission_signature.h"

namespace paycrypto::proofs {
namespace {

constexpr std::int64_t kNow = 1767225600;
constexpr char kEvent[] = R"({"id":"evt_1"})";

// Made for these proofs: the private half was thrown away after it had signed "message" and the transmission below.
constexpr char kRsaKey[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA0MRbYx01M2zUlgjOxsiP\n"
    "nIYmhtrt/kQYALo75+tZDldKdHWz95mfz7Cp/ku6atTrJ6dPPdnEEqNAeDMgAx5z\n"
    "IThsfcC54Xro7ANgj+1ShPaYaJaEv87K7wkLQAFseu1qfZHSSJMFkl8lEzuqlgy+\n"
    "YQvDwBfYkIIXFsTQx8PMWkd4QY9UxxEMzG0FdMhXG3iw/2r5pLhcRBnQLkj9ingX\n"
    "sZT18jzxPVduKb0xasPc8U3vf9KvSyhDI34wKy0/zdmUlsu/yBiu7PRD+U+LRHxS\n"
    "Nd95V49EIhHkh6IIwQV1KiGZ633flWvC0bhvFawXVpUUZBAhHXaKOatufyTYGv+A\n"
    "CQIDAQAB\n"
    "-----END PUBLIC KEY-----\n";
constexpr char kRsaSignature[] =
    "ZT1IfZdizin4oxQAnjzaRSUzcu8kQvA08WipWDYQbf7SrhVQvNeDLhR6Uff6CeA4B4YuSQINU+SiQlTkxnVGNt5TcIuv/c5MeWDXnZSebW50"
    "8YDCFCKhW44fzv4z6KBNGWk+BT1WeRgoS7q2QmAC+Fm/c1brhRLkVASG7D3sO/MSPn8/b0PXJdfXQdY2tGGSCLv3HU3i3luPFU9GrcXyoS6p"
    "2YmQsgeHtD2TByGXrrPwi7lbuSPUR9RS/BzIvg5sRkQ4H94Nljme3hTqR8ljT6F8/F1mT1WWEbQq74xmX9RU4pe77hHzwplvQ8/QkEdojlbM"
    "4jqu8sDxjyj5us2wwQ==";
const Transmission kTransmission{ByteView("id-1"), ByteView("2026-01-01T00:00:00Z"), ByteView("webhook-1")};
constexpr char kTransmissionSignature[] =
    "Izp2oT5+WBKy1rT3UWZuazXNMXEiJKFuwARcskEKgoHZ+KH1VIsFHRGXsvY+Q90Q1MqIywoyUThaZRDyoAp3VrNqGf8iMvxjW9NR3O9dlrDS"
    "XfmLg6fijArJk/T5DaG8fqX3Ih+UplcBAgV95wNEuod/I6DsMRXv21184neECox0NdUOZRMbkIX02PBoGLvyk1M7QnMNvAJhsgwv35iDIpxF"
    "3uzES4SHkmACmBaYYpioBQ27P1tLH8r43uyZzx6DNAdLS3L/XVJpniYCwofpB7lwvfNL0j+hVGwtic5wJNNblJ1UndRH84wv+qE3xyt6Han8"
    "pKGp+nYIVAiCAqY2oQ==";

bool Is(Status expected, Status status) { return status == expected; }
bool IsOk(Status status) { return Is(Status::kOk, status); }

template <typename Bytes>
ByteView View(const Bytes& bytes) {
  return {bytes.data(), bytes.size()};
}

template <typename Bytes>
std::string Hex(const Bytes& bytes) {
  std::string text(2 * bytes.size(), '\0');
  EncodeHex(View(bytes), text.data());
  return text;
}

// Everything is made here, so that running an operation allocates only what the library does.
struct Fixture {
  std::string message = std::string(1024, 'm');
  std::string secret = std::string(32, 's');
  HmacSha256Key key;
  HmacSha256Key old_key;
  HmacSha512Key key512;
  const HmacSha256Key* keys[2] = {&old_key, &key};
  HmacSha256Tag tag;
  HmacSha256Tag wrong_tag;
  HmacSha512Tag tag512;
  std::string tag_hex;
  std::string tag_base64 = std::string(Base64Size(kHmacSha256Bytes), '\0');
  SignedHeader header;
  WebhookSignature webhook;
  ComponentSignature component;
  SignedComponents components{ByteView("client-1"), ByteView("request-1"), ByteView("2026-01-01T00:00:00Z"),
                              ByteView("/orders"), false, true};
  Sha512Digest digest;
  std::string digest_hex;
  RsaPublicKey rsa;
  std::uint8_t rsa_signature[256];
  Aes256GcmKey aes;
  std::string nonce = std::string(kAesGcmNonceBytes, 'n');
  std::uint8_t sealed[1024 + kAesGcmTagBytes];
  std::uint8_t wrong_sealed[sizeof sealed];
  ByteView parts[3] = {ByteView("order-1"), ByteView("200"), ByteView("10000.00")};
  HmacSha256Check checks[20];
  bool made = false;

  Fixture() {
    made = IsOk(HmacSha256Key::Create(secret, &key)) && IsOk(HmacSha256Key::Create("old", &old_key)) &&
           IsOk(HmacSha512Key::Create(secret, &key512)) && IsOk(key.Sign(Message(), &tag)) &&
           IsOk(key512.Sign(Message(), &tag512)) && IsOk(SignTimestampedHmac(key, message, kNow, &header)) &&
           IsOk(SignStandardWebhook(key, "msg_1", kNow, message, &webhook)) &&
           IsOk(SignComponents(key, components, message, &component)) && IsOk(Sha512({parts, 3}, &digest)) &&
           IsOk(RsaPublicKey::Parse(kRsaKey, &rsa)) &&
           IsOk(DecodeBase64(kRsaSignature, rsa_signature, sizeof rsa_signature)) &&
           IsOk(Aes256GcmKey::Create(secret, &aes)) && IsOk(aes.Seal(nonce, message, secret, sealed, sizeof sealed));
    std::memcpy(wrong_sealed, sealed, sizeof sealed);
    wrong_sealed[0] ^= 1;
    wrong_tag = tag;
    wrong_tag[0] ^= 1;
    tag_hex = Hex(tag);
    EncodeBase64(View(tag), tag_base64.data());
    digest_hex = Hex(digest);
    for (auto& check : checks) {
      check = {&key, message, View(tag)};
    }
  }
  Fixture(const Fixture&) = delete;
  Fixture& operator=(const Fixture&) = delete;

  ByteViews Message() const { return {&message_view, 1}; }
  HmacSha256Keys Keys() const { return {keys, 2}; }
  Status Open(const std::uint8_t* text, std::uint8_t* out) const {
    return aes.Open(nonce, {text, sizeof sealed}, secret, out, message.size());
  }
  ClockWindow Window() const { return {kNow, 300}; }

  ByteView message_view = message;
};

}  // namespace

std::vector<Operation> MakeOperations() {
  const auto shared = std::make_shared<Fixture>();
  if (!shared->made) {
    return {};
  }
  return {
      {"equal_32", false, [f = shared] { return Equal(View(f->tag), View(f->tag)); }},
      {"encode_hex_32", false,
       [f = shared] {
         char text[64];
         EncodeHex(View(f->tag), text);
         return f->tag_hex == std::string_view(text, sizeof text);
       }},
      {"decode_hex_32", false,
       [f = shared] {
         HmacSha256Tag tag;
         return IsOk(DecodeHex(f->tag_hex, tag.data(), tag.size())) && tag == f->tag;
       }},
      {"encode_base64_32", false,
       [f = shared] {
         char text[Base64Size(32)];
         EncodeBase64(View(f->tag), text);
         return f->tag_base64 == std::string_view(text, sizeof text);
       }},
      {"decode_base64_32", false,
       [f = shared] {
         HmacSha256Tag tag;
         return IsOk(DecodeBase64(f->tag_base64, tag.data(), tag.size())) && tag == f->tag;
       }},
      {"sha256_1024", false,
       [f = shared] {
         Sha256Digest digest;
         return IsOk(Sha256(f->Message(), &digest));
       }},
      {"sha512_1024", false,
       [f = shared] {
         Sha512Digest digest;
         return IsOk(Sha512(f->Message(), &digest));
       }},
      {"secret_copy", true,
       [f = shared] {
         SecretBytes copy;
         return IsOk(SecretBytes::Copy(f->secret, &copy)) && copy.View().size == f->secret.size();
       }},
      {"hmac_sha256_create", true,
       [f = shared] {
         HmacSha256Key key;
         return IsOk(HmacSha256Key::Create(f->secret, &key));
       }},
      {"hmac_sha256_sign_1024", false,
       [f = shared] {
         HmacSha256Tag tag;
         return IsOk(f->key.Sign(f->Message(), &tag)) && tag == f->tag;
       }},
      {"hmac_sha256_verify_1024", false, [f = shared] { return IsOk(f->key.Verify(f->Message(), View(f->tag))); }},
      {"hmac_sha256_refuse_1024", false,
       [f = shared] { return Is(Status::kNoMatch, f->key.Verify(f->Message(), View(f->wrong_tag))); }},
      {"hmac_sha256_verify_hex_1024", false, [f = shared] { return IsOk(f->key.VerifyHex(f->Message(), f->tag_hex)); }},
      {"hmac_sha256_verify_base64_1024", false,
       [f = shared] { return IsOk(f->key.VerifyBase64(f->Message(), f->tag_base64)); }},
      {"hmac_sha256_verify_any_1024", false,
       [f = shared] {
         const ByteView tags[] = {View(f->wrong_tag), View(f->tag)};
         std::size_t matched = 0;
         return IsOk(VerifyAny(f->Keys(), f->Message(), {tags, 2}, &matched)) && matched == 1;
       }},
      {"hmac_sha256_stream_1024", true,
       [f = shared] {
         HmacSha256Stream stream;
         return IsOk(HmacSha256Stream::Begin(f->key, &stream)) && IsOk(stream.Update(f->message)) &&
                IsOk(stream.Verify(View(f->tag)));
       }},
      {"hmac_sha256_batch_20x1024", true,
       [f = shared] {
         Status outcomes[20];
         return IsOk(VerifyHmacSha256Batch(f->checks, 20, outcomes)) && IsOk(outcomes[0]) && IsOk(outcomes[19]);
       }},
      {"hmac_sha512_verify_1024", false,
       [f = shared] { return IsOk(f->key512.Verify(f->Message(), View(f->tag512))); }},
      {"sha512_concat_verify", false,
       [f = shared] { return IsOk(VerifySha512Concat({f->parts, 3}, f->digest_hex)); }},
      {"token_verify", false,
       [f = shared] {
         const ByteView expected[] = {ByteView("another token"), ByteView("a static token")};
         std::size_t matched = 0;
         return IsOk(VerifyToken("a static token", {expected, 2}, &matched)) && matched == 1;
       }},
      {"timestamped_sign_1024", false,
       [f = shared] {
         SignedHeader header;
         return IsOk(SignTimestampedHmac(f->key, f->message, kNow, &header));
       }},
      {"timestamped_verify_1024", false,
       [f = shared] {
         std::size_t matched = 0;
         return IsOk(VerifyTimestampedHmac(std::string_view(f->header.text, f->header.size), f->message, f->Keys(),
                                           f->Window(), &matched)) &&
                matched == 1;
       }},
      {"webhook_secret_parse", true,
       [] {
         HmacSha256Key key;
         return IsOk(ParseWebhookSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &key));
       }},
      {"webhook_sign_1024", false,
       [f = shared] {
         WebhookSignature signature;
         return IsOk(SignStandardWebhook(f->key, "msg_1", kNow, f->message, &signature));
       }},
      {"webhook_verify_1024", false,
       [f = shared] {
         std::size_t matched = 0;
         return IsOk(VerifyStandardWebhook({"msg_1", "1767225600",
                                            std::string_view(f->webhook.text, sizeof f->webhook.text)},
                                           f->message, f->Keys(), f->Window(), &matched)) &&
                matched == 1;
       }},
      {"component_sign_1024", false,
       [f = shared] {
         ComponentSignature signature;
         return IsOk(SignComponents(f->key, f->components, f->message, &signature));
       }},
      {"component_verify_1024", false,
       [f = shared] {
         std::size_t matched = 0;
         return IsOk(VerifyComponentSignature(std::string_view(f->component.text, sizeof f->component.text),
                                              f->components, f->message, f->Keys(), &matched)) &&
                matched == 1;
       }},
      {"rsa_parse", true,
       [] {
         RsaPublicKey key;
         return IsOk(RsaPublicKey::Parse(kRsaKey, &key)) && key.Bits() == 2048;
       }},
      {"rsa_verify", true,
       [f = shared] {
         const ByteView message("message");
         return IsOk(f->rsa.VerifySha256({&message, 1}, {f->rsa_signature, sizeof f->rsa_signature}));
       }},
      {"aes_gcm_create", true,
       [f = shared] {
         Aes256GcmKey key;
         return IsOk(Aes256GcmKey::Create(f->secret, &key));
       }},
      {"aes_gcm_seal_1024", true,
       [f = shared] {
         std::uint8_t out[sizeof f->sealed];
         return IsOk(f->aes.Seal(f->nonce, f->message, f->secret, out, sizeof out)) &&
                std::memcmp(out, f->sealed, sizeof out) == 0;
       }},
      {"aes_gcm_open_1024", true,
       [f = shared] {
         std::uint8_t out[1024];
         return IsOk(f->Open(f->sealed, out)) && std::memcmp(out, f->message.data(), sizeof out) == 0;
       }},
      {"aes_gcm_refuse_1024", true,
       [f = shared] {
         std::uint8_t out[1024];
         return Is(Status::kNoMatch, f->Open(f->wrong_sealed, out)) && out[0] == 0;
       }},
      {"transmission_verify", true,
       [f = shared] { return IsOk(VerifyTransmission(kTransmissionSignature, kTransmission, kEvent, f->rsa)); }},
  };
}

}  // namespace paycrypto::proofs
