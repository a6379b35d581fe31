#pragma once

#include <memory>
#include <string>

// The private side, which the library has none of: a key made anew for each run, since no property depends on which.

namespace paycrypto::fuzz {

class RsaSigner {
 public:
  RsaSigner();
  RsaSigner(const RsaSigner&) = delete;
  RsaSigner& operator=(const RsaSigner&) = delete;
  ~RsaSigner();

  static constexpr std::size_t kBytes = 256;

  std::string PublicDer() const;
  std::string PublicPem() const;
  std::string CertificatePem() const;
  // PKCS#1 v1.5 with SHA-256.
  std::string Sign(const std::string& message) const;
  // The private operation on kBytes as they stand; empty when they are no less than the modulus.
  std::string SignEncoded(const std::string& encoded) const;

 private:
  struct Key;
  std::unique_ptr<Key> key_;
};

}  // namespace paycrypto::fuzz
