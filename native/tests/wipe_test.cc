#include <gtest/gtest.h>

#include <cstddef>
#include <cstdlib>
#include <new>
#include <string>

#include "paycrypto/aes_gcm.h"
#include "paycrypto/hmac.h"
#include "paycrypto/secret_bytes.h"
#include "paycrypto/version.h"

// The library allocates and frees through these, so a test can look at what it leaves behind.
namespace {

bool g_watching = false;
std::size_t g_freed_bytes = 0;
std::size_t g_freed_nonzero = 0;

// Before each allocation stands its size: not every compiler tells it when freeing.
constexpr std::size_t kPrefixBytes = alignof(std::max_align_t);

void* Allocate(std::size_t size) {
  auto* const memory = static_cast<unsigned char*>(std::malloc(kPrefixBytes + size));
  if (memory == nullptr) {
    return nullptr;
  }
  *reinterpret_cast<std::size_t*>(memory) = size;
  return memory + kPrefixBytes;
}

void* AllocateOrThrow(std::size_t size) {
  if (void* const memory = Allocate(size)) {
    return memory;
  }
  throw std::bad_alloc();
}

void Free(void* memory) {
  if (memory == nullptr) {
    return;
  }
  auto* const bytes = static_cast<unsigned char*>(memory);
  auto* const prefix = bytes - kPrefixBytes;
  const std::size_t size = *reinterpret_cast<const std::size_t*>(prefix);
  if (g_watching) {
    for (std::size_t at = 0; at < size; ++at) {
      g_freed_nonzero += static_cast<const volatile unsigned char*>(bytes)[at] != 0;
    }
    g_freed_bytes += size;
  }
  std::free(prefix);
}

}  // namespace

void* operator new(std::size_t size) { return AllocateOrThrow(size); }
void* operator new[](std::size_t size) { return AllocateOrThrow(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return Allocate(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return Allocate(size); }
void operator delete(void* memory) noexcept { Free(memory); }
void operator delete[](void* memory) noexcept { Free(memory); }
void operator delete(void* memory, std::size_t) noexcept { Free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { Free(memory); }

namespace paycrypto {
namespace {

// Replaces the object by an empty one and expects it to leave at least `bytes`, all of them zero.
template <typename T>
void ExpectOnlyZerosLeft(T* object, std::size_t bytes) {
  g_freed_bytes = 0;
  g_freed_nonzero = 0;
  g_watching = true;
  *object = T();
  g_watching = false;
  EXPECT_GE(g_freed_bytes, bytes);
  EXPECT_EQ(0U, g_freed_nonzero);
}

template <typename Stream>
class Wipe : public ::testing::Test {};
using BothHashes = ::testing::Types<HmacSha256Stream, HmacSha512Stream>;
TYPED_TEST_SUITE(Wipe, BothHashes);

template <Hash kHash>
HmacKey<kHash> KeyOf(const HmacStream<kHash>&) {
  HmacKey<kHash> key;
  EXPECT_EQ(Status::kOk, HmacKey<kHash>::Create("a secret", &key));
  return key;
}

TYPED_TEST(Wipe, KeysAndStreamsLeaveOnlyZeros) {
  if (std::string(BackendName()) != "libcrypto-lowlevel") {
    GTEST_SKIP() << "libcrypto owns and wipes the states of this backend";
  }
  TypeParam stream;
  auto key = KeyOf(stream);
  const std::size_t states = 2 * sizeof(typename decltype(key)::Tag);
  ASSERT_EQ(Status::kOk, TypeParam::Begin(key, &stream));
  ASSERT_EQ(Status::kOk, stream.Update("a message"));
  ExpectOnlyZerosLeft(&stream, states);
  ExpectOnlyZerosLeft(&key, states);
}

TEST(WipeAes256GcmKey, LeavesOnlyZeros) {
  Aes256GcmKey key;
  ASSERT_EQ(Status::kOk, Aes256GcmKey::Create(std::string(kAes256KeyBytes, 'x'), &key));
  ExpectOnlyZerosLeft(&key, kAes256KeyBytes);
}

TEST(WipeSecretBytes, LeaveOnlyZeros) {
  for (const std::size_t size : {1, 15, 16, 17, 100, 4096}) {
    SecretBytes secret;
    ASSERT_EQ(Status::kOk, SecretBytes::Copy(std::string(size, 'x'), &secret));
    ExpectOnlyZerosLeft(&secret, size);
  }
}

TEST(WipeSecretBytes, LeaveOnlyZerosWhenReplaced) {
  SecretBytes secret;
  ASSERT_EQ(Status::kOk, SecretBytes::Copy("a secret", &secret));
  SecretBytes other;
  ASSERT_EQ(Status::kOk, SecretBytes::Create(1, &other));
  g_freed_bytes = 0;
  g_freed_nonzero = 0;
  g_watching = true;
  secret = std::move(other);
  g_watching = false;
  EXPECT_EQ(8U, g_freed_bytes);
  EXPECT_EQ(0U, g_freed_nonzero);
}

}  // namespace
}  // namespace paycrypto
