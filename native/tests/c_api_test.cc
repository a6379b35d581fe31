#include "paycrypto/paycrypto.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "paycrypto/hmac.h"
#include "vector_file.h"

namespace paycrypto {
namespace {

struct Destroy {
  void operator()(paycrypto_hmac_key* key) const { paycrypto_hmac_key_destroy(key); }
  void operator()(paycrypto_hmac_stream* stream) const { paycrypto_hmac_stream_destroy(stream); }
  void operator()(paycrypto_rsa_key* key) const { paycrypto_rsa_key_destroy(key); }
};
using KeyPointer = std::unique_ptr<paycrypto_hmac_key, Destroy>;
using StreamPointer = std::unique_ptr<paycrypto_hmac_stream, Destroy>;
using RsaPointer = std::unique_ptr<paycrypto_rsa_key, Destroy>;

paycrypto_bytes Bytes(const std::string& text) { return {text.data(), text.size()}; }

KeyPointer MakeKey(const std::string& secret, paycrypto_hash hash = PAYCRYPTO_SHA256) {
  paycrypto_hmac_key* key = nullptr;
  EXPECT_EQ(PAYCRYPTO_OK, paycrypto_hmac_key_create(hash, Bytes(secret), &key));
  return KeyPointer(key);
}

StreamPointer MakeStream(const KeyPointer& key) {
  paycrypto_hmac_stream* stream = nullptr;
  EXPECT_EQ(PAYCRYPTO_OK, paycrypto_hmac_stream_begin(key.get(), &stream));
  return StreamPointer(stream);
}

std::string Sign(const KeyPointer& key, const std::string& message, std::size_t size = 32) {
  std::string tag(size, '\0');
  const paycrypto_bytes part = Bytes(message);
  EXPECT_EQ(PAYCRYPTO_OK,
            paycrypto_hmac_sign(key.get(), &part, 1, reinterpret_cast<std::uint8_t*>(tag.data()), tag.size()));
  return tag;
}

std::string Flipped(std::string text, std::size_t bit) {
  text[bit / 8] = static_cast<char>(text[bit / 8] ^ 1 << bit % 8);
  return text;
}

TEST(CApi, NamesTheLibraryAndEachStatus) {
  EXPECT_STREQ("0.1.0", paycrypto_version());
  EXPECT_EQ(0U, std::string(paycrypto_backend()).find("libcrypto-"));
  EXPECT_EQ(0U, std::string(paycrypto_libcrypto_version()).find("OpenSSL "));
  const char* const names[] = {"ok", "malformed", "no_match", "outside_window", "invalid_argument", "backend_failure",
                               "unknown"};
  for (int status = 0; status < 7; ++status) {
    EXPECT_STREQ(names[status], paycrypto_status_name(static_cast<paycrypto_status>(status)));
  }
  EXPECT_STREQ("unknown", paycrypto_status_name(static_cast<paycrypto_status>(-1)));
}

template <Hash kHash>
void ExpectSignsAsCpp(paycrypto_hash hash) {
  const KeyPointer key = MakeKey("a secret", hash);
  HmacKey<kHash> cpp;
  ASSERT_EQ(Status::kOk, HmacKey<kHash>::Create("a secret", &cpp));
  const ByteView cpp_parts[] = {"one", "", "two"};
  HmacTag<kHash> expected;
  ASSERT_EQ(Status::kOk, cpp.Sign({cpp_parts, 3}, &expected));

  const paycrypto_bytes parts[] = {paycrypto_text("one"), {nullptr, 0}, paycrypto_text("two")};
  HmacTag<kHash> tag{};
  ASSERT_EQ(PAYCRYPTO_OK, paycrypto_hmac_sign(key.get(), parts, 3, tag.data(), tag.size()));
  EXPECT_EQ(expected, tag);
  for (const std::size_t wrong : {std::size_t{0}, tag.size() - 1, std::size_t{65}}) {
    EXPECT_EQ(PAYCRYPTO_INVALID_ARGUMENT, paycrypto_hmac_sign(key.get(), parts, 3, tag.data(), wrong));
  }

  const std::string raw(reinterpret_cast<const char*>(tag.data()), tag.size());
  char hex[PAYCRYPTO_HEX_SIZE(64)];
  char base64[PAYCRYPTO_BASE64_SIZE(64)];
  ASSERT_EQ(PAYCRYPTO_OK, paycrypto_hex_encode(Bytes(raw), hex, sizeof hex));
  ASSERT_EQ(PAYCRYPTO_OK, paycrypto_base64_encode(Bytes(raw), base64, sizeof base64));
  EXPECT_EQ(PAYCRYPTO_OK, paycrypto_hmac_verify(key.get(), parts, 3, Bytes(raw)));
  EXPECT_EQ(PAYCRYPTO_OK, paycrypto_hmac_verify_hex(key.get(), parts, 3, paycrypto_text(hex)));
  EXPECT_EQ(PAYCRYPTO_OK, paycrypto_hmac_verify_base64(key.get(), parts, 3, paycrypto_text(base64)));
  EXPECT_EQ(PAYCRYPTO_MALFORMED, paycrypto_hmac_verify(key.get(), parts, 3, paycrypto_text(hex)));
  EXPECT_EQ(PAYCRYPTO_MALFORMED, paycrypto_hmac_verify_hex(key.get(), parts, 3, Bytes(raw)));
  EXPECT_EQ(PAYCRYPTO_MALFORMED, paycrypto_hmac_verify_base64(key.get(), parts, 3, Bytes(raw)));
  for (std::size_t bit = 0; bit < 8 * raw.size(); ++bit) {
    EXPECT_EQ(PAYCRYPTO_NO_MATCH, paycrypto_hmac_verify(key.get(), parts, 3, Bytes(Flipped(raw, bit))));
  }
  EXPECT_EQ(PAYCRYPTO_NO_MATCH, paycrypto_hmac_verify(key.get(), parts, 2, Bytes(raw)));
}

TEST(CApi, SignsAndVerifiesAsTheCppInterface) {
  ExpectSignsAsCpp<Hash::kSha256>(PAYCRYPTO_SHA256);
  ExpectSignsAsCpp<Hash::kSha512>(PAYCRYPTO_SHA512);
}

TEST(CApi, VerifyAnyTellsTheFirstKey) {
  for (const auto& [hash, size] : {std::pair(PAYCRYPTO_SHA256, 32U), std::pair(PAYCRYPTO_SHA512, 64U)}) {
    const KeyPointer old_key = MakeKey("old", hash);
    const KeyPointer new_key = MakeKey("new", hash);
    const paycrypto_hmac_key* const keys[] = {new_key.get(), old_key.get()};
    const std::string stray(size, 'x');
    const std::string tag = Sign(old_key, "body", size);
    const paycrypto_bytes tags[] = {Bytes(stray), Bytes(tag)};
    const paycrypto_bytes body = paycrypto_text("body");
    std::size_t matched = 99;
    EXPECT_EQ(PAYCRYPTO_OK, paycrypto_hmac_verify_any(keys, 2, &body, 1, tags, 2, &matched));
    EXPECT_EQ(1U, matched);
    EXPECT_EQ(PAYCRYPTO_OK, paycrypto_hmac_verify_any(keys, 2, &body, 1, tags, 2, nullptr));
    EXPECT_EQ(PAYCRYPTO_NO_MATCH, paycrypto_hmac_verify_any(keys, 1, &body, 1, tags, 2, &matched));
    EXPECT_EQ(PAYCRYPTO_NO_MATCH, paycrypto_hmac_verify_any(keys, 2, &body, 1, nullptr, 0, &matched));
    EXPECT_EQ(PAYCRYPTO_NO_MATCH, paycrypto_hmac_verify_any(nullptr, 0, &body, 1, tags, 2, &matched));
  }
}

TEST(CApi, BatchGivesEachItsOwnOutcome) {
  const KeyPointer keys[] = {MakeKey("one"), MakeKey("two")};
  constexpr std::size_t kCount = 2500;  // several chunks, the last one not full
  std::vector<std::string> messages, tags;
  std::vector<paycrypto_status> expected;
  for (std::size_t at = 0; at < kCount; ++at) {
    messages.emplace_back(at, 'm');
    std::string tag = Sign(keys[at % 2], messages[at]);
    expected.push_back(at % 7 == 3 ? PAYCRYPTO_NO_MATCH : at % 7 == 5 ? PAYCRYPTO_MALFORMED : PAYCRYPTO_OK);
    if (expected[at] == PAYCRYPTO_NO_MATCH) {
      tag = Flipped(tag, at % 256);
    } else if (expected[at] == PAYCRYPTO_MALFORMED) {
      tag.pop_back();
    }
    tags.push_back(tag);
  }
  std::vector<paycrypto_hmac_check> checks;
  for (std::size_t at = 0; at < kCount; ++at) {
    checks.push_back({keys[at % 2].get(), Bytes(messages[at]), Bytes(tags[at])});
  }
  std::vector<paycrypto_status> outcomes(kCount, PAYCRYPTO_BACKEND_FAILURE);
  ASSERT_EQ(PAYCRYPTO_OK, paycrypto_hmac_verify_batch(checks.data(), kCount, outcomes.data()));
  EXPECT_EQ(expected, outcomes);
  EXPECT_EQ(PAYCRYPTO_OK, paycrypto_hmac_verify_batch(nullptr, 0, nullptr));

  const KeyPointer other_hash = MakeKey("one", PAYCRYPTO_SHA512);
  const paycrypto_hmac_check bad_checks[] = {{nullptr, Bytes(messages[9]), Bytes(tags[9])},
                                             {other_hash.get(), Bytes(messages[9]), Bytes(tags[9])},
                                             {keys[0].get(), {nullptr, 1}, Bytes(tags[9])},
                                             {keys[0].get(), Bytes(messages[9]), {tags[9].data(), SIZE_MAX}}};
  for (const paycrypto_hmac_check& bad : bad_checks) {
    checks[2400] = bad;
    outcomes.assign(kCount, PAYCRYPTO_BACKEND_FAILURE);
    EXPECT_EQ(PAYCRYPTO_INVALID_ARGUMENT, paycrypto_hmac_verify_batch(checks.data(), kCount, outcomes.data()));
    EXPECT_EQ(std::vector<paycrypto_status>(kCount, PAYCRYPTO_BACKEND_FAILURE), outcomes);
  }
}

TEST(CApi, AStreamOutlivesItsKeyAndEndsOnce) {
  for (const auto& [hash, size] : {std::pair(PAYCRYPTO_SHA256, 32U), std::pair(PAYCRYPTO_SHA512, 64U)}) {
    KeyPointer key = MakeKey("secret", hash);
    const std::string expected = Sign(key, "in two pieces", size);
    const StreamPointer finished = MakeStream(key);
    const StreamPointer verified = MakeStream(key);
    const StreamPointer refused = MakeStream(key);
    key.reset();
    for (const auto& stream : {finished.get(), verified.get(), refused.get()}) {
      ASSERT_EQ(PAYCRYPTO_OK, paycrypto_hmac_stream_update(stream, paycrypto_text("in two ")));
      ASSERT_EQ(PAYCRYPTO_OK, paycrypto_hmac_stream_update(stream, {nullptr, 0}));
      ASSERT_EQ(PAYCRYPTO_OK, paycrypto_hmac_stream_update(stream, paycrypto_text("pieces")));
    }
    std::string tag(size, '\0');
    auto* const out = reinterpret_cast<std::uint8_t*>(tag.data());
    EXPECT_EQ(PAYCRYPTO_INVALID_ARGUMENT, paycrypto_hmac_stream_finish(finished.get(), out, size - 1));
    EXPECT_EQ(PAYCRYPTO_OK, paycrypto_hmac_stream_finish(finished.get(), out, size));
    EXPECT_EQ(expected, tag);
    EXPECT_EQ(PAYCRYPTO_OK, paycrypto_hmac_stream_verify(verified.get(), Bytes(expected)));
    EXPECT_EQ(PAYCRYPTO_NO_MATCH, paycrypto_hmac_stream_verify(refused.get(), Bytes(Flipped(expected, 77))));
    for (const auto& stream : {finished.get(), verified.get(), refused.get()}) {
      EXPECT_EQ(PAYCRYPTO_INVALID_ARGUMENT, paycrypto_hmac_stream_update(stream, paycrypto_text("more")));
      EXPECT_EQ(PAYCRYPTO_INVALID_ARGUMENT, paycrypto_hmac_stream_finish(stream, out, size));
      EXPECT_EQ(PAYCRYPTO_INVALID_ARGUMENT, paycrypto_hmac_stream_verify(stream, Bytes(expected)));
    }
  }
}

TEST(CApi, DigestsAndComparesAndKnowsTokens) {
  const paycrypto_bytes abc[] = {paycrypto_text("a"), paycrypto_text("bc")};
  std::uint8_t digest[64];
  char hex[PAYCRYPTO_HEX_SIZE(64)];
  ASSERT_EQ(PAYCRYPTO_OK, paycrypto_digest(PAYCRYPTO_SHA256, abc, 2, digest, 32));
  ASSERT_EQ(PAYCRYPTO_OK, paycrypto_hex_encode({digest, 32}, hex, sizeof hex));
  EXPECT_STREQ("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", hex);
  ASSERT_EQ(PAYCRYPTO_OK, paycrypto_digest(PAYCRYPTO_SHA512, abc, 2, digest, 64));
  ASSERT_EQ(PAYCRYPTO_OK, paycrypto_hex_encode({digest, 64}, hex, sizeof hex));
  EXPECT_EQ(PAYCRYPTO_OK, paycrypto_verify_sha512_concat(abc, 2, paycrypto_text(hex)));
  hex[0] = hex[0] == '0' ? '1' : '0';
  EXPECT_EQ(PAYCRYPTO_NO_MATCH, paycrypto_verify_sha512_concat(abc, 2, paycrypto_text(hex)));
  EXPECT_EQ(PAYCRYPTO_MALFORMED, paycrypto_verify_sha512_concat(nullptr, 0, paycrypto_text(hex)));

  EXPECT_EQ(PAYCRYPTO_OK, paycrypto_equal(paycrypto_text("same"), paycrypto_text("same")));
  EXPECT_EQ(PAYCRYPTO_OK, paycrypto_equal({nullptr, 0}, paycrypto_text("")));
  EXPECT_EQ(PAYCRYPTO_NO_MATCH, paycrypto_equal(paycrypto_text("same"), paycrypto_text("sane")));

  std::size_t matched = 99;
  EXPECT_EQ(PAYCRYPTO_OK, paycrypto_verify_token(paycrypto_text("bc"), abc, 2, &matched));
  EXPECT_EQ(1U, matched);
  EXPECT_EQ(PAYCRYPTO_OK, paycrypto_verify_token(paycrypto_text("bc"), abc, 2, nullptr));
  EXPECT_EQ(PAYCRYPTO_NO_MATCH, paycrypto_verify_token(paycrypto_text("bd"), abc, 2, &matched));
  EXPECT_EQ(PAYCRYPTO_MALFORMED, paycrypto_verify_token({nullptr, 0}, abc, 2, &matched));
}

TEST(CApi, CodecsFillTheirBufferAndNoMore) {
  for (std::size_t size = 0; size < 70; ++size) {
    std::string bytes(size, '\0');
    for (std::size_t at = 0; at < size; ++at) {
      bytes[at] = static_cast<char>(at * 37 + size);
    }
    for (const bool is_base64 : {false, true}) {
      const auto encode = is_base64 ? paycrypto_base64_encode : paycrypto_hex_encode;
      const auto decode = is_base64 ? paycrypto_base64_decode : paycrypto_hex_decode;
      const std::size_t text_size = is_base64 ? PAYCRYPTO_BASE64_SIZE(size) : PAYCRYPTO_HEX_SIZE(size);
      std::vector<char> text(text_size, 'x');  // of the exact size: a sanitizer sees one byte too many
      ASSERT_EQ(PAYCRYPTO_OK, encode(Bytes(bytes), text.data(), text_size));
      EXPECT_EQ(text_size - 1, std::strlen(text.data()));
      EXPECT_EQ(PAYCRYPTO_INVALID_ARGUMENT, encode(Bytes(bytes), text.data(), text_size - 1));

      std::string decoded(size, 'x');
      auto* const out = reinterpret_cast<std::uint8_t*>(decoded.data());
      ASSERT_EQ(PAYCRYPTO_OK, decode(paycrypto_text(text.data()), size == 0 ? nullptr : out, size));
      EXPECT_EQ(bytes, decoded);
      EXPECT_EQ(PAYCRYPTO_MALFORMED, decode(paycrypto_text("!"), out, size));
      if (is_base64) {
        std::size_t told = 99;
        EXPECT_EQ(PAYCRYPTO_OK, paycrypto_base64_decoded_size(paycrypto_text(text.data()), &told));
        EXPECT_EQ(size, told);
      }
    }
  }
}

TEST(CApi, TimestampedHmacGoesThereAndBack) {
  const KeyPointer new_key = MakeKey("new");
  const KeyPointer old_key = MakeKey("old");
  const paycrypto_hmac_key* const keys[] = {new_key.get(), old_key.get()};
  for (const std::int64_t timestamp_s : {std::int64_t{0}, std::int64_t{1767225600}, std::int64_t{999999999999999}}) {
    std::vector<char> header(PAYCRYPTO_TIMESTAMPED_HEADER_SIZE, 'x');
    ASSERT_EQ(PAYCRYPTO_OK, paycrypto_sign_timestamped_hmac(old_key.get(), paycrypto_text("body"), timestamp_s,
                                                            header.data(), PAYCRYPTO_TIMESTAMPED_HEADER_SIZE));
    const auto verify = [&](const char* body, std::int64_t now_s, std::size_t* matched) {
      return paycrypto_verify_timestamped_hmac(paycrypto_text(header.data()), paycrypto_text(body), keys, 2,
                                               {now_s, 5}, matched);
    };
    std::size_t matched = 99;
    EXPECT_EQ(PAYCRYPTO_OK, verify("body", timestamp_s + 5, &matched));
    EXPECT_EQ(1U, matched);
    matched = 99;
    EXPECT_EQ(PAYCRYPTO_OUTSIDE_WINDOW, verify("body", timestamp_s + 6, &matched));
    EXPECT_EQ(1U, matched);
    EXPECT_EQ(PAYCRYPTO_OK, verify("body", timestamp_s, nullptr));
    EXPECT_EQ(PAYCRYPTO_NO_MATCH, verify("bodies", timestamp_s, &matched));
    EXPECT_EQ(PAYCRYPTO_INVALID_ARGUMENT, verify("body", -1, &matched));
  }
}

TEST(CApi, StandardWebhookGoesThereAndBack) {
  paycrypto_hmac_key* made = nullptr;
  ASSERT_EQ(PAYCRYPTO_OK,
            paycrypto_webhook_secret_parse(paycrypto_text("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"), &made));
  const KeyPointer key(made);
  EXPECT_EQ(Sign(MakeKey("0123456789abcdef01234567"), "x"), Sign(key, "x"));
  std::vector<char> signature(PAYCRYPTO_WEBHOOK_SIGNATURE_SIZE, 'x');
  ASSERT_EQ(PAYCRYPTO_OK, paycrypto_sign_standard_webhook(key.get(), paycrypto_text("msg_1"), 1767225600,
                                                          paycrypto_text("body"), signature.data(),
                                                          PAYCRYPTO_WEBHOOK_SIGNATURE_SIZE));
  const paycrypto_webhook_headers headers = {paycrypto_text("msg_1"), paycrypto_text("1767225600"),
                                             paycrypto_text(signature.data())};
  const paycrypto_hmac_key* const keys[] = {key.get()};
  std::size_t matched = 99;
  EXPECT_EQ(PAYCRYPTO_OK, paycrypto_verify_standard_webhook(&headers, paycrypto_text("body"), keys, 1,
                                                            {1767225600, 0}, &matched));
  EXPECT_EQ(0U, matched);
  EXPECT_EQ(PAYCRYPTO_NO_MATCH,
            paycrypto_verify_standard_webhook(&headers, paycrypto_text("bode"), keys, 1, {1767225600, 0}, nullptr));
  EXPECT_EQ(PAYCRYPTO_OUTSIDE_WINDOW,
            paycrypto_verify_standard_webhook(&headers, paycrypto_text("body"), keys, 1, {1767225601, 0}, nullptr));
  EXPECT_EQ(PAYCRYPTO_MALFORMED, paycrypto_webhook_secret_parse(paycrypto_text("whsec_short"), &made));
  EXPECT_EQ(nullptr, made);
}

TEST(CApi, ComponentSignatureGoesThereAndBack) {
  const KeyPointer key = MakeKey("secret");
  const paycrypto_hmac_key* const keys[] = {key.get()};
  std::vector<char> signature(PAYCRYPTO_COMPONENT_SIGNATURE_SIZE, 'x');
  for (int flags = 0; flags < 4; ++flags) {
    paycrypto_signed_components components = {paycrypto_text("client"), paycrypto_text("request-1"),
                                              paycrypto_text("2026-01-01T00:00:00Z"), paycrypto_text("/orders"),
                                              flags & 1, flags & 2};
    paycrypto_bytes body = paycrypto_text(components.has_body ? "body" : "");
    ASSERT_EQ(PAYCRYPTO_OK, paycrypto_sign_components(key.get(), &components, body, signature.data(),
                                                      PAYCRYPTO_COMPONENT_SIGNATURE_SIZE));
    const auto verify = [&] {
      return paycrypto_verify_component_signature(paycrypto_text(signature.data()), &components, body, keys, 1,
                                                  nullptr);
    };
    EXPECT_EQ(PAYCRYPTO_OK, verify());
    components.is_response = !components.is_response;
    EXPECT_EQ(PAYCRYPTO_NO_MATCH, verify());
    components.is_response = flags & 1;
    body.size = 0;
    components.has_body = !components.has_body;
    EXPECT_EQ(PAYCRYPTO_NO_MATCH, verify());
    components.target = paycrypto_text("orders");
    EXPECT_EQ(PAYCRYPTO_MALFORMED, verify());
  }
}

TEST(CApi, RsaAgreesWithTheVectors) {
  for (const auto& vector : testing::ReadVectors("rsa_sha256.txt")) {
    SCOPED_TRACE(vector.name());
    paycrypto_rsa_key* made = nullptr;
    paycrypto_status status = paycrypto_rsa_key_parse(Bytes(vector.One("key")), &made);
    const RsaPointer key(made);
    EXPECT_EQ(status == PAYCRYPTO_OK, key != nullptr);
    if (status == PAYCRYPTO_OK) {
      EXPECT_GE(paycrypto_rsa_key_bits(key.get()), 2048U);
      const paycrypto_bytes message = Bytes(vector.One("message"));
      status = paycrypto_rsa_verify_sha256(key.get(), &message, 1, Bytes(vector.One("signature")));
    }
    EXPECT_EQ(static_cast<int>(vector.Expected()), status);
  }
}

TEST(CApi, TransmissionAgreesWithTheVectors) {
  for (const auto& vector : testing::ReadVectors("transmission.txt")) {
    SCOPED_TRACE(vector.name());
    paycrypto_rsa_key* made = nullptr;
    ASSERT_EQ(PAYCRYPTO_OK, paycrypto_rsa_key_parse(Bytes(vector.One("key")), &made));
    const RsaPointer key(made);
    const paycrypto_transmission transmission = {Bytes(vector.One("id")), Bytes(vector.One("time")),
                                                 Bytes(vector.One("webhook_id"))};
    EXPECT_EQ(static_cast<int>(vector.Expected()),
              paycrypto_verify_transmission(Bytes(vector.One("signature")), &transmission, Bytes(vector.One("body")),
                                            key.get()));
  }
}

TEST(CApi, OneKeyMayBeUsedByManyThreads) {
  const KeyPointer key = MakeKey("secret");
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&key, thread] {
      for (int round = 0; round < 200; ++round) {
        const std::string message(static_cast<std::size_t>(thread * 100 + round), 'x');
        const std::string tag = Sign(key, message);
        const paycrypto_bytes part = Bytes(message);
        EXPECT_EQ(PAYCRYPTO_OK, paycrypto_hmac_verify(key.get(), &part, 1, Bytes(tag)));
        const StreamPointer stream = MakeStream(key);
        EXPECT_EQ(PAYCRYPTO_OK, paycrypto_hmac_stream_update(stream.get(), part));
        EXPECT_EQ(PAYCRYPTO_OK, paycrypto_hmac_stream_verify(stream.get(), Bytes(tag)));
      }
    });
  }
  for (auto& thread : threads) {
    thread.join();
  }
}

