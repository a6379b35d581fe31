#include <openssl/evp.h>

#include "reference.h"

// SP 800-38D as it is written, bit by bit, over single blocks of AES.

namespace paycrypto::fuzz::reference {
namespace {

constexpr std::size_t kBlockBytes = 16;
using Block = std::string;  // of kBlockBytes

Block Encrypt(const std::string& secret, const Block& block) {
  unsigned char out[2 * kBlockBytes];
  int size = 0;
  EVP_CIPHER_CTX* const context = EVP_CIPHER_CTX_new();
  CHECK(EVP_EncryptInit_ex(context, EVP_aes_256_ecb(), nullptr, reinterpret_cast<const unsigned char*>(secret.data()),
                           nullptr) == 1);
  CHECK(EVP_EncryptUpdate(context, out, &size, reinterpret_cast<const unsigned char*>(block.data()), kBlockBytes) == 1);
  CHECK(size == kBlockBytes);
  EVP_CIPHER_CTX_free(context);
  return {reinterpret_cast<char*>(out), kBlockBytes};
}

Block Xor(Block left, const std::string& right) {
  for (std::size_t at = 0; at < right.size(); ++at) {
    left[at] = static_cast<char>(left[at] ^ right[at]);
  }
  return left;
}

// The bits of a block, the first one highest.
struct Element {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
};

std::uint64_t FromBigEndian(const std::string& bytes) {
  std::uint64_t number = 0;
  for (const char byte : bytes) {
    number = number << 8 | static_cast<unsigned char>(byte);
  }
  return number;
}

Element ElementOf(const Block& block) { return {FromBigEndian(block.substr(0, 8)), FromBigEndian(block.substr(8))}; }

Element Add(Element left, Element right) { return {left.high ^ right.high, left.low ^ right.low}; }

// Section 6.3.
Element Multiply(Element left, Element right) {
  Element product;
  for (int at = 0; at < 128; ++at) {
    const std::uint64_t word = at < 64 ? left.high : left.low;
    if ((word >> (63 - at % 64)) % 2 == 1) {
      product = Add(product, right);
    }
    const bool carries = right.low % 2 == 1;
    right = {right.high >> 1, right.low >> 1 | right.high << 63};
    if (carries) {
      right.high ^= 0xe1ULL << 56;
    }
  }
  return product;
}

std::string Padded(const std::string& text) {
  return text + std::string((kBlockBytes - text.size() % kBlockBytes) % kBlockBytes, '\0');
}

std::string BigEndian(std::uint64_t number, std::size_t bytes) {
  std::string text(bytes, '\0');
  for (; bytes-- > 0; number /= 256) {
    text[bytes] = static_cast<char>(number % 256);
  }
  return text;
}

// Section 6.5: the text with the key stream that begins at this number of the counter.
std::string Count(const std::string& secret, const std::string& nonce, std::uint64_t counter, const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += kBlockBytes) {
    const std::string piece = text.substr(at, kBlockBytes);
    out += Xor(Encrypt(secret, nonce + BigEndian(counter++, 4)), piece).substr(0, piece.size());
  }
  return out;
}

std::string Tag(const std::string& secret, const std::string& nonce, const std::string& data,
                const std::string& ciphertext) {
  const Element hash_key = ElementOf(Encrypt(secret, Block(kBlockBytes, '\0')));
  const std::string hashed =
      Padded(data) + Padded(ciphertext) + BigEndian(8 * data.size(), 8) + BigEndian(8 * ciphertext.size(), 8);
  Element hash;
  for (std::size_t at = 0; at < hashed.size(); at += kBlockBytes) {
    hash = Multiply(Add(hash, ElementOf(hashed.substr(at, kBlockBytes))), hash_key);
  }
  return Count(secret, nonce, 1, BigEndian(hash.high, 8) + BigEndian(hash.low, 8));
}

}  // namespace

std::string SealAes256Gcm(const std::string& secret, const std::string& nonce, const std::string& data,
                          const std::string& plaintext) {
  const std::string ciphertext = Count(secret, nonce, 2, plaintext);
  return ciphertext + Tag(secret, nonce, data, ciphertext);
}

std::optional<std::string> OpenAes256Gcm(const std::string& secret, const std::string& nonce, const std::string& data,
                                         const std::string& sealed) {
  const std::string ciphertext = sealed.substr(0, sealed.size() - kBlockBytes);
  if (ciphertext + Tag(secret, nonce, data, ciphertext) != sealed) {
    return std::nullopt;
  }
  return Count(secret, nonce, 2, ciphertext);
}

}  // namespace paycrypto::fuzz::reference
