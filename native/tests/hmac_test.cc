#include "paycrypto/hmac.h"

#include <gtest/gtest.h>

#include <cctype>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "changed_text.h"
#include "paycrypto/base64.h"
#include "paycrypto/hex.h"
#include "vector_file.h"

namespace paycrypto {
namespace {

template <typename Key>
Key MakeKey(std::string_view secret) {
  Key key;
  EXPECT_EQ(Status::kOk, Key::Create(secret, &key));
  return key;
}

template <typename Key>
std::string SignWhole(const Key& key, ByteView message) {
  typename Key::Tag tag;
  EXPECT_EQ(Status::kOk, key.Sign({&message, 1}, &tag));
  return {tag.begin(), tag.end()};
}

template <typename Key>
Status VerifyWhole(const Key& key, ByteView message, ByteView tag) {
  return key.Verify({&message, 1}, tag);
}

std::string Hex(const std::string& bytes) {
  std::string text(2 * bytes.size(), '\0');
  EncodeHex(bytes, text.data());
  return text;
}

std::string Base64(const std::string& bytes) {
  std::string text(Base64Size(bytes.size()), '\0');
  EncodeBase64(bytes, text.data());
  return text;
}

struct Sha256Types {
  using Key = HmacSha256Key;
  using Stream = HmacSha256Stream;
  static constexpr Hash kHash = Hash::kSha256;
  static constexpr const char* kVectors = "hmac_sha256.txt";
};

struct Sha512Types {
  using Key = HmacSha512Key;
  using Stream = HmacSha512Stream;
  static constexpr Hash kHash = Hash::kSha512;
  static constexpr const char* kVectors = "hmac_sha512.txt";
};

template <typename Types>
class Hmac : public ::testing::Test {
 protected:
  using Key = typename Types::Key;
  using Stream = typename Types::Stream;
  static constexpr std::size_t kTagBytes = kHashBytes<Types::kHash>;

  static Stream MakeStream(const Key& key) {
    Stream stream;
    EXPECT_EQ(Status::kOk, Stream::Begin(key, &stream));
    return stream;
  }

  // What VerifyAny says of keys made of `secrets`, and the index it gives, 99 when none.
  static std::pair<Status, std::size_t> Any(const std::vector<std::string>& secrets, const std::string& message,
                                            const std::vector<std::string>& tags) {
    std::vector<Key> keys;
    std::vector<const Key*> pointers;
    for (const auto& secret : secrets) {
      keys.push_back(MakeKey<Key>(secret));
    }
    for (const auto& key : keys) {
      pointers.push_back(&key);
    }
    const auto views = testing::Views(tags);
    const ByteView part(message);
    std::size_t matched = 99;
    const HmacKeys<Types::kHash> live{pointers.data(), pointers.size()};
    const Status status = VerifyAny<Types::kHash>(live, {&part, 1}, {views.data(), views.size()}, &matched);
    return {status, matched};
  }