// What a caller may get wrong. Each bad value goes to each place that takes its kind, with all else right.
class CApiHostile : public ::testing::Test {
 protected:
  const KeyPointer key_ = MakeKey("secret");
  const KeyPointer sha512_key_ = MakeKey("secret", PAYCRYPTO_SHA512);
  const StreamPointer stream_ = MakeStream(key_);
  const paycrypto_bytes part_ = paycrypto_text("body");
  const std::vector<paycrypto_bytes> many_parts_ = std::vector<paycrypto_bytes>(PAYCRYPTO_ITEMS_MAX + 1, part_);
  const paycrypto_hmac_key* const keys_[1] = {key_.get()};
  const std::vector<const paycrypto_hmac_key*> many_keys_ =
      std::vector<const paycrypto_hmac_key*>(PAYCRYPTO_ITEMS_MAX + 1, key_.get());
  const std::string tag_ = Sign(key_, "body");
  const paycrypto_webhook_headers headers_ = {paycrypto_text("id"), paycrypto_text("1"), paycrypto_text("v1,x")};
  const paycrypto_signed_components components_ = {paycrypto_text("c"), paycrypto_text("r"), paycrypto_text("t"),
                                                   paycrypto_text("/"), 0, 1};
  const paycrypto_transmission transmission_ = {paycrypto_text("i"), paycrypto_text("t"), paycrypto_text("w")};
  RsaPointer rsa_;
  std::uint8_t out_[64];
  char text_[256];

