#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <string>

#include "paycrypto/hmac_sha256.h"
#include "paycrypto/version.h"

// The library frees through these, so a test can look at what a key leaves behind.
namespace {

bool g_watching = false;
std::size_t g_freed_bytes = 0;
std::size_t g_freed_nonzero = 0;

void Inspect(const void* memory, std::size_t size) {
  const auto* bytes = static_cast<const volatile unsigned char*>(memory);
  for (std::size_t at = 0; at < size; ++at) {
    g_freed_nonzero += bytes[at] != 0;
  }
  g_freed_bytes += size;
}

}  // namespace

void* operator new(std::size_t size) {
  if (void* const memory = std::malloc(size)) {
    return memory;
  }
  throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return std::malloc(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t size) noexcept {
  if (g_watching) {
    Inspect(memory, size);
  }
  std::free(memory);
}

namespace paycrypto {
namespace {

TEST(HmacSha256Key, LeavesOnlyZerosBehind) {
  if (std::string(BackendName()) != "libcrypto-lowlevel") {
    GTEST_SKIP() << "libcrypto owns and wipes the states of this backend";
  }
  HmacSha256Key key;
  ASSERT_EQ(Status::kOk, HmacSha256Key::Create("a secret", &key));
  g_watching = true;
  key = HmacSha256Key();
  g_watching = false;
  EXPECT_GE(g_freed_bytes, 2 * kHmacSha256Bytes);
  EXPECT_EQ(0U, g_freed_nonzero);
}

}  // namespace
}  // namespace paycrypto