  static_assert(!std::is_copy_constructible_v<Key> && !std::is_copy_assignable_v<Key>);
  static_assert(!std::is_copy_constructible_v<Stream> && !std::is_copy_assignable_v<Stream>);
};

using BothHashes = ::testing::Types<Sha256Types, Sha512Types>;
TYPED_TEST_SUITE(Hmac, BothHashes);

TYPED_TEST(Hmac, AgreesWithTheVectors) {
  for (const auto& vector : testing::ReadVectors(TypeParam::kVectors)) {
    SCOPED_TRACE(vector.name());
    const auto key = MakeKey<typename TypeParam::Key>(vector.One("secret"));
    EXPECT_EQ(vector.One("tag"), SignWhole(key, vector.One("message")));
    EXPECT_EQ(Status::kOk, VerifyWhole(key, vector.One("message"), vector.One("tag")));
  }
}

TYPED_TEST(Hmac, SignsPartsAsTheirWhole) {
  const auto key = MakeKey<typename TypeParam::Key>("secret");
  const ByteView parts[] = {ByteView(), ByteView("one"), ByteView(), ByteView("two")};
  const std::string tag = SignWhole(key, "onetwo");
  EXPECT_EQ(Status::kOk, key.Verify({parts, 4}, tag));
  EXPECT_EQ(Status::kOk, key.VerifyHex({parts, 4}, Hex(tag)));
  EXPECT_EQ(Status::kOk, key.VerifyBase64({parts, 4}, Base64(tag)));
}

TYPED_TEST(Hmac, RefusesEveryFlippedBitOfATag) {
  const auto key = MakeKey<typename TypeParam::Key>("secret");
  const ByteView message("message");
  testing::ForEachFlippedBit(SignWhole(key, message), [&](const std::string& flipped) {
    EXPECT_EQ(Status::kNoMatch, VerifyWhole(key, message, flipped));
    EXPECT_EQ(Status::kNoMatch, key.VerifyHex({&message, 1}, Hex(flipped)));
    EXPECT_EQ(Status::kNoMatch, key.VerifyBase64({&message, 1}, Base64(flipped)));
  });
}

TYPED_TEST(Hmac, RefusesEveryFlippedBitOfATagsText) {
  const auto key = MakeKey<typename TypeParam::Key>("secret");
  const ByteView message("message");
  const std::string tag = SignWhole(key, message);
  testing::ForEachFlippedBit(Hex(tag), [&](const std::string& flipped) {
    EXPECT_NE(Status::kOk, key.VerifyHex({&message, 1}, flipped)) << flipped;
  });
  testing::ForEachFlippedBit(Base64(tag), [&](const std::string& flipped) {
    EXPECT_NE(Status::kOk, key.VerifyBase64({&message, 1}, flipped)) << flipped;
  });
}

TYPED_TEST(Hmac, RefusesEveryFlippedBitOfAMessageOrSecret) {
  const std::string secret = "a secret";
  const std::string message(150, 'm');
  const auto key = MakeKey<typename TypeParam::Key>(secret);
  const std::string tag = SignWhole(key, message);
  testing::ForEachFlippedBit(message, [&](const std::string& flipped) {
    EXPECT_EQ(Status::kNoMatch, VerifyWhole(key, flipped, tag));
  });
  testing::ForEachFlippedBit(secret, [&](const std::string& flipped) {
    EXPECT_EQ(Status::kNoMatch, VerifyWhole(MakeKey<typename TypeParam::Key>(flipped), message, tag));
  });
}

TYPED_TEST(Hmac, RefusesATagOfAnotherLength) {
  const auto key = MakeKey<typename TypeParam::Key>("secret");
  const ByteView message("message");
  const std::string right = SignWhole(key, message);
  const std::string longer = right + std::string(20, '\0');
  for (std::size_t size = 0; size <= longer.size(); ++size) {
    const std::string tag = longer.substr(0, size);
    const Status expected = size == right.size() ? Status::kOk : Status::kMalformed;
    EXPECT_EQ(expected, VerifyWhole(key, message, tag)) << size;
    EXPECT_EQ(expected, key.VerifyHex({&message, 1}, Hex(tag))) << size;
    EXPECT_EQ(expected, key.VerifyBase64({&message, 1}, Base64(tag))) << size;
  }
}

TYPED_TEST(Hmac, ReadsOnlyCanonicalTags) {
  const auto key = MakeKey<typename TypeParam::Key>("secret");
  const ByteView message("message");
  const std::string tag = SignWhole(key, message);
  std::string upper = Hex(tag);
  for (char& digit : upper) {
    digit = static_cast<char>(std::toupper(digit));
  }
  EXPECT_EQ(Status::kMalformed, key.VerifyHex({&message, 1}, upper));
  EXPECT_EQ(Status::kMalformed, key.VerifyHex({&message, 1}, Hex(tag) + "\n"));
  const std::string base64 = Base64(tag);
  EXPECT_EQ(Status::kMalformed, key.VerifyBase64({&message, 1}, base64.substr(0, base64.find('='))));
  EXPECT_EQ(Status::kMalformed, key.VerifyBase64({&message, 1}, base64 + "\n"));
}

TYPED_TEST(Hmac, TakesSecretsOf1To4096Bytes) {
  using Key = typename TypeParam::Key;
  Key key;
  EXPECT_EQ(Status::kInvalidArgument, Key::Create(ByteView(), &key));
  EXPECT_EQ(Status::kOk, Key::Create("x", &key));
  EXPECT_EQ(Status::kOk, Key::Create(std::string(kSecretBytesMax, 'x'), &key));
  EXPECT_EQ(Status::kInvalidArgument, Key::Create(std::string(kSecretBytesMax + 1, 'x'), &key));
}

TYPED_TEST(Hmac, KeepsItsSecretWhenAnotherIsRefused) {
  using Key = typename TypeParam::Key;
  Key key = MakeKey<Key>("secret");
  const std::string tag = SignWhole(key, "message");
  EXPECT_EQ(Status::kInvalidArgument, Key::Create(ByteView(), &key));
  EXPECT_EQ(Status::kOk, VerifyWhole(key, "message", tag));
}

TYPED_TEST(Hmac, AKeyWithoutASecretDoesNothing) {
  using Key = typename TypeParam::Key;
  Key key = MakeKey<Key>("secret");
  const Key taken = std::move(key);
  const std::string tag = SignWhole(taken, "");
  typename Key::Tag made;
  for (const Key* const empty : {static_cast<const Key*>(&key), static_cast<const Key*>(nullptr)}) {
    const Key fresh;
    const Key& without = empty == nullptr ? fresh : *empty;
    typename TypeParam::Stream stream;
    EXPECT_EQ(Status::kInvalidArgument, without.Sign({}, &made));
    EXPECT_EQ(Status::kInvalidArgument, without.Verify({}, tag));
    EXPECT_EQ(Status::kInvalidArgument, without.Verify({}, "short"));
    EXPECT_EQ(Status::kInvalidArgument, without.VerifyHex({}, Hex(tag)));
    EXPECT_EQ(Status::kInvalidArgument, without.VerifyHex({}, "not hex"));
    EXPECT_EQ(Status::kInvalidArgument, without.VerifyBase64({}, Base64(tag)));
    EXPECT_EQ(Status::kInvalidArgument, without.VerifyBase64({}, "not base64"));
    EXPECT_EQ(Status::kInvalidArgument, TypeParam::Stream::Begin(without, &stream));
  }
}

TYPED_TEST(Hmac, VerifyAnyNamesTheFirstKeyThatMadeATag) {
  const auto tag_of = [](std::string_view secret) {
    return SignWhole(MakeKey<typename TypeParam::Key>(secret), "message");
  };
  const std::string tag_a = tag_of("a");
  const std::string tag_b = tag_of("b");
  const std::string other = tag_of("another");
  const auto any = [](const std::vector<std::string>& secrets, const std::vector<std::string>& tags) {
    return TestFixture::Any(secrets, "message", tags);
  };
  const auto matches = [](std::size_t index) { return std::make_pair(Status::kOk, index); };
  EXPECT_EQ(matches(0), any({"a", "b"}, {tag_a}));
  EXPECT_EQ(matches(1), any({"a", "b"}, {tag_b}));
  EXPECT_EQ(matches(0), any({"a", "b"}, {tag_b, tag_a}));
  EXPECT_EQ(matches(1), any({"a", "b"}, {other, other, tag_b}));
  EXPECT_EQ(matches(0), any({"a", "a"}, {tag_a}));
}

TYPED_TEST(Hmac, VerifyAnyRefuses) {
  const std::string tag = SignWhole(MakeKey<typename TypeParam::Key>("a"), "message");
  const auto any = [](const std::vector<std::string>& secrets, const std::vector<std::string>& tags) {
    return TestFixture::Any(secrets, "message", tags);
  };
  const auto refused = [](Status status) { return std::make_pair(status, std::size_t{99}); };
  EXPECT_EQ(refused(Status::kNoMatch), any({"b", "c"}, {tag}));
  EXPECT_EQ(refused(Status::kNoMatch), any({}, {tag}));
  EXPECT_EQ(refused(Status::kNoMatch), any({"a"}, {}));
  EXPECT_EQ(refused(Status::kMalformed), any({"a"}, {tag, tag.substr(1)}));
  EXPECT_EQ(refused(Status::kMalformed), any({"a"}, {tag + "x", tag}));
  EXPECT_EQ(refused(Status::kMalformed), any({"a"}, {""}));
}

TYPED_TEST(Hmac, VerifyAnyTakesNoEmptyKeyEvenBehindOneThatMatches) {
  const auto key = MakeKey<typename TypeParam::Key>("a");
  const typename TypeParam::Key empty;
  const std::string tag = SignWhole(key, ByteView());
  const ByteView tag_view(tag);
  std::size_t matched = 99;
  for (const auto* const second : {&empty, static_cast<decltype(&empty)>(nullptr)}) {
    const decltype(&empty) keys[] = {&key, second};
    EXPECT_EQ(Status::kInvalidArgument, VerifyAny<TypeParam::kHash>({keys, 2}, {}, {&tag_view, 1}, &matched));
  }
  EXPECT_EQ(99U, matched);
}

TYPED_TEST(Hmac, StreamsEverySplitAsTheWhole) {
  const auto key = MakeKey<typename TypeParam::Key>("secret");
  std::string message(300, '\0');
  for (std::size_t at = 0; at < message.size(); ++at) {
    message[at] = static_cast<char>(at);
  }
  const std::string tag = SignWhole(key, message);
  for (std::size_t split = 0; split <= message.size(); ++split) {
    auto stream = TestFixture::MakeStream(key);
    ASSERT_EQ(Status::kOk, stream.Update(std::string_view(message).substr(0, split)));
    ASSERT_EQ(Status::kOk, stream.Update(std::string_view(message).substr(split)));
    EXPECT_EQ(Status::kOk, stream.Verify(tag)) << split;
  }
}

TYPED_TEST(Hmac, AStreamOutlivesItsKeyAndMoves) {
  typename TypeParam::Stream stream;
  std::string tag;
  {
    const auto key = MakeKey<typename TypeParam::Key>("secret");
    tag = SignWhole(key, "message");
    stream = TestFixture::MakeStream(key);
  }
  ASSERT_EQ(Status::kOk, stream.Update("mess"));
  auto moved = std::move(stream);
  EXPECT_EQ(Status::kInvalidArgument, stream.Update("x"));  // NOLINT(bugprone-use-after-move)
  ASSERT_EQ(Status::kOk, moved.Update("age"));
  typename TypeParam::Key::Tag made;
  ASSERT_EQ(Status::kOk, moved.Finish(&made));
  EXPECT_EQ(tag, std::string(made.begin(), made.end()));
}

TYPED_TEST(Hmac, AStreamIsOverAfterFinishOrVerify) {
  const auto key = MakeKey<typename TypeParam::Key>("secret");
  const std::string right = SignWhole(key, ByteView());
  const std::string wrong(right.size(), 'x');
  const auto is_over = [](typename TypeParam::Stream* stream) {
    typename TypeParam::Key::Tag made;
    EXPECT_EQ(Status::kInvalidArgument, stream->Update("x"));
    EXPECT_EQ(Status::kInvalidArgument, stream->Finish(&made));
    EXPECT_EQ(Status::kInvalidArgument, stream->Verify(std::string(made.size(), 'x')));
  };
  typename TypeParam::Stream fresh;
  is_over(&fresh);
  auto finished = TestFixture::MakeStream(key);
  typename TypeParam::Key::Tag made;
  ASSERT_EQ(Status::kOk, finished.Finish(&made));
  is_over(&finished);
  const std::pair<std::string, Status> ends[] = {
      {right, Status::kOk},
      {wrong, Status::kNoMatch},
      {"short", Status::kMalformed},
      {right + "x", Status::kMalformed},
  };
  for (const auto& [tag, expected] : ends) {
    auto stream = TestFixture::MakeStream(key);
    EXPECT_EQ(expected, stream.Verify(tag));
    is_over(&stream);
  }
}

TYPED_TEST(Hmac, AStreamMayBeBegunAnew) {
  const auto key = MakeKey<typename TypeParam::Key>("secret");
  auto stream = TestFixture::MakeStream(key);
  ASSERT_EQ(Status::kOk, stream.Update("what was begun before"));
  ASSERT_EQ(Status::kOk, TypeParam::Stream::Begin(key, &stream));
  ASSERT_EQ(Status::kOk, stream.Update("message"));
  EXPECT_EQ(Status::kOk, stream.Verify(SignWhole(key, "message")));
}

}  // namespace
}  // namespace paycrypto