  CApiHostile() {
    paycrypto_rsa_key* made = nullptr;
    EXPECT_EQ(PAYCRYPTO_OK,
              paycrypto_rsa_key_parse(Bytes(testing::ReadVectors("rsa_sha256.txt").at(0).One("key")), &made));
    rsa_.reset(made);
  }

  static void ExpectInvalid(const std::vector<std::function<paycrypto_status()>>& calls) {
    for (std::size_t at = 0; at < calls.size(); ++at) {
      EXPECT_EQ(PAYCRYPTO_INVALID_ARGUMENT, calls[at]()) << "call " << at;
    }
  }
};

TEST_F(CApiHostile, NullHandlesAreRefusedAndMayBeDestroyed) {
  paycrypto_hmac_stream* stream = nullptr;
  const paycrypto_hmac_key* const null_key[] = {nullptr};
  ExpectInvalid({
      [&] { return paycrypto_hmac_sign(nullptr, &part_, 1, out_, 32); },
      [&] { return paycrypto_hmac_verify(nullptr, &part_, 1, Bytes(tag_)); },
      [&] { return paycrypto_hmac_verify_hex(nullptr, &part_, 1, Bytes(tag_)); },
      [&] { return paycrypto_hmac_verify_base64(nullptr, &part_, 1, Bytes(tag_)); },
      [&] { return paycrypto_hmac_verify_any(null_key, 1, &part_, 1, &part_, 1, nullptr); },
      [&] { return paycrypto_hmac_stream_begin(nullptr, &stream); },
      [&] { return paycrypto_hmac_stream_update(nullptr, part_); },
      [&] { return paycrypto_hmac_stream_finish(nullptr, out_, 32); },
      [&] { return paycrypto_hmac_stream_verify(nullptr, Bytes(tag_)); },
      [&] { return paycrypto_rsa_verify_sha256(nullptr, &part_, 1, part_); },
      [&] { return paycrypto_verify_timestamped_hmac(part_, part_, null_key, 1, {0, 0}, nullptr); },
      [&] { return paycrypto_sign_timestamped_hmac(nullptr, part_, 1, text_, sizeof text_); },
      [&] { return paycrypto_verify_standard_webhook(&headers_, part_, null_key, 1, {0, 0}, nullptr); },
      [&] { return paycrypto_sign_standard_webhook(nullptr, part_, 1, part_, text_, sizeof text_); },
      [&] { return paycrypto_verify_component_signature(part_, &components_, part_, null_key, 1, nullptr); },
      [&] { return paycrypto_sign_components(nullptr, &components_, part_, text_, sizeof text_); },
      [&] { return paycrypto_verify_transmission(part_, &transmission_, part_, nullptr); },
  });
  EXPECT_EQ(0U, paycrypto_rsa_key_bits(nullptr));
  paycrypto_hmac_key_destroy(nullptr);
  paycrypto_hmac_stream_destroy(nullptr);
  paycrypto_rsa_key_destroy(nullptr);
}

