#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "changed_text.h"
#include "paycrypto/aes_gcm.h"
#include "paycrypto/paycrypto.h"

namespace paycrypto {
namespace {

struct Destroy {
  void operator()(paycrypto_aes_gcm_key* key) const { paycrypto_aes_gcm_key_destroy(key); }
};
using KeyPointer = std::unique_ptr<paycrypto_aes_gcm_key, Destroy>;

class CApiAesGcm : public ::testing::Test {
 protected:
  static constexpr std::size_t kSealedSize = 4 + PAYCRYPTO_AES_GCM_TAG_SIZE;

  CApiAesGcm() {
    paycrypto_aes_gcm_key* made = nullptr;
    EXPECT_EQ(PAYCRYPTO_OK, paycrypto_aes_gcm_key_create(secret_, &made));
    key_.reset(made);
    EXPECT_EQ(PAYCRYPTO_OK, paycrypto_aes_gcm_seal(key_.get(), nonce_, text_, data_, sealed_, kSealedSize));
  }

  static void ExpectInvalid(const std::vector<std::function<paycrypto_status()>>& calls) {
    for (std::size_t at = 0; at < calls.size(); ++at) {
      EXPECT_EQ(PAYCRYPTO_INVALID_ARGUMENT, calls[at]()) << "call " << at;
    }
  }

