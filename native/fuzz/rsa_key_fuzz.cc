#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "fuzz.h"
#include "paycrypto/rsa.h"
#include "reference.h"
#include "rsa_signer.h"

// The first byte says what the others are: `0` an encoded key as it stands; `1` to `3` changes to a good one, in DER,
// in PEM, in a certificate: three bytes each, an offset and what is xored there. A good key has really signed.

namespace paycrypto::fuzz {
namespace {

constexpr std::size_t kEncodedBytesMax = 16 * 1024;
const char kMessage[] = "message";

// What libcrypto, which is laxer, makes of it; null when it makes nothing.
EVP_PKEY* ReadLaxly(const std::string& encoded) {
  const auto* der = reinterpret_cast<const unsigned char*>(encoded.data());
  EVP_PKEY* key = d2i_PUBKEY(nullptr, &der, static_cast<long>(encoded.size()));
  if (key == nullptr) {
    BIO* const bio = BIO_new_mem_buf(encoded.data(), static_cast<int>(encoded.size()));
    key = PEM_read_bio_PUBKEY(bio, nullptr, nullptr, nullptr);
    BIO_free(bio);
  }
  if (key == nullptr) {
    BIO* const bio = BIO_new_mem_buf(encoded.data(), static_cast<int>(encoded.size()));
    X509* const certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
    key = certificate == nullptr ? nullptr : X509_get_pubkey(certificate);
    X509_free(certificate);
    BIO_free(bio);
  }
  ERR_clear_error();
  return key;
}

void CheckNumbers(const EVP_PKEY* key, std::size_t bits) {
  BIGNUM* modulus = nullptr;
  BIGNUM* exponent = nullptr;
  CHECK(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &modulus) == 1);
  CHECK(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1);
  CHECK(static_cast<std::size_t>(BN_num_bits(modulus)) == bits && bits >= 2048 && bits <= 8192);
  CHECK(BN_is_odd(exponent) && BN_num_bits(exponent) > 16);
  BN_free(modulus);
  BN_free(exponent);
}

std::string Encode(const EVP_PKEY* key) {
  unsigned char* data = nullptr;
  const int size = i2d_PUBKEY(key, &data);
  CHECK(size > 0);
  std::string der(reinterpret_cast<char*>(data), static_cast<std::size_t>(size));
  OPENSSL_free(data);
  return der;
}

bool Parses(const std::string& encoded, RsaPublicKey* key) {
  const Status status = RsaPublicKey::Parse(encoded, key);
  CHECK(status == Status::kOk || status == Status::kMalformed);
  CHECK(ERR_peek_error() == 0);
  return status == Status::kOk;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const RsaSigner signer;
  static const std::string good[] = {signer.PublicDer(), signer.PublicPem(), signer.CertificatePem()};
  static const std::string signature = signer.Sign(kMessage);
  if (size == 0) {
    return 0;
  }
  std::string encoded(reinterpret_cast<const char*>(data + 1), size - 1);
  const int form = data[0] - '1';
  if (form >= 0 && form < 3) {
    const std::string changes = std::move(encoded);
    encoded = good[form];
    for (std::size_t at = 0; at + 3 <= changes.size(); at += 3) {
      const auto offset = static_cast<std::size_t>(static_cast<std::uint8_t>(changes[at]) * 256 +
                                                   static_cast<std::uint8_t>(changes[at + 1]));
      encoded[offset % encoded.size()] ^= changes[at + 2];
    }
  }

  RsaPublicKey key;
  if (!Parses(encoded, &key)) {
    const ByteView message(kMessage);
    CHECK(key.VerifySha256({&message, 1}, signature) == Status::kInvalidArgument && key.Bits() == 0);
    CHECK(form < 0 || form >= 3 || encoded != good[form]);
    return 0;
  }
  CHECK(encoded.size() <= kEncodedBytesMax);
  EVP_PKEY* const lax = ReadLaxly(encoded);
  CHECK(lax != nullptr);
  CheckNumbers(lax, key.Bits());

  // Only the key that signed says yes, and it does so in whatever form it was read.
  const std::string der = Encode(lax);
  const ByteView message(kMessage);
  const std::size_t modulus_bytes = (key.Bits() + 7) / 8;
  const Status verified = key.VerifySha256({&message, 1}, signature);
  const Status mismatched = modulus_bytes == signature.size() ? Status::kNoMatch : Status::kMalformed;
  CHECK(verified == (der == good[0] ? Status::kOk : mismatched));
  CHECK(key.VerifySha256({&message, 1}, std::string(modulus_bytes, '\0')) == Status::kNoMatch);
  CHECK(key.VerifySha256({&message, 1}, std::string(modulus_bytes, '\xff')) == Status::kNoMatch);
  CHECK(ERR_peek_error() == 0);

  // Written anew it reads the same; with anything behind it, it does not.
  RsaPublicKey again;
  CHECK(Parses(der, &again) && again.Bits() == key.Bits());
  CHECK(!Parses(der + '\0', &again));
  CHECK(!Parses(encoded + "x", &again));
  CHECK(!Parses(encoded + good[1], &again));
  CHECK(encoded[0] != '\x30' || encoded == der);
  EVP_PKEY_free(lax);
  return 0;
}

}  // namespace paycrypto::fuzz
