#include <gtest/gtest.h>

#include <string>

#include "paycrypto/constant_time.h"
#include "paycrypto/hex.h"
#include "paycrypto/sha512.h"
#include "paycrypto/token.h"
#include "paycrypto/version.h"
#include "vector_file.h"

namespace paycrypto {
namespace {

TEST(Equal, FindsOneFlippedBitAnywhere) {
  for (std::size_t size = 0; size <= 40; ++size) {
    const std::string left(size, 'a');
    std::string right = left;
    EXPECT_TRUE(Equal(left, right));
    for (std::size_t bit = 0; bit < 8 * size; ++bit) {
      right[bit / 8] = static_cast<char>(right[bit / 8] ^ (1 << bit % 8));
      EXPECT_FALSE(Equal(left, right)) << size << " bytes, bit " << bit;
      right = left;
    }
    EXPECT_FALSE(Equal(left, left + 'a'));
  }
}

TEST(Hex, TakesOnlyLowerCaseDigits) {
  for (int character = 0; character < 256; ++character) {
    const std::string text = {'0', static_cast<char>(character)};
    const bool canonical = std::string_view("0123456789abcdef").find(text[1]) != std::string_view::npos;
    std::uint8_t byte = 0;
    EXPECT_EQ(canonical ? Status::kOk : Status::kMalformed, DecodeHex(text, &byte, 1)) << character;
  }
}

TEST(Hex, RoundTripsEveryByte) {
  for (int value = 0; value < 256; ++value) {
    const auto byte = static_cast<std::uint8_t>(value);
    char text[2];
    EncodeHex(ByteView(&byte, 1), text);
    std::uint8_t decoded = 0;
    ASSERT_EQ(Status::kOk, DecodeHex(std::string_view(text, 2), &decoded, 1));
    EXPECT_EQ(byte, decoded);
  }
}

TEST(Hex, RefusesAnotherLength) {
  std::uint8_t out[2];
  for (const std::string_view text : {"", "0", "00", "000", "00000", "000000"}) {
    EXPECT_EQ(Status::kMalformed, DecodeHex(text, out, 2)) << text;
  }
}

TEST(Sha512, AgreesWithTheVectors) {
  for (const auto& vector : testing::ReadVectors("sha512.txt")) {
    SCOPED_TRACE(vector.name());
    const ByteView message(vector.One("message"));
    Sha512Digest digest;
    ASSERT_EQ(Status::kOk, Sha512({&message, 1}, &digest));
    std::string text(2 * digest.size(), '\0');
    EncodeHex(ByteView(digest.data(), digest.size()), text.data());
    EXPECT_EQ(vector.One("digest"), text);
  }
}

TEST(VerifySha512Concat, AgreesWithTheVectors) {
  for (const auto& vector : testing::ReadVectors("sha512_concat.txt")) {
    SCOPED_TRACE(vector.name());
    const auto values = vector.All("part");
    const auto parts = testing::Views(values);
    const ByteView expected = vector.One("expected");
    EXPECT_EQ(vector.Expected(), VerifySha512Concat({parts.data(), parts.size()}, expected));
  }
}

TEST(VerifyToken, AgreesWithTheVectors) {
  for (const auto& vector : testing::ReadVectors("token.txt")) {
    SCOPED_TRACE(vector.name());
    const auto values = vector.All("expected");
    const auto expected = testing::Views(values);
    std::size_t matched = 99;
    const Status status =
        VerifyToken(vector.One("received"), {expected.data(), expected.size()}, &matched);
    EXPECT_EQ(vector.Expected(), status);
    EXPECT_EQ(status == Status::kOk ? vector.Number("matched") : 99, static_cast<std::int64_t>(matched));
  }
}

TEST(Version, NamesLibraryBackendAndLibcrypto) {
  EXPECT_EQ(std::string(LibraryVersion()), "0.1.0");
  EXPECT_EQ(std::string(BackendName()).rfind("libcrypto-", 0), 0U);
  EXPECT_EQ(std::string(LibcryptoVersion()).rfind("OpenSSL 3", 0), 0U);
}

}  // namespace
}  // namespace paycrypto
