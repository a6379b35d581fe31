#include "paycrypto/secret_bytes.h"

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <type_traits>
#include <utility>

#include "paycrypto/hmac.h"

namespace paycrypto {
namespace {

template <typename T, typename = void>
struct IsPrintable : std::false_type {};
template <typename T>
struct IsPrintable<T, std::void_t<decltype(std::declval<std::ostream&>() << std::declval<const T&>())>>
    : std::true_type {};
template <typename T, typename = void>
struct IsComparable : std::false_type {};
template <typename T>
struct IsComparable<T, std::void_t<decltype(std::declval<const T&>() == std::declval<const T&>())>> : std::true_type {};

static_assert(!std::is_copy_constructible_v<SecretBytes> && !std::is_copy_assignable_v<SecretBytes>);
static_assert(!std::is_convertible_v<SecretBytes, std::string_view> && !std::is_convertible_v<SecretBytes, ByteView>);
static_assert(!IsPrintable<SecretBytes>::value && !IsComparable<SecretBytes>::value);
static_assert(IsPrintable<std::string>::value && IsComparable<std::string>::value);

std::string TextOf(const SecretBytes& secret) {
  const ByteView view = secret.View();
  return {reinterpret_cast<const char*>(view.data), view.size};
}

TEST(SecretBytes, CopiesWhatItIsGiven) {
  std::string text = "a secret";
  SecretBytes secret;
  ASSERT_EQ(Status::kOk, SecretBytes::Copy(text, &secret));
  text = "changed.";
  EXPECT_EQ("a secret", TextOf(secret));
}

TEST(SecretBytes, GivesZerosToFill) {
  SecretBytes secret;
  ASSERT_EQ(Status::kOk, SecretBytes::Create(3, &secret));
  EXPECT_EQ(std::string(3, '\0'), TextOf(secret));
  secret.data()[1] = 'x';
  EXPECT_EQ(std::string("\0x\0", 3), TextOf(secret));
}

TEST(SecretBytes, Holds1To4096Bytes) {
  const std::string longest(kSecretBytesMax, 'x');
  SecretBytes secret;
  EXPECT_EQ(Status::kOk, SecretBytes::Copy(longest, &secret));
  EXPECT_EQ(Status::kInvalidArgument, SecretBytes::Create(0, &secret));
  EXPECT_EQ(Status::kInvalidArgument, SecretBytes::Create(kSecretBytesMax + 1, &secret));
  EXPECT_EQ(Status::kInvalidArgument, SecretBytes::Copy(ByteView(), &secret));
  EXPECT_EQ(Status::kInvalidArgument, SecretBytes::Copy(longest + "x", &secret));
  EXPECT_EQ(longest, TextOf(secret));
}

TEST(SecretBytes, MovesAndLeavesNothing) {
  SecretBytes first;
  ASSERT_EQ(Status::kOk, SecretBytes::Copy("a secret", &first));
  SecretBytes second(std::move(first));
  EXPECT_EQ("", TextOf(first));  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ("a secret", TextOf(second));
  SecretBytes third;
  ASSERT_EQ(Status::kOk, SecretBytes::Copy("another", &third));
  third = std::move(second);
  EXPECT_EQ("", TextOf(second));  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ("a secret", TextOf(third));
}

TEST(SecretBytes, MayReadTheBytesItReplaces) {
  SecretBytes secret;
  ASSERT_EQ(Status::kOk, SecretBytes::Copy("a secret", &secret));
  ASSERT_EQ(Status::kOk, SecretBytes::Copy(secret.View(), &secret));
  EXPECT_EQ("a secret", TextOf(secret));
}

}  // namespace
}  // namespace paycrypto
