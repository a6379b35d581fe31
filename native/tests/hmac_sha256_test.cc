#include "paycrypto/hmac_sha256.h"

#include <gtest/gtest.h>

#include <string>
#include <type_traits>

#include "vector_file.h"

namespace paycrypto {
namespace {

static_assert(!std::is_copy_constructible_v<HmacSha256Key> && !std::is_copy_assignable_v<HmacSha256Key>);

HmacSha256Key MakeKey(std::string_view secret) {
  HmacSha256Key key;
  EXPECT_EQ(Status::kOk, HmacSha256Key::Create(secret, &key));
  return key;
}

TEST(HmacSha256, AgreesWithTheVectors) {
  for (const auto& vector : testing::ReadVectors("hmac_sha256.txt")) {
    SCOPED_TRACE(vector.name());
    const HmacSha256Key key = MakeKey(vector.One("secret"));
    EXPECT_EQ(Status::kOk, key.Verify(vector.One("message"), vector.One("tag")));
  }
}

TEST(HmacSha256, SignsPartsAsTheirWhole) {
  const HmacSha256Key key = MakeKey("secret");
  const ByteView parts[] = {ByteView(), ByteView("one"), ByteView(), ByteView("two")};
  HmacSha256Tag tag;
  ASSERT_EQ(Status::kOk, key.Sign({parts, 4}, &tag));
  EXPECT_EQ(Status::kOk, key.Verify("onetwo", ByteView(tag.data(), tag.size())));
}

TEST(HmacSha256, RefusesEveryFlippedBitOfATag) {
  const HmacSha256Key key = MakeKey("secret");
  const ByteView message("message");
  HmacSha256Tag tag;
  ASSERT_EQ(Status::kOk, key.Sign({&message, 1}, &tag));
  for (std::size_t bit = 0; bit < 8 * tag.size(); ++bit) {
    HmacSha256Tag flipped = tag;
    flipped[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
    EXPECT_EQ(Status::kNoMatch, key.Verify(message, ByteView(flipped.data(), flipped.size()))) << bit;
  }
}

TEST(HmacSha256, RefusesATagOfAnotherLength) {
  const std::string longer(40, '\0');
  for (std::size_t size = 0; size <= longer.size(); ++size) {
    const Status expected = size == kHmacSha256Bytes ? Status::kNoMatch : Status::kMalformed;
    EXPECT_EQ(expected, MakeKey("secret").Verify("message", std::string_view(longer.data(), size))) << size;
  }
}

TEST(HmacSha256, TakesSecretsOf1To4096Bytes) {
  HmacSha256Key key;
  EXPECT_EQ(Status::kInvalidArgument, HmacSha256Key::Create(ByteView(), &key));
  EXPECT_EQ(Status::kOk, HmacSha256Key::Create("x", &key));
  EXPECT_EQ(Status::kOk, HmacSha256Key::Create(std::string(kSecretBytesMax, 'x'), &key));
  EXPECT_EQ(Status::kInvalidArgument, HmacSha256Key::Create(std::string(kSecretBytesMax + 1, 'x'), &key));
}

TEST(HmacSha256, AKeyWithoutASecretDoesNothing) {
  HmacSha256Key key = MakeKey("secret");
  const HmacSha256Key taken = std::move(key);
  HmacSha256Tag tag;
  EXPECT_EQ(Status::kInvalidArgument, HmacSha256Key().Sign({}, &tag));
  EXPECT_EQ(Status::kInvalidArgument, key.Sign({}, &tag));  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(Status::kOk, taken.Sign({}, &tag));
}

}  // namespace
}  // namespace paycrypto
