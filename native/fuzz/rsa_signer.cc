#include "rsa_signer.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "fuzz.h"

namespace paycrypto::fuzz {
namespace {

std::string Taken(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return text;
}

}  // namespace

struct RsaSigner::Key {
  EVP_PKEY* pkey = EVP_RSA_gen(8 * kBytes);
  ~Key() { EVP_PKEY_free(pkey); }
};

RsaSigner::RsaSigner() : key_(std::make_unique<Key>()) { CHECK(key_->pkey != nullptr); }
RsaSigner::~RsaSigner() = default;

std::string RsaSigner::PublicDer() const {
  BIO* const bio = BIO_new(BIO_s_mem());
  CHECK(i2d_PUBKEY_bio(bio, key_->pkey) == 1);
  return Taken(bio);
}

std::string RsaSigner::PublicPem() const {
  BIO* const bio = BIO_new(BIO_s_mem());
  CHECK(PEM_write_bio_PUBKEY(bio, key_->pkey) == 1);
  return Taken(bio);
}

std::string RsaSigner::CertificatePem() const {
  X509* const certificate = X509_new();
  X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  CHECK(X509_set_pubkey(certificate, key_->pkey) == 1 && X509_sign(certificate, key_->pkey, EVP_sha256()) > 0);
  BIO* const bio = BIO_new(BIO_s_mem());
  CHECK(PEM_write_bio_X509(bio, certificate) == 1);
  X509_free(certificate);
  return Taken(bio);
}

std::string RsaSigner::Sign(const std::string& message) const {
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  std::string signature(kBytes, '\0');
  std::size_t size = signature.size();
  CHECK(EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, key_->pkey) == 1);
  CHECK(EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size,
                       reinterpret_cast<const unsigned char*>(message.data()), message.size()) == 1);
  EVP_MD_CTX_free(context);
  return signature;
}

std::string RsaSigner::SignEncoded(const std::string& encoded) const {
  EVP_PKEY_CTX* const context = EVP_PKEY_CTX_new(key_->pkey, nullptr);
  std::string signature(kBytes, '\0');
  std::size_t size = signature.size();
  CHECK(EVP_PKEY_sign_init(context) == 1 && EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING) == 1);
  const int made = EVP_PKEY_sign(context, reinterpret_cast<unsigned char*>(signature.data()), &size,
                                 reinterpret_cast<const unsigned char*>(encoded.data()), encoded.size());
  EVP_PKEY_CTX_free(context);
  ERR_clear_error();
  return made == 1 ? signature : std::string();
}

}  // namespace paycrypto::fuzz