TEST_F(CApiHostile, AKeyOfTheOtherHashIsRefused) {
  const paycrypto_hmac_key* const mixed[] = {key_.get(), sha512_key_.get()};
  const paycrypto_hmac_key* const mixed_too[] = {sha512_key_.get(), key_.get()};
  const paycrypto_hmac_key* const other[] = {sha512_key_.get()};
  ExpectInvalid({
      [&] { return paycrypto_hmac_verify_any(mixed, 2, &part_, 1, &part_, 1, nullptr); },
      [&] { return paycrypto_hmac_verify_any(mixed_too, 2, &part_, 1, &part_, 1, nullptr); },
      [&] { return paycrypto_verify_timestamped_hmac(part_, part_, other, 1, {0, 0}, nullptr); },
      [&] { return paycrypto_sign_timestamped_hmac(other[0], part_, 1, text_, sizeof text_); },
      [&] { return paycrypto_verify_standard_webhook(&headers_, part_, other, 1, {0, 0}, nullptr); },
      [&] { return paycrypto_sign_standard_webhook(other[0], part_, 1, part_, text_, sizeof text_); },
      [&] { return paycrypto_verify_component_signature(part_, &components_, part_, other, 1, nullptr); },
      [&] { return paycrypto_sign_components(other[0], &components_, part_, text_, sizeof text_); },
  });
}

