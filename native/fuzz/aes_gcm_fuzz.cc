#include "paycrypto/aes_gcm.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "fuzz.h"
#include "reference.h"

// Fields: a choice for Mutate, the key, the nonce, the associated data, a sealed text (0x01 stands for the right one),
// the plaintext. Outputs lie in memory of exactly their size, which held something else before.

namespace paycrypto::fuzz {
namespace {

struct Output {
  explicit Output(std::size_t bytes) : size(bytes), data(new std::uint8_t[bytes]) {
    std::fill_n(data.get(), size, std::uint8_t{0x55});
  }
  std::string Text() const { return {reinterpret_cast<const char*>(data.get()), size}; }

  std::size_t size;
  std::unique_ptr<std::uint8_t[]> data;
};

void CheckOpen(const Aes256GcmKey& key, const std::string& secret, const std::string& nonce, const std::string& data,
               const std::string& sealed) {
  const bool well_formed = nonce.size() == kAesGcmNonceBytes && sealed.size() >= kAesGcmTagBytes;
  const std::optional<std::string> want =
      well_formed ? reference::OpenAes256Gcm(secret, nonce, data, sealed) : std::nullopt;
  const Output out(sealed.size() < kAesGcmTagBytes ? 0 : sealed.size() - kAesGcmTagBytes);
  const Status status = key.Open(nonce, sealed, data, out.data.get(), out.size);
  CHECK(status == (!well_formed ? Status::kMalformed : want ? Status::kOk : Status::kNoMatch));
  CHECK(!want || out.Text() == *want);
  CHECK(status != Status::kNoMatch || out.Text() == std::string(out.size, '\0'));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  Input input(bytes, size);
  const std::int64_t choice = input.Number();
  const std::string secret = input.Field();
  const std::string nonce = input.Field();
  const std::string data = input.Field();
  const std::string sealed_form = input.Field();
  const std::string plaintext = input.Rest();

  Aes256GcmKey key;
  const bool is_key = secret.size() == kAes256KeyBytes;
  CHECK(Aes256GcmKey::Create(secret, &key) == (is_key ? Status::kOk : Status::kInvalidArgument));
  const Output sealed(plaintext.size() + kAesGcmTagBytes);
  const bool usable = is_key && nonce.size() == kAesGcmNonceBytes;
  CHECK(key.Seal(nonce, plaintext, data, sealed.data.get(), sealed.size) ==
        (usable ? Status::kOk : Status::kInvalidArgument));
  if (!is_key) {
    CHECK(key.Open(nonce, sealed_form, data, sealed.data.get(), sealed.size) == Status::kInvalidArgument);
    return 0;
  }
  std::string right;
  if (usable) {
    right = reference::SealAes256Gcm(secret, nonce, data, plaintext);
    CHECK(sealed.Text() == right);
    CheckOpen(key, secret, nonce, data, right);
    CheckOpen(key, secret, nonce, data, Mutate(right, choice));
    CheckOpen(key, secret, Mutate(nonce, choice), data, right);
    CheckOpen(key, secret, nonce, data + '\0', right);
    CheckOpen(key, secret, nonce, data, right.substr(1));
  }
  CheckOpen(key, secret, nonce, data, Expand(sealed_form, {right}));
  return 0;
}

}  // namespace paycrypto::fuzz
