// Memory that runs out is told as such, and not as a forgery; and what libcrypto frees holds no key and no plaintext. A
// program of its own, because libcrypto takes other allocators only before its first use.

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "paycrypto/aes_gcm.h"
#include "paycrypto/rsa.h"

namespace {

using paycrypto::Aes256GcmKey;
using paycrypto::ByteView;
using paycrypto::Status;

long g_allocations = 0;
long g_failing = -1;
// What no freed block may hold, and how many did.
std::string_view g_secret;
long g_left_secrets = 0;

// Before each block stands its size, which is not told when it is freed.
constexpr std::size_t kPrefixBytes = alignof(std::max_align_t);

bool FailsNow() { return g_allocations++ == g_failing; }

void* Allocate(std::size_t size, const char*, int) {
  auto* const block = FailsNow() ? nullptr : static_cast<char*>(std::malloc(kPrefixBytes + size));
  if (block == nullptr) {
    return nullptr;
  }
  std::memcpy(block, &size, sizeof size);
  return block + kPrefixBytes;
}

void Free(void* memory, const char*, int) {
  if (memory == nullptr) {
    return;
  }
  auto* const block = static_cast<char*>(memory) - kPrefixBytes;
  std::size_t size = 0;
  std::memcpy(&size, block, sizeof size);
  const std::string_view left(static_cast<char*>(memory), size);
  g_left_secrets += !g_secret.empty() && left.find(g_secret) != left.npos;
  std::free(block);
}

void* Reallocate(void* old, std::size_t size, const char* file, int line) {
  if (old == nullptr || size == 0) {
    Free(old, file, line);
    return size == 0 ? nullptr : Allocate(size, file, line);
  }
  void* const memory = Allocate(size, file, line);
  if (memory != nullptr) {
    std::size_t old_size = 0;
    std::memcpy(&old_size, static_cast<char*>(old) - kPrefixBytes, sizeof old_size);
    std::memcpy(memory, old, std::min(old_size, size));
    Free(old, file, line);
  }
  return memory;
}

// Runs `operation` with its n-th allocation failing, for each n it has. It may say kOk or kBackendFailure, nothing else.
template <typename Operation>
long Misjudged(const char* name, Operation operation) {
  long wrong = 0;
  for (long failing = 0;; ++failing) {
    g_allocations = 0;
    g_failing = failing;
    const Status status = operation();
    const bool reached = g_allocations > failing;
    g_failing = -1;
    if (!reached) {
      std::printf("%s: %ld allocations, %ld misjudged\n", name, failing, wrong);
      return failing == 0 ? 1 : wrong;
    }
    wrong += status != Status::kOk && status != Status::kBackendFailure;
  }
}

long MisjudgedRsa() {
  EVP_PKEY* const pair = EVP_RSA_gen(2048);
  unsigned char* der = nullptr;
  const int der_size = i2d_PUBKEY(pair, &der);
  const ByteView encoded(der, static_cast<std::size_t>(der_size));
  const ByteView message("signed");

  unsigned char signature[256];
  std::size_t size = sizeof signature;
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  if (EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, pair) != 1 ||
      EVP_DigestSign(context, signature, &size, message.data, message.size) != 1) {
    return 1;
  }
  paycrypto::RsaPublicKey key;
  if (paycrypto::RsaPublicKey::Parse(encoded, &key) != Status::kOk) {
    return 1;
  }
  const long wrong = Misjudged("rsa", [&] { return key.VerifySha256({&message, 1}, {signature, size}); });
  EVP_MD_CTX_free(context);
  EVP_PKEY_free(pair);
  OPENSSL_free(der);
  return wrong;
}

// Creates a key, seals and opens; with the key or the plaintext watched for in what is freed.
long MisjudgedAesGcm(std::string_view secret, std::string_view plaintext, std::string_view watched) {
  const std::string nonce(paycrypto::kAesGcmNonceBytes, 'n');
  std::uint8_t sealed[200];
  std::uint8_t opened[200];
  const std::size_t sealed_size = plaintext.size() + paycrypto::kAesGcmTagBytes;
  g_secret = watched;
  const long wrong = Misjudged("aes_gcm", [&] {
    Aes256GcmKey key;
    Status status = Aes256GcmKey::Create(secret, &key);
    if (status == Status::kOk) {
      status = key.Seal(nonce, plaintext, "data", sealed, sealed_size);
    }
    if (status == Status::kOk) {
      std::memset(opened, 'x', sizeof opened);
      status = key.Open(nonce, {sealed, sealed_size}, "data", opened, plaintext.size());
      if (status != Status::kOk && std::any_of(opened, opened + plaintext.size(), [](auto byte) { return byte != 0; })) {
        return Status::kMalformed;
      }
    }
    return status;
  });
  g_secret = {};
  return wrong;
}

// A block that holds the secret when it is freed must be seen, or else nothing is shown.
bool IsSeen(std::string_view secret) {
  g_secret = secret;
  void* const block = OPENSSL_malloc(secret.size() + 7);
  std::memcpy(static_cast<char*>(block) + 7, secret.data(), secret.size());
  OPENSSL_free(block);
  g_secret = {};
  return std::exchange(g_left_secrets, 0) == 1;
}

}  // namespace

int main() {
  if (CRYPTO_set_mem_functions(Allocate, Reallocate, Free) != 1) {
    return 2;
  }
  constexpr std::string_view kSecret = "the key, which has 32 bytes then";
  constexpr std::string_view kPlaintext = "what is sealed, somewhat longer than a block of AES";
  if (!IsSeen(kSecret)) {
    std::printf("the watch does not see a secret that is left\n");
    return 2;
  }
  const long wrong = MisjudgedRsa() + MisjudgedAesGcm(kSecret, kPlaintext, kSecret) +
                     MisjudgedAesGcm(kSecret, kPlaintext, kPlaintext.substr(0, 16));
  std::printf("%ld freed blocks held a secret\n", g_left_secrets);
  return wrong == 0 && g_left_secrets == 0 ? 0 : 1;
}