TEST_F(CApiHostile, BytesWithoutAPointerOrOfAnImpossibleSizeAreRefused) {
  const paycrypto_bytes bad_ones[] = {{nullptr, 1}, {"x", SIZE_MAX}, {"x", static_cast<std::size_t>(PTRDIFF_MAX) + 1}};
  for (const paycrypto_bytes& bad : bad_ones) {
    paycrypto_hmac_key* key = key_.get();
    paycrypto_rsa_key* rsa = rsa_.get();
    std::size_t size = 0;
    const paycrypto_bytes mixed[] = {part_, bad};
    std::vector<std::function<paycrypto_status()>> calls = {
        [&] { return paycrypto_hmac_key_create(PAYCRYPTO_SHA256, bad, &key); },
        [&] { return paycrypto_hmac_sign(key_.get(), mixed, 2, out_, 32); },
        [&] { return paycrypto_hmac_verify(key_.get(), mixed, 2, Bytes(tag_)); },
        [&] { return paycrypto_hmac_verify(key_.get(), &part_, 1, bad); },
        [&] { return paycrypto_hmac_verify_hex(key_.get(), mixed, 2, Bytes(tag_)); },
        [&] { return paycrypto_hmac_verify_hex(key_.get(), &part_, 1, bad); },
        [&] { return paycrypto_hmac_verify_base64(key_.get(), mixed, 2, Bytes(tag_)); },
        [&] { return paycrypto_hmac_verify_base64(key_.get(), &part_, 1, bad); },
        [&] { return paycrypto_hmac_verify_any(keys_, 1, mixed, 2, &part_, 1, nullptr); },
        [&] { return paycrypto_hmac_verify_any(keys_, 1, &part_, 1, mixed, 2, nullptr); },
        [&] { return paycrypto_hmac_stream_update(stream_.get(), bad); },
        [&] { return paycrypto_hmac_stream_verify(stream_.get(), bad); },
        [&] { return paycrypto_digest(PAYCRYPTO_SHA256, mixed, 2, out_, 32); },
        [&] { return paycrypto_verify_sha512_concat(mixed, 2, part_); },
        [&] { return paycrypto_verify_sha512_concat(&part_, 1, bad); },
        [&] { return paycrypto_equal(bad, part_); },
        [&] { return paycrypto_equal(part_, bad); },
        [&] { return paycrypto_equal(bad, bad); },
        [&] { return paycrypto_verify_token(bad, &part_, 1, nullptr); },
        [&] { return paycrypto_verify_token(part_, mixed, 2, nullptr); },
        [&] { return paycrypto_hex_decode(bad, out_, 1); },
        [&] { return paycrypto_base64_decode(bad, out_, 1); },
        [&] { return paycrypto_base64_decoded_size(bad, &size); },
        [&] { return paycrypto_hex_encode(bad, text_, sizeof text_); },
        [&] { return paycrypto_base64_encode(bad, text_, sizeof text_); },
        [&] { return paycrypto_rsa_key_parse(bad, &rsa); },
        [&] { return paycrypto_rsa_verify_sha256(rsa_.get(), mixed, 2, part_); },
        [&] { return paycrypto_rsa_verify_sha256(rsa_.get(), &part_, 1, bad); },
        [&] { return paycrypto_verify_timestamped_hmac(bad, part_, keys_, 1, {0, 0}, nullptr); },
        [&] { return paycrypto_verify_timestamped_hmac(part_, bad, keys_, 1, {0, 0}, nullptr); },
        [&] { return paycrypto_sign_timestamped_hmac(key_.get(), bad, 1, text_, sizeof text_); },
        [&] { return paycrypto_webhook_secret_parse(bad, &key); },
        [&] { return paycrypto_verify_standard_webhook(&headers_, bad, keys_, 1, {0, 0}, nullptr); },
        [&] { return paycrypto_sign_standard_webhook(key_.get(), bad, 1, part_, text_, sizeof text_); },
        [&] { return paycrypto_sign_standard_webhook(key_.get(), part_, 1, bad, text_, sizeof text_); },
        [&] { return paycrypto_verify_component_signature(bad, &components_, part_, keys_, 1, nullptr); },
        [&] { return paycrypto_verify_component_signature(part_, &components_, bad, keys_, 1, nullptr); },
        [&] { return paycrypto_sign_components(key_.get(), &components_, bad, text_, sizeof text_); },
        [&] { return paycrypto_verify_transmission(bad, &transmission_, part_, rsa_.get()); },
        [&] { return paycrypto_verify_transmission(part_, &transmission_, bad, rsa_.get()); },
    };
    for (auto field : {&paycrypto_webhook_headers::id, &paycrypto_webhook_headers::timestamp,
                       &paycrypto_webhook_headers::signature}) {
      paycrypto_webhook_headers headers = headers_;
      headers.*field = bad;
      calls.emplace_back([=, this_keys = &keys_[0]] {
        return paycrypto_verify_standard_webhook(&headers, paycrypto_text(""), this_keys, 1, {0, 0}, nullptr);
      });
    }
    for (auto field : {&paycrypto_signed_components::client_id, &paycrypto_signed_components::request_id,
                       &paycrypto_signed_components::timestamp, &paycrypto_signed_components::target}) {
      paycrypto_signed_components components = components_;
      components.*field = bad;
      calls.emplace_back([=, this_keys = &keys_[0]] {
        return paycrypto_verify_component_signature(paycrypto_text(""), &components, paycrypto_text(""), this_keys, 1,
                                                    nullptr);
      });
    }
    for (auto field :
         {&paycrypto_transmission::id, &paycrypto_transmission::time, &paycrypto_transmission::webhook_id}) {
      paycrypto_transmission transmission = transmission_;
      transmission.*field = bad;
      calls.emplace_back([=, rsa_key = rsa_.get()] {
        return paycrypto_verify_transmission(paycrypto_text(""), &transmission, paycrypto_text(""), rsa_key);
      });
    }
    ExpectInvalid(calls);
    EXPECT_EQ(nullptr, key);
    EXPECT_EQ(nullptr, rsa);
  }
}