  const paycrypto_bytes secret_ = paycrypto_text("a secret, which has to have 32 b");
  const paycrypto_bytes nonce_ = paycrypto_text("nonce of 12.");
  const paycrypto_bytes text_ = paycrypto_text("text");
  const paycrypto_bytes data_ = paycrypto_text("data");
  KeyPointer key_;
  std::uint8_t sealed_[kSealedSize];
  std::uint8_t out_[64];
};

TEST_F(CApiAesGcm, SealsAsTheCppInterfaceAndOpens) {
  Aes256GcmKey cpp;
  std::uint8_t expected[kSealedSize];
  ASSERT_EQ(Status::kOk, Aes256GcmKey::Create("a secret, which has to have 32 b", &cpp));
  ASSERT_EQ(Status::kOk, cpp.Seal("nonce of 12.", "text", "data", expected, sizeof expected));
  const std::string sealed(sealed_, sealed_ + kSealedSize);
  EXPECT_EQ(std::string(expected, expected + kSealedSize), sealed);
  ASSERT_EQ(PAYCRYPTO_OK, paycrypto_aes_gcm_open(key_.get(), nonce_, {sealed_, kSealedSize}, data_, out_, 4));
  EXPECT_EQ("text", std::string(out_, out_ + 4));
}

TEST_F(CApiAesGcm, RefusesEveryFlippedBitAndLeavesNothing) {
  testing::ForEachFlippedBit(std::string(sealed_, sealed_ + kSealedSize), [&](const std::string& flipped) {
    std::fill_n(out_, 4, std::uint8_t{0x55});
    const paycrypto_bytes received = {flipped.data(), flipped.size()};
    EXPECT_EQ(PAYCRYPTO_NO_MATCH, paycrypto_aes_gcm_open(key_.get(), nonce_, received, data_, out_, 4));
    EXPECT_EQ(std::string(4, '\0'), std::string(out_, out_ + 4));
  });
  const paycrypto_bytes received = {sealed_, kSealedSize};
  EXPECT_EQ(PAYCRYPTO_NO_MATCH, paycrypto_aes_gcm_open(key_.get(), nonce_, received, text_, out_, 4));
  EXPECT_EQ(PAYCRYPTO_MALFORMED, paycrypto_aes_gcm_open(key_.get(), text_, received, data_, out_, 4));
  EXPECT_EQ(PAYCRYPTO_MALFORMED, paycrypto_aes_gcm_open(key_.get(), nonce_, {sealed_, 15}, data_, out_, 4));
}

TEST_F(CApiAesGcm, AnEmptyTextNeedsNoPointers) {
  std::uint8_t tag[PAYCRYPTO_AES_GCM_TAG_SIZE];
  const paycrypto_bytes nothing = {nullptr, 0};
  ASSERT_EQ(PAYCRYPTO_OK, paycrypto_aes_gcm_seal(key_.get(), nonce_, nothing, nothing, tag, sizeof tag));
  EXPECT_EQ(PAYCRYPTO_OK, paycrypto_aes_gcm_open(key_.get(), nonce_, {tag, sizeof tag}, nothing, nullptr, 0));
  tag[15] ^= 0x80;
  EXPECT_EQ(PAYCRYPTO_NO_MATCH, paycrypto_aes_gcm_open(key_.get(), nonce_, {tag, sizeof tag}, nothing, nullptr, 0));
}

TEST_F(CApiAesGcm, WhatIsNullOrOfAWrongSizeIsRefused) {
  const paycrypto_bytes received = {sealed_, kSealedSize};
  const std::vector<char> large(PAYCRYPTO_AES_GCM_SIZE_MAX + 1);
  const paycrypto_bytes too_large = {large.data(), large.size()};
  ExpectInvalid({
      [&] { return paycrypto_aes_gcm_key_create(secret_, nullptr); },
      [&] { return paycrypto_aes_gcm_seal(nullptr, nonce_, text_, data_, out_, kSealedSize); },
      [&] { return paycrypto_aes_gcm_seal(key_.get(), nonce_, text_, data_, nullptr, kSealedSize); },
      [&] { return paycrypto_aes_gcm_seal(key_.get(), nonce_, text_, data_, out_, kSealedSize - 1); },
      [&] { return paycrypto_aes_gcm_seal(key_.get(), nonce_, text_, data_, out_, kSealedSize + 1); },
      [&] { return paycrypto_aes_gcm_seal(key_.get(), text_, text_, data_, out_, kSealedSize); },
      [&] { return paycrypto_aes_gcm_seal(key_.get(), nonce_, text_, too_large, out_, kSealedSize); },
      [&] { return paycrypto_aes_gcm_open(nullptr, nonce_, received, data_, out_, 4); },
      [&] { return paycrypto_aes_gcm_open(key_.get(), nonce_, received, data_, nullptr, 4); },
      [&] { return paycrypto_aes_gcm_open(key_.get(), nonce_, received, data_, out_, 3); },
      [&] { return paycrypto_aes_gcm_open(key_.get(), nonce_, received, data_, out_, 5); },
      [&] { return paycrypto_aes_gcm_open(key_.get(), nonce_, received, too_large, out_, 4); },
  });
  paycrypto_aes_gcm_key_destroy(nullptr);
}

TEST_F(CApiAesGcm, BytesWithoutAPointerOrOfAnImpossibleSizeAreRefused) {
  const paycrypto_bytes received = {sealed_, kSealedSize};
  const paycrypto_bytes bad_ones[] = {{nullptr, 1}, {"x", SIZE_MAX}, {"x", static_cast<std::size_t>(PTRDIFF_MAX) + 1}};
  for (const paycrypto_bytes& bad : bad_ones) {
    paycrypto_aes_gcm_key* key = key_.get();
    ExpectInvalid({
        [&] { return paycrypto_aes_gcm_key_create(bad, &key); },
        [&] { return paycrypto_aes_gcm_seal(key_.get(), bad, text_, data_, out_, kSealedSize); },
        [&] { return paycrypto_aes_gcm_seal(key_.get(), nonce_, bad, data_, out_, kSealedSize); },
        [&] { return paycrypto_aes_gcm_seal(key_.get(), nonce_, text_, bad, out_, kSealedSize); },
        [&] { return paycrypto_aes_gcm_open(key_.get(), bad, received, data_, out_, 4); },
        [&] { return paycrypto_aes_gcm_open(key_.get(), nonce_, bad, data_, out_, 4); },
        [&] { return paycrypto_aes_gcm_open(key_.get(), nonce_, received, bad, out_, 4); },
    });
    EXPECT_EQ(nullptr, key);
  }
}

TEST_F(CApiAesGcm, KeysOfAnotherSizeAreNone) {
  for (const std::size_t size : {0U, 16U, 31U, 33U}) {
    const std::string secret(size, 's');
    paycrypto_aes_gcm_key* key = key_.get();
    EXPECT_EQ(PAYCRYPTO_INVALID_ARGUMENT, paycrypto_aes_gcm_key_create({secret.data(), size}, &key));
    EXPECT_EQ(nullptr, key);
  }
}

}  // namespace
}  // namespace paycrypto
