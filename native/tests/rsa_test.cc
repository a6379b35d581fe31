#include "paycrypto/rsa.h"

#include <gtest/gtest.h>
#include <openssl/err.h>

#include <string>
#include <thread>
#include <vector>

#include "changed_text.h"
#include "vector_file.h"

namespace paycrypto {
namespace {

constexpr std::size_t kEncodedBytesMax = 16 * 1024;
constexpr char kLongest[] = "key: a modulus of 8192 bits, longer than the signature";

testing::VectorCase Vector(const std::string& name) {
  for (const auto& vector : testing::ReadVectors("rsa_sha256.txt")) {
    if (vector.name() == name) {
      return vector;
    }
  }
  throw std::out_of_range(name);
}

struct Signed {
  explicit Signed(const std::string& name = "key: PEM")
      : encoded(Vector(name).One("key")),
        message(Vector(name).One("message")),
        signature(Vector(name).One("signature")) {
    EXPECT_EQ(Status::kOk, RsaPublicKey::Parse(encoded, &key));
  }

  std::string encoded;
  std::string message;
  std::string signature;
  RsaPublicKey key;
};

Status Verify(const RsaPublicKey& key, ByteView message, ByteView signature) {
  return key.VerifySha256({&message, 1}, signature);
}

Status ParseAndVerify(ByteView encoded, ByteView message, ByteView signature) {
  RsaPublicKey key;
  const Status status = RsaPublicKey::Parse(encoded, &key);
  return status == Status::kOk ? Verify(key, message, signature) : status;
}

TEST(RsaPublicKey, AgreesWithTheVectorsAndLeavesNoErrorsBehind) {
  for (const auto& vector : testing::ReadVectors("rsa_sha256.txt")) {
    SCOPED_TRACE(vector.name());
    EXPECT_EQ(vector.Expected(), ParseAndVerify(vector.One("key"), vector.One("message"), vector.One("signature")));
    EXPECT_EQ(0U, ERR_peek_error());
  }
}

TEST(RsaPublicKey, RefusesASpoiltKeyBeforeAnySignature) {
  for (const auto& vector : testing::ReadVectors("rsa_sha256.txt")) {
    if (vector.name().rfind("key: ", 0) == 0 && vector.name() != kLongest) {
      SCOPED_TRACE(vector.name());
      RsaPublicKey key;
      EXPECT_EQ(vector.Expected() == Status::kMalformed ? Status::kMalformed : Status::kOk,
                RsaPublicKey::Parse(vector.One("key"), &key));
    }
  }
}

TEST(RsaPublicKey, KeepsTheErrorsThatTheCallerHasNotReadYet) {
  const Signed right;
  ERR_raise(ERR_LIB_USER, 42);
  EXPECT_EQ(Status::kMalformed, ParseAndVerify(Vector("key: DER and a byte").One("key"), "", ""));
  EXPECT_EQ(Status::kNoMatch, Verify(right.key, "another", right.signature));
  EXPECT_EQ(Status::kOk, Verify(right.key, right.message, right.signature));
  EXPECT_EQ(42, ERR_GET_REASON(ERR_get_error()));
  EXPECT_EQ(0U, ERR_get_error());
}

TEST(RsaPublicKey, RefusesEveryFlippedBit) {
  const Signed right;
  ASSERT_EQ(Status::kOk, Verify(right.key, right.message, right.signature));
  testing::ForEachFlippedBit(right.signature, [&](const std::string& flipped) {
    EXPECT_EQ(Status::kNoMatch, Verify(right.key, right.message, flipped));
  });
  testing::ForEachFlippedBit(right.message, [&](const std::string& flipped) {
    EXPECT_EQ(Status::kNoMatch, Verify(right.key, flipped, right.signature));
  });
  testing::ForEachFlippedBit(Vector("key: DER").One("key"), [&](const std::string& flipped) {
    const Status status = ParseAndVerify(flipped, right.message, right.signature);
    EXPECT_TRUE(status == Status::kMalformed || status == Status::kNoMatch);
  });
}

TEST(RsaPublicKey, RefusesEveryBeginningOfAnEncoding) {
  for (const char* name : {"key: DER", "key: PEM without a last line end", "key: a certificate"}) {
    std::string encoded = Vector(name).One("key");
    if (encoded.back() == '\n') {
      encoded.pop_back();
    }
    testing::ForEachBeginning(encoded, [&](ByteView beginning) {
      RsaPublicKey key;
      EXPECT_EQ(Status::kMalformed, RsaPublicKey::Parse(beginning, &key)) << name << ", " << beginning.size;
    });
  }
}

TEST(RsaPublicKey, ReadsAtMost16KiB) {
  std::string encoded = Signed().encoded;
  encoded.append(kEncodedBytesMax - encoded.size(), '\n');
  RsaPublicKey key;
  EXPECT_EQ(Status::kOk, RsaPublicKey::Parse(encoded, &key));
  EXPECT_EQ(Status::kMalformed, RsaPublicKey::Parse(encoded + "\n", &key));
}

TEST(RsaPublicKey, TellsTheBitsOfItsModulus) {
  EXPECT_EQ(0U, RsaPublicKey().Bits());
  EXPECT_EQ(2048U, Signed("CAVP 2048: P").key.Bits());
  EXPECT_EQ(3072U, Signed("CAVP 3072: P").key.Bits());
  EXPECT_EQ(8192U, Signed(kLongest).key.Bits());
}

TEST(RsaPublicKey, IsReplacedOnlyByAKey) {
  Signed right;
  EXPECT_EQ(Status::kMalformed, RsaPublicKey::Parse("no key", &right.key));
  EXPECT_EQ(Status::kMalformed, RsaPublicKey::Parse(Vector("key: an exponent of 3").One("key"), &right.key));
  EXPECT_EQ(Status::kOk, Verify(right.key, right.message, right.signature));
  EXPECT_EQ(Status::kOk, RsaPublicKey::Parse(Vector("CAVP 3072: P").One("key"), &right.key));
  EXPECT_EQ(Status::kMalformed, Verify(right.key, right.message, right.signature));
}

TEST(RsaPublicKey, HoldsNothingUntilParsedAndAfterAMove) {
  Signed right;
  EXPECT_EQ(Status::kInvalidArgument, Verify(RsaPublicKey(), right.message, right.signature));
  const RsaPublicKey moved = std::move(right.key);
  EXPECT_EQ(Status::kInvalidArgument, Verify(right.key, right.message, right.signature));
  EXPECT_EQ(Status::kOk, Verify(moved, right.message, right.signature));
}

TEST(RsaPublicKey, JoinsTheParts) {
  const Signed right;
  const std::string_view message = right.message;
  for (std::size_t border = 0; border <= message.size(); ++border) {
    const ByteView parts[] = {message.substr(0, border), ByteView(), message.substr(border)};
    EXPECT_EQ(Status::kOk, right.key.VerifySha256({parts, 3}, right.signature));
  }
  const ByteView twice[] = {message, message};
  EXPECT_EQ(Status::kNoMatch, right.key.VerifySha256({twice, 2}, right.signature));
  EXPECT_EQ(Status::kNoMatch, right.key.VerifySha256({}, right.signature));
}

TEST(RsaPublicKey, MayRunInManyThreads) {
  const Signed right;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&right] {
      for (int round = 0; round < 100; ++round) {
        EXPECT_EQ(Status::kOk, Verify(right.key, right.message, right.signature));
        EXPECT_EQ(Status::kNoMatch, Verify(right.key, "another", right.signature));
      }
    });
  }
  for (auto& thread : threads) {
    thread.join();
  }
}

}  // namespace
}  // namespace paycrypto
