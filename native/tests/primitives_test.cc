#include <gtest/gtest.h>

#include <string>

#include "paycrypto/constant_time.h"
#include "paycrypto/hex.h"
#include "paycrypto/sha256.h"
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

TEST(Hex, TakesOnlyLowerCaseDigitsInEveryPlace) {
  std::string text(42, '0');
  for (std::size_t place = 0; place < text.size(); ++place) {
    for (int character = 0; character < 256; ++character) {
      text[place] = static_cast<char>(character);
      const std::size_t value = std::string_view("0123456789abcdef").find(text[place]);
      const bool canonical = value != std::string_view::npos;
      std::uint8_t bytes[21];
      ASSERT_EQ(canonical ? Status::kOk : Status::kMalformed, DecodeHex(text, bytes, 21)) << place << ' ' << character;
      if (canonical) {
        ASSERT_EQ(place % 2 == 0 ? value << 4 : value, bytes[place / 2]) << place;
      }
    }
    text[place] = '0';
  }
}

TEST(Hex, RoundTripsEveryLengthAndWritesNothingBehind) {
  std::string bytes;
  for (std::size_t size = 0; size <= 70; ++size) {
    std::string text(2 * size, '\0');
    EncodeHex(bytes, text.data());
    std::string decoded(size + 8, 'x');
    ASSERT_EQ(Status::kOk, DecodeHex(text, reinterpret_cast<std::uint8_t*>(decoded.data()), size));
    EXPECT_EQ(bytes + "xxxxxxxx", decoded);
    bytes.push_back(static_cast<char>(37 * size + 200));
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

template <typename Digest>
void ExpectVectors(const std::string& file, Status (*hash)(ByteViews, Digest*) noexcept) {
  for (const auto& vector : testing::ReadVectors(file)) {
    SCOPED_TRACE(vector.name());
    const ByteView message(vector.One("message"));
    const ByteView parts[] = {{message.data, message.size / 3},
                              {message.data + message.size / 3, message.size - message.size / 3}};
    for (const ByteViews& views : {ByteViews{&message, 1}, ByteViews{parts, 2}}) {
      Digest digest;
      ASSERT_EQ(Status::kOk, hash(views, &digest));
      std::string text(2 * digest.size(), '\0');
      EncodeHex(ByteView(digest.data(), digest.size()), text.data());
      EXPECT_EQ(vector.One("digest"), text);
    }
  }
}

TEST(Sha256, AgreesWithTheVectors) { ExpectVectors("sha256.txt", Sha256); }

TEST(Sha512, AgreesWithTheVectors) { ExpectVectors("sha512.txt", Sha512); }

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
