#include "reference.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>

namespace paycrypto::fuzz::reference {
namespace {

const unsigned char* Bytes(const std::string& text) { return reinterpret_cast<const unsigned char*>(text.data()); }

std::string Digest(const EVP_MD* hash, const std::string& message) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  CHECK(EVP_Digest(message.data(), message.size(), digest, &size, hash, nullptr) == 1);
  return {reinterpret_cast<char*>(digest), size};
}

std::string Hmac(const EVP_MD* hash, const std::string& secret, const std::string& message) {
  unsigned char tag[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  CHECK(HMAC(hash, secret.data(), static_cast<int>(secret.size()), Bytes(message), message.size(), tag, &size));
  return {reinterpret_cast<char*>(tag), size};
}

bool IsAmong(const std::vector<std::string>& texts, const std::string& text) {
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

}  // namespace

std::optional<std::string> DecodeHex(const std::string& text) {
  static const std::string kDigits = "0123456789abcdef";
  std::string bytes(text.size() / 2, '\0');
  for (std::size_t at = 0; at < text.size(); ++at) {
    const std::size_t value = kDigits.find(text[at]);
    if (value == std::string::npos || text.size() % 2 != 0) {
      return std::nullopt;
    }
    bytes[at / 2] = static_cast<char>(bytes[at / 2] * 16 + static_cast<char>(value));
  }
  return bytes;
}

std::string EncodeHex(const std::string& bytes) {
  std::string text;
  for (const char byte : bytes) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned>(static_cast<unsigned char>(byte)));
    text += digits;
  }
  return text;
}

// Canonical is what encodes to the same text again.
std::optional<std::string> DecodeBase64(const std::string& text) {
  static const std::string kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  std::uint32_t bits = 0;
  int held = 0;
  for (const char character : text) {
    const std::size_t value = kAlphabet.find(character);
    if (value == std::string::npos) {
      break;
    }
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    held += 6;
    if (held >= 8) {
      held -= 8;
      bytes += static_cast<char>(bits >> held);
    }
  }
  return EncodeBase64(bytes) == text ? std::optional(bytes) : std::nullopt;
}

std::string EncodeBase64(const std::string& bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), Bytes(bytes), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

std::string HmacSha256(const std::string& secret, const std::string& message) {
  return Hmac(EVP_sha256(), secret, message);
}
std::string HmacSha512(const std::string& secret, const std::string& message) {
  return Hmac(EVP_sha512(), secret, message);
}
std::string Sha256(const std::string& message) { return Digest(EVP_sha256(), message); }
std::string Sha512(const std::string& message) { return Digest(EVP_sha512(), message); }

std::uint32_t Crc32(const std::string& message) {
  std::uint32_t remainder = 0xFFFFFFFF;
  for (const char byte : message) {
    remainder ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) {
      remainder = remainder % 2 == 1 ? remainder / 2 ^ 0xEDB88320 : remainder / 2;
    }
  }
  return ~remainder;
}

std::vector<std::string> Split(const std::string& text, char mark) {
  std::vector<std::string> pieces(1);
  for (const char character : text) {
    if (character == mark) {
      pieces.emplace_back();
    } else {
      pieces.back() += character;
    }
  }
  return pieces;
}

bool IsVisible(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

bool IsName(const std::string& text, std::size_t size_max, const std::string& others) {
  static const std::string kCommon = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  return !text.empty() && text.size() <= size_max && text.find_first_not_of(kCommon + others) == std::string::npos;
}

std::optional<std::int64_t> ReadTimestamp(const std::string& text) {
  if (text.empty() || text.size() > 15 || text.find_first_not_of("0123456789") != std::string::npos) {
    return std::nullopt;
  }
  const std::int64_t value = std::stoll(text);
  return std::to_string(value) == text ? std::optional(value) : std::nullopt;
}

Answer Match(const std::vector<std::string>& tags, const std::string& message, std::size_t key_count,
             std::int64_t timestamp_s, ClockWindow window) {
  for (std::size_t at = 0; at < key_count; ++at) {
    if (IsAmong(tags, HmacSha256(LiveKeys::kSecrets[at], message))) {
      const std::int64_t later_s = std::max(timestamp_s, window.now_s);
      const bool near = later_s - std::min(timestamp_s, window.now_s) <= window.tolerance_s;
      return {near ? Status::kOk : Status::kOutsideWindow, at};
    }
  }
  return {Status::kNoMatch, kUntouched};
}

}  // namespace paycrypto::fuzz::reference
