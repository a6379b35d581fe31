// AES-256-GCM, the work of which is libcrypto's. Where the processor, which is the one that valgrind plays, has no
// instruction for GCM, that may read tables, as aes_gcm.h says: then nothing is proved here.

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

#include <string>

#include "ctgrind.h"
#include "paycrypto/aes_gcm.h"

namespace paycrypto::proofs {
namespace {

bool MultipliesForGcm() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("pclmul");
#elif defined(__aarch64__) && defined(__linux__)
  constexpr unsigned long kPmull = 1UL << 4;
  return (getauxval(AT_HWCAP) & kPmull) != 0;
#else
  return false;
#endif
}

// The last verdict is libcrypto's own and cannot be made public there. It is made from the tag: poison in the received
// tag alone is reported for it, so often; poison in the key must be reported as often, and so nowhere else.
void ProveOpen(const std::string& secret, const std::string& nonce, std::string sealed, const std::string& plaintext,
               bool is_right) {
  const char* const name = is_right ? "aes_gcm_open" : "aes_gcm_refuse";
  std::string tag_alone = sealed;
  VALGRIND_MAKE_MEM_UNDEFINED(&tag_alone[plaintext.size()], kAesGcmTagBytes);
  unsigned reports[2];
  for (const bool key_too : {false, true}) {
    std::string hidden = secret;
    if (key_too) {
      Poison(hidden);
    }
    Aes256GcmKey key;
    std::string out(plaintext.size(), 'x');
    Prove(name, [&] { return Is(Status::kOk, Aes256GcmKey::Create(View(hidden), &key)); });
    reports[key_too] = Reports(name, [&] {
      Status status = key.Open(nonce, key_too ? sealed : tag_alone, "data",
                               reinterpret_cast<std::uint8_t*>(out.data()), out.size());
      VALGRIND_MAKE_MEM_DEFINED(&status, sizeof status);
      return Is(is_right ? Status::kOk : Status::kNoMatch, status);
    });
    if (key_too && is_right && !out.empty() && !IsPoisoned(out)) {
      Say(name, "its plaintext does not depend on the key: nothing is proved");
    }
    Reveal(out);
    if (out != (is_right ? plaintext : std::string(out.size(), '\0'))) {
      Say(name, "left a wrong plaintext");
    }
  }
  if (reports[false] == 0) {
    Say(name, "the verdict was not reported: nothing is proved");
  }
  if (reports[true] != reports[false]) {
    Say(name, "depends on the key before the verdict");
  }
}

}  // namespace

void ProveAesGcm() {
  if (!MultipliesForGcm()) {
    std::printf("NOT PROVED: aes_gcm, for want of the instruction that libcrypto takes constant time with\n");
    return;
  }
  for (const std::size_t size : {0U, 1U, 16U, 50U, 1024U}) {
    const std::string clear_secret(kAes256KeyBytes, 'k');
    const std::string nonce(kAesGcmNonceBytes, 'n');
    const std::string clear_text(size, 't');
    std::string secret = clear_secret;
    std::string plaintext = clear_text;
    Poison(secret);
    Poison(plaintext);
    Aes256GcmKey key;
    std::string sealed(size + kAesGcmTagBytes, 'x');
    auto* const out = reinterpret_cast<std::uint8_t*>(sealed.data());
    Prove("aes_gcm_seal", [&] { return Is(Status::kOk, Aes256GcmKey::Create(View(secret), &key)); });
    Prove("aes_gcm_seal",
          [&] { return Is(Status::kOk, key.Seal(nonce, View(plaintext), "data", out, sealed.size())); });
    if (!IsPoisoned(sealed)) {
      Say("aes_gcm_seal", "its text does not depend on the key: nothing is proved");
    }
    Reveal(sealed);
    ProveOpen(clear_secret, nonce, sealed, clear_text, true);
    sealed.back() = static_cast<char>(sealed.back() ^ 1);
    ProveOpen(clear_secret, nonce, sealed, clear_text, false);
  }
}

}  // namespace paycrypto::proofs
