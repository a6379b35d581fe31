#include "paycrypto/base64.h"

#include <gtest/gtest.h>

#include <string>

#include "vector_file.h"

namespace paycrypto {
namespace {

// What the text stands for, or "malformed".
std::string Decode(const std::string& text, std::size_t size) {
  std::string bytes(size, '\0');
  const Status status = DecodeBase64(text, reinterpret_cast<std::uint8_t*>(bytes.data()), size);
  return status == Status::kOk ? bytes : "malformed";
}

std::string Encode(const std::string& bytes) {
  std::string text(Base64Size(bytes.size()), '\0');
  EncodeBase64(bytes, text.data());
  return text;
}

TEST(Base64, AgreesWithTheVectors) {
  for (const auto& vector : testing::ReadVectors("base64.txt")) {
    SCOPED_TRACE(vector.name());
    const std::string text = vector.One("base64");
    if (vector.Expected() == Status::kOk) {
      const std::string bytes = vector.One("bytes");
      std::size_t size = 99;
      EXPECT_EQ(Status::kOk, DecodedBase64Size(text, &size));
      EXPECT_EQ(bytes.size(), size);
      EXPECT_EQ(bytes, Decode(text, bytes.size()));
      EXPECT_EQ(text, Encode(bytes));
      continue;
    }
    for (std::size_t size = 0; size <= text.size(); ++size) {
      EXPECT_EQ("malformed", Decode(text, size)) << size;
    }
  }
}

TEST(Base64, RoundTripsEveryLengthAndRefusesAnother) {
  std::string bytes;
  for (std::size_t size = 0; size <= 100; ++size) {
    const std::string text = Encode(bytes);
    ASSERT_EQ((size + 2) / 3 * 4, text.size());
    std::size_t told = 99;
    EXPECT_EQ(Status::kOk, DecodedBase64Size(text, &told));
    EXPECT_EQ(size, told);
    EXPECT_EQ(bytes, Decode(text, size));
    EXPECT_EQ("malformed", Decode(text, size + 1));
    EXPECT_EQ("malformed", Decode(text, size + 3));
    if (size > 0) {
      EXPECT_EQ("malformed", Decode(text, size - 1));
    }
    bytes.push_back(static_cast<char>(37 * size + 200));
  }
}

TEST(Base64, TakesOnlyItsAlphabetInEveryPlace) {
  const std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::string text(40, 'A');
  for (std::size_t place = 0; place < text.size(); ++place) {
    for (int character = 0; character < 256; ++character) {
      std::string changed = text;
      changed[place] = static_cast<char>(character);
      const std::size_t value = alphabet.find(changed[place]);
      const std::string decoded = Decode(changed, 30);
      ASSERT_EQ(value == std::string::npos, decoded == "malformed") << place << ' ' << character;
      ASSERT_TRUE(value == std::string::npos || Encode(decoded) == changed) << place << ' ' << character;
    }
  }
}

TEST(Base64, OneTextOnlyStandsForEachValue) {
  const std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  int one_byte = 0;
  int two_bytes = 0;
  for (const char a : alphabet) {
    for (const char b : alphabet) {
      one_byte += Decode({a, b, '=', '='}, 1) != "malformed";
      for (const char c : alphabet) {
        two_bytes += Decode({a, b, c, '='}, 2) != "malformed";
      }
    }
  }
  EXPECT_EQ(256, one_byte);
  EXPECT_EQ(65536, two_bytes);
}

TEST(Base64, WritesNothingBehindWhatItDecodes) {
  std::string out(8, 'x');
  EXPECT_EQ(Status::kOk, DecodeBase64("Zm9vYg==", reinterpret_cast<std::uint8_t*>(out.data()), 4));
  EXPECT_EQ("foobxxxx", out);
}

}  // namespace
}  // namespace paycrypto