TEST_F(CApiHostile, ArraysWithoutAPointerOrTooLongAreRefused) {
  const std::pair<const paycrypto_bytes*, std::size_t> bad_parts[] = {
      {nullptr, 1}, {many_parts_.data(), many_parts_.size()}, {many_parts_.data(), SIZE_MAX}};
  for (const auto& [parts, count] : bad_parts) {
    ExpectInvalid({
        [&, p = parts, n = count] { return paycrypto_hmac_sign(key_.get(), p, n, out_, 32); },
        [&, p = parts, n = count] { return paycrypto_hmac_verify(key_.get(), p, n, Bytes(tag_)); },
        [&, p = parts, n = count] { return paycrypto_hmac_verify_hex(key_.get(), p, n, Bytes(tag_)); },
        [&, p = parts, n = count] { return paycrypto_hmac_verify_base64(key_.get(), p, n, Bytes(tag_)); },
        [&, p = parts, n = count] { return paycrypto_hmac_verify_any(keys_, 1, p, n, &part_, 1, nullptr); },
        [&, p = parts, n = count] { return paycrypto_hmac_verify_any(keys_, 1, &part_, 1, p, n, nullptr); },
        [&, p = parts, n = count] { return paycrypto_digest(PAYCRYPTO_SHA512, p, n, out_, 64); },
        [&, p = parts, n = count] { return paycrypto_verify_sha512_concat(p, n, part_); },
        [&, p = parts, n = count] { return paycrypto_verify_token(part_, p, n, nullptr); },
        [&, p = parts, n = count] { return paycrypto_rsa_verify_sha256(rsa_.get(), p, n, part_); },
    });
  }
  const std::pair<const paycrypto_hmac_key* const*, std::size_t> bad_keys[] = {
      {nullptr, 1}, {many_keys_.data(), many_keys_.size()}, {many_keys_.data(), SIZE_MAX}};
  for (const auto& [keys, count] : bad_keys) {
    ExpectInvalid({
        [&, k = keys, n = count] { return paycrypto_hmac_verify_any(k, n, &part_, 1, &part_, 1, nullptr); },
        [&, k = keys, n = count] {
          return paycrypto_verify_timestamped_hmac(part_, part_, k, n, {0, 0}, nullptr);
        },
        [&, k = keys, n = count] {
          return paycrypto_verify_standard_webhook(&headers_, part_, k, n, {0, 0}, nullptr);
        },
        [&, k = keys, n = count] {
          return paycrypto_verify_component_signature(part_, &components_, part_, k, n, nullptr);
        },
    });
  }
  const paycrypto_hmac_check check = {key_.get(), part_, Bytes(tag_)};
  paycrypto_status outcome = PAYCRYPTO_BACKEND_FAILURE;
  ExpectInvalid({
      [&] { return paycrypto_hmac_verify_batch(nullptr, 1, &outcome); },
      [&] { return paycrypto_hmac_verify_batch(&check, 1, nullptr); },
  });
}

