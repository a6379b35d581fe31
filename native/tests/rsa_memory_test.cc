// Memory that runs out during a verification is told as such, and not as a forgery. A program of its own, because
// libcrypto takes other allocators only before its first use.

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "paycrypto/rsa.h"

namespace {

long g_allocations = 0;
long g_failing = -1;

bool FailsNow() { return g_allocations++ == g_failing; }

void* Allocate(std::size_t size, const char*, int) { return FailsNow() ? nullptr : std::malloc(size); }
void* Reallocate(void* old, std::size_t size, const char*, int) { return FailsNow() ? nullptr : std::realloc(old, size); }
void Free(void* memory, const char*, int) { std::free(memory); }

// Runs `operation` with its n-th allocation failing, for each n it has. It may say kOk or kBackendFailure, nothing else.
template <typename Operation>
long Misjudged(Operation operation) {
  long wrong = 0;
  for (long failing = 0;; ++failing) {
    g_allocations = 0;
    g_failing = failing;
    const paycrypto::Status status = operation();
    const bool reached = g_allocations > failing;
    g_failing = -1;
    if (!reached) {
      std::printf("%ld allocations, %ld misjudged\n", failing, wrong);
      return failing == 0 ? 1 : wrong;
    }
    wrong += status != paycrypto::Status::kOk && status != paycrypto::Status::kBackendFailure;
  }
}

}  // namespace

int main() {
  if (CRYPTO_set_mem_functions(Allocate, Reallocate, Free) != 1) {
    return 2;
  }
  EVP_PKEY* const pair = EVP_RSA_gen(2048);
  unsigned char* der = nullptr;
  const int der_size = i2d_PUBKEY(pair, &der);
  const paycrypto::ByteView encoded(der, static_cast<std::size_t>(der_size));
  const paycrypto::ByteView message("signed");

  unsigned char signature[256];
  std::size_t size = sizeof signature;
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  if (EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, pair) != 1 ||
      EVP_DigestSign(context, signature, &size, message.data, message.size) != 1) {
    return 2;
  }
  paycrypto::RsaPublicKey key;
  if (paycrypto::RsaPublicKey::Parse(encoded, &key) != paycrypto::Status::kOk) {
    return 2;
  }
  const long wrong = Misjudged([&] { return key.VerifySha256({&message, 1}, {signature, size}); });
  EVP_MD_CTX_free(context);
  EVP_PKEY_free(pair);
  OPENSSL_free(der);
  return wrong == 0 ? 0 : 1;
}
