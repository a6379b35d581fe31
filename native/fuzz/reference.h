#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fuzz.h"
#include "paycrypto/clock_window.h"

// Second implementations, written for plainness and by other means than the library's, from its headers' text.

namespace paycrypto::fuzz::reference {

std::optional<std::string> DecodeHex(const std::string& text);
std::string EncodeHex(const std::string& bytes);
std::optional<std::string> DecodeBase64(const std::string& text);
std::string EncodeBase64(const std::string& bytes);

std::string HmacSha256(const std::string& secret, const std::string& message);
std::string HmacSha512(const std::string& secret, const std::string& message);
std::string Sha256(const std::string& message);
std::string Sha512(const std::string& message);
std::uint32_t Crc32(const std::string& message);

// secret: 32 bytes; nonce: 12; sealed: at least 16. Nothing when it does not open.
std::string SealAes256Gcm(const std::string& secret, const std::string& nonce, const std::string& data,
                          const std::string& plaintext);
std::optional<std::string> OpenAes256Gcm(const std::string& secret, const std::string& nonce, const std::string& data,
                                         const std::string& sealed);

// At least one piece; a mark between each two.
std::vector<std::string> Split(const std::string& text, char mark);
bool IsVisible(const std::string& text);
// Whether the text is 1..size_max characters, each a letter, a digit or among `others`.
bool IsName(const std::string& text, std::size_t size_max, const std::string& others);
std::optional<std::int64_t> ReadTimestamp(const std::string& text);

// The answer of a scheme that signed `message` at `timestamp_s` and sent the raw `tags`.
Answer Match(const std::vector<std::string>& tags, const std::string& message, std::size_t key_count,
             std::int64_t timestamp_s, ClockWindow window);

}  // namespace paycrypto::fuzz::reference