TEST_F(CApiHostile, OutputsThatAreNullOrTooSmallAreRefused) {
  ExpectInvalid({
      [&] { return paycrypto_hmac_key_create(PAYCRYPTO_SHA256, part_, nullptr); },
      [&] { return paycrypto_hmac_stream_begin(key_.get(), nullptr); },
      [&] { return paycrypto_rsa_key_parse(part_, nullptr); },
      [&] { return paycrypto_webhook_secret_parse(part_, nullptr); },
      [&] { return paycrypto_hmac_sign(key_.get(), &part_, 1, nullptr, 32); },
      [&] { return paycrypto_hmac_sign(key_.get(), &part_, 1, out_, 64); },
      [&] { return paycrypto_hmac_stream_finish(stream_.get(), nullptr, 32); },
      [&] { return paycrypto_hmac_stream_finish(stream_.get(), out_, 64); },
      [&] { return paycrypto_digest(PAYCRYPTO_SHA256, &part_, 1, nullptr, 32); },
      [&] { return paycrypto_digest(PAYCRYPTO_SHA256, &part_, 1, out_, 64); },
      [&] { return paycrypto_digest(PAYCRYPTO_SHA512, &part_, 1, out_, 32); },
      [&] { return paycrypto_hex_decode(part_, nullptr, 2); },
      [&] { return paycrypto_base64_decode(part_, nullptr, 3); },
      [&] { return paycrypto_base64_decoded_size(part_, nullptr); },
      [&] { return paycrypto_hex_encode(part_, nullptr, 99); },
      [&] { return paycrypto_base64_encode(part_, nullptr, 99); },
      [&] { return paycrypto_sign_timestamped_hmac(key_.get(), part_, 1, nullptr, 99); },
      [&] {
        return paycrypto_sign_timestamped_hmac(key_.get(), part_, 1, text_, PAYCRYPTO_TIMESTAMPED_HEADER_SIZE - 1);
      },
      [&] { return paycrypto_sign_standard_webhook(key_.get(), part_, 1, part_, nullptr, 99); },
      [&] {
        return paycrypto_sign_standard_webhook(key_.get(), part_, 1, part_, text_,
                                               PAYCRYPTO_WEBHOOK_SIGNATURE_SIZE - 1);
      },
      [&] { return paycrypto_sign_components(key_.get(), &components_, part_, nullptr, 99); },
      [&] {
        return paycrypto_sign_components(key_.get(), &components_, part_, text_,
                                         PAYCRYPTO_COMPONENT_SIGNATURE_SIZE - 1);
      },
      [&] { return paycrypto_verify_standard_webhook(nullptr, part_, keys_, 1, {0, 0}, nullptr); },
      [&] { return paycrypto_verify_component_signature(part_, nullptr, part_, keys_, 1, nullptr); },
      [&] { return paycrypto_sign_components(key_.get(), nullptr, part_, text_, sizeof text_); },
      [&] { return paycrypto_verify_transmission(part_, nullptr, part_, rsa_.get()); },
  });
}

