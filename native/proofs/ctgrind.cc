// Constant time, proved the way of ctgrind: secrets are undefined memory to valgrind, which then reports each branch
// and each address that depends on one. The verdict of a comparison is public; see equal_declassified.cc.
// Two controls, which are not constant time, must be reported.
//
// RSA is not here: a verification holds no secret. Nor is the decoding of received or configured text, which the
// headers take to be public.

#include "ctgrind.h"

#include <cstdio>
#include <string>
#include <string_view>

#include "paycrypto/base64.h"
#include "paycrypto/component_signature.h"
#include "paycrypto/constant_time.h"
#include "paycrypto/hex.h"
#include "paycrypto/hmac.h"
#include "paycrypto/hmac_batch.h"
#include "paycrypto/secret_bytes.h"
#include "paycrypto/sha256.h"
#include "paycrypto/sha512.h"
#include "paycrypto/standard_webhooks.h"
#include "paycrypto/timestamped_hmac.h"
#include "paycrypto/token.h"
#include "paycrypto/version.h"

namespace paycrypto::proofs {
namespace {

__attribute__((noinline)) bool EarlyExitEqual(ByteView left, ByteView right) {
  for (std::size_t at = 0; at < left.size; ++at) {
    if (left.data[at] != right.data[at]) {
      return false;
    }
  }
  return true;
}

// A key whose every byte is poison, and one in the clear to make tags with.
template <Hash kHash>
struct Keys {
  explicit Keys(std::size_t secret_bytes) : secret(secret_bytes, 's') {
    bool made = HmacKey<kHash>::Create(secret, &clear) == Status::kOk;
    Poison(secret);
    made = HmacKey<kHash>::Create(View(secret), &poisoned) == Status::kOk && made;
    made = HmacKey<kHash>::Create("other", &other) == Status::kOk && made;
    if (!made) {
      Say("key", "could not be made");
    }
  }
  std::string secret;
  HmacKey<kHash> clear;
  HmacKey<kHash> poisoned;
  HmacKey<kHash> other;
  const HmacKey<kHash>* live[2] = {&other, &poisoned};
  HmacKeys<kHash> view{live, 2};
};

template <typename Bytes>
std::string Hex(const Bytes& bytes) {
  std::string text(2 * bytes.size(), '\0');
  EncodeHex(View(bytes), text.data());
  return text;
}

template <typename Bytes>
std::string Base64(const Bytes& bytes) {
  std::string text(Base64Size(bytes.size()), '\0');
  EncodeBase64(View(bytes), text.data());
  return text;
}

template <Hash kHash>
void ProveHmac(const char* name, std::size_t secret_bytes) {
  const Keys<kHash> keys(secret_bytes);
  const std::string text(200, 'm');
  const ByteView message(text);
  const ByteViews parts{&message, 1};
  HmacTag<kHash> right;
  Prove(name, [&] { return Is(Status::kOk, keys.clear.Sign(parts, &right)); });
  HmacTag<kHash> wrong = right;
  wrong.back() ^= 1;
  const std::string right_hex = Hex(right);
  const std::string right_base64 = Base64(right);
  const std::string wrong_hex = Hex(wrong);
  Prove(name, [&] {
    HmacTag<kHash> tag;
    const bool made = Is(Status::kOk, keys.poisoned.Sign(parts, &tag));
    if (!IsPoisoned(tag)) {
      Say(name, "its tag does not depend on the secret: nothing is proved");
    }
    Reveal(tag);
    return made && tag == right;
  });
  Prove(name, [&] { return Is(Status::kOk, keys.poisoned.VerifyHex(parts, right_hex)); });
  Prove(name, [&] { return Is(Status::kNoMatch, keys.poisoned.VerifyHex(parts, wrong_hex)); });
  Prove(name, [&] { return Is(Status::kOk, keys.poisoned.VerifyBase64(parts, right_base64)); });
  Poison(right);
  Poison(wrong);
  Prove(name, [&] { return Is(Status::kOk, keys.poisoned.Verify(parts, View(right))); });
  Prove(name, [&] { return Is(Status::kNoMatch, keys.poisoned.Verify(parts, View(wrong))); });
  const ByteView tags[] = {View(wrong), View(right)};
  std::size_t matched = 0;
  Prove(name, [&] { return Is(Status::kOk, VerifyAny(keys.view, parts, {tags, 2}, &matched)) && matched == 1; });
  Prove(name, [&] { return Is(Status::kNoMatch, VerifyAny(keys.view, parts, {tags, 1}, &matched)); });
  for (const bool is_right : {true, false}) {
    Prove(name, [&] {
      HmacStream<kHash> stream;
      return Is(Status::kOk, HmacStream<kHash>::Begin(keys.poisoned, &stream)) &&
             Is(Status::kOk, stream.Update(message)) &&
             Is(is_right ? Status::kOk : Status::kNoMatch, stream.Verify(View(is_right ? right : wrong)));
    });
  }
}

void ProveBatch() {
  const Keys<Hash::kSha256> keys(32);
  constexpr std::size_t kCount = 40;
  std::string messages[kCount];
  HmacSha256Tag tags[kCount];
  HmacSha256Check checks[kCount];
  for (std::size_t at = 0; at < kCount; ++at) {
    messages[at] = std::string(at % 2 == 0 ? 500 : at * 40, 'm');
    const ByteView message(messages[at]);
    if (keys.clear.Sign({&message, 1}, &tags[at]) != Status::kOk) {
      Say("batch", "could not be made");
    }
    tags[at][at % 32] ^= static_cast<std::uint8_t>(at % 4 / 2);
    Poison(tags[at]);
    Poison(messages[at]);
    checks[at] = {&keys.poisoned, message, View(tags[at])};
  }
  Prove("batch", [&] {
    Status outcomes[kCount];
    bool right = Is(Status::kOk, VerifyHmacSha256Batch(checks, kCount, outcomes));
    for (std::size_t at = 0; at < kCount; ++at) {
      right = right && Is(at % 4 < 2 ? Status::kOk : Status::kNoMatch, outcomes[at]);
    }
    return right;
  });
}

void ProveSchemes() {
  const Keys<Hash::kSha256> keys(32);
  std::size_t matched = 0;
  constexpr std::int64_t kNow = 1767225600;
  const ClockWindow window{kNow, 300};

  SignedHeader header;
  Prove("timestamped", [&] { return Is(Status::kOk, SignTimestampedHmac(keys.poisoned, "body", kNow, &header)); });
  VALGRIND_MAKE_MEM_DEFINED(&header, sizeof header);
  for (const bool is_right : {true, false}) {
    Prove("timestamped", [&] {
      return Is(is_right ? Status::kOk : Status::kNoMatch,
                VerifyTimestampedHmac(std::string_view(header.text, header.size), is_right ? "body" : "bodi", keys.view,
                                      window, &matched));
    });
  }

  WebhookSignature webhook;
  Prove("webhook", [&] { return Is(Status::kOk, SignStandardWebhook(keys.poisoned, "id", kNow, "body", &webhook)); });
  VALGRIND_MAKE_MEM_DEFINED(&webhook, sizeof webhook);
  for (const bool is_right : {true, false}) {
    Prove("webhook", [&] {
      const WebhookHeaders headers{"id", "1767225600", std::string_view(webhook.text, sizeof webhook.text)};
      return Is(is_right ? Status::kOk : Status::kNoMatch,
                VerifyStandardWebhook(headers, is_right ? "body" : "bodi", keys.view, window, &matched));
    });
  }

  const SignedComponents components{"client", "request", "2026-01-01T00:00:00Z", "/orders", false, true};
  ComponentSignature signature;
  Prove("component", [&] { return Is(Status::kOk, SignComponents(keys.poisoned, components, "body", &signature)); });
  VALGRIND_MAKE_MEM_DEFINED(&signature, sizeof signature);
  for (const bool is_right : {true, false}) {
    Prove("component", [&] {
      return Is(is_right ? Status::kOk : Status::kNoMatch,
                VerifyComponentSignature(std::string_view(signature.text, sizeof signature.text), components,
                                         is_right ? "body" : "bodi", keys.view, &matched));
    });
  }
}

void ProveDigests() {
  std::string secret(200, 's');
  const ByteView parts[] = {ByteView("order-1"), View(secret)};
  Sha512Digest digest;
  if (Sha512({parts, 2}, &digest) != Status::kOk) {
    Say("sha512", "gave a wrong answer");
  }
  const std::string right = Hex(digest);
  digest[0] ^= 1;
  const std::string wrong = Hex(digest);
  Poison(secret);
  Prove("sha512_concat", [&] { return Is(Status::kOk, VerifySha512Concat({parts, 2}, right)); });
  Prove("sha512_concat", [&] { return Is(Status::kNoMatch, VerifySha512Concat({parts, 2}, wrong)); });
  Prove("sha512", [&] { return Is(Status::kOk, Sha512({parts, 2}, &digest)) && IsPoisoned(digest); });
  Sha256Digest sha256;
  Prove("sha256", [&] { return Is(Status::kOk, Sha256({parts, 2}, &sha256)) && IsPoisoned(sha256); });
  Prove("encode_hex", [&] { return IsPoisoned(Hex(digest)); });
  Prove("encode_base64", [&] { return IsPoisoned(Base64(digest)) && IsPoisoned(Base64(sha256)); });
  Prove("secret_bytes", [&] {
    SecretBytes copy;
    return Is(Status::kOk, SecretBytes::Copy(View(secret), &copy)) && copy.View().size == secret.size();
  });
}

void ProveComparisons() {
  for (const std::size_t size : {1U, 7U, 8U, 20U, 32U, 64U, 100U}) {
    std::string left(size, 't');
    std::string same = left;
    std::string other = left;
    other.back() = 'u';
    Poison(left);
    Poison(same);
    Poison(other);
    Prove("equal", [&] { return Equal(View(left), View(same)) && !Equal(View(left), View(other)); });
    const ByteView expected[] = {View(other), View(same)};
    std::size_t matched = 0;
    Prove("token", [&] { return Is(Status::kOk, VerifyToken(View(left), {expected, 2}, &matched)) && matched == 1; });
    Prove("token", [&] { return Is(Status::kNoMatch, VerifyToken(View(left), {expected, 1}, &matched)); });
  }
}

void ProveControls() {
  std::string left(32, 't');
  std::string right = left;
  Poison(left);
  Poison(right);
  Prove("control: early exit", [&] { return EarlyExitEqual(View(left), View(right)); }, true);
  static const char kTable[] = "0123456789abcdef";
  Prove("control: table",
        [&] {
          volatile char digit = kTable[static_cast<unsigned char>(left[0]) % 16];
          Reveal(left);
          return digit != '\0' || true;
        },
        true);
}

}  // namespace
}  // namespace paycrypto::proofs

int main() {
  if (!RUNNING_ON_VALGRIND) {
    std::printf("This proves something under valgrind only.\n");
    return 1;
  }
  using namespace paycrypto;
  using namespace paycrypto::proofs;
  ProveControls();
  ProveComparisons();
  ProveDigests();
  for (const std::size_t secret_bytes : {1U, 32U, 64U, 65U, 128U, 129U, 300U}) {
    ProveHmac<Hash::kSha256>("hmac_sha256", secret_bytes);
    ProveHmac<Hash::kSha512>("hmac_sha512", secret_bytes);
  }
  ProveBatch();
  ProveSchemes();
  ProveAesGcm();
  std::printf("%s: %s\n", BackendName(),
              g_failures == 0 ? "no branch and no address depends on a secret" : "NOT constant time");
  return g_failures == 0 ? 0 : 1;
}