TEST_F(CApiHostile, UnknownHashesAndBadSecretsMakeNoKey) {
  const std::string long_secret(PAYCRYPTO_SECRET_SIZE_MAX + 1, 's');
  for (const int hash : {-1, 2, 77}) {
    paycrypto_hmac_key* key = key_.get();
    EXPECT_EQ(PAYCRYPTO_INVALID_ARGUMENT, paycrypto_hmac_key_create(static_cast<paycrypto_hash>(hash), part_, &key));
    EXPECT_EQ(nullptr, key);
    EXPECT_EQ(PAYCRYPTO_INVALID_ARGUMENT, paycrypto_digest(static_cast<paycrypto_hash>(hash), &part_, 1, out_, 32));
  }
  for (const paycrypto_bytes& secret : {paycrypto_text(""), Bytes(long_secret)}) {
    paycrypto_hmac_key* key = key_.get();
    EXPECT_EQ(PAYCRYPTO_INVALID_ARGUMENT, paycrypto_hmac_key_create(PAYCRYPTO_SHA256, secret, &key));
    EXPECT_EQ(nullptr, key);
  }
  paycrypto_rsa_key* rsa = rsa_.get();
  EXPECT_EQ(PAYCRYPTO_MALFORMED, paycrypto_rsa_key_parse(part_, &rsa));
  EXPECT_EQ(nullptr, rsa);
}

}  // namespace
}  // namespace paycrypto
