#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "paycrypto/byte_view.h"
#include "paycrypto/hmac.h"
#include "paycrypto/status.h"

// Ends the fuzzer with the place that failed; it then keeps the input.
#define CHECK(condition)                                                        \
  do {                                                                          \
    if (!(condition)) {                                                         \
      std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);      \
      std::abort();                                                             \
    }                                                                           \
  } while (false)

namespace paycrypto::fuzz {

// An input is fields that end with 0x1f, a character that no scheme takes and a hand-written seed can hold. A field
// that is not there is empty.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  std::string Field() {
    const std::size_t end = rest_.find('\x1f');
    std::string field = rest_.substr(0, end);
    rest_.erase(0, end == std::string::npos ? end : end + 1);
    return field;
  }
  // A decimal; 0 when the field is none.
  std::int64_t Number() { return std::strtoll(Field().c_str(), nullptr, 10); }
  std::string Rest() { return std::move(rest_); }

 private:
  std::string rest_;
};

// Puts values[0] in place of each 0x01 of the text, values[1] of each 0x02, and so on: a fuzzer cannot guess a tag.
inline std::string Expand(const std::string& text, const std::vector<std::string>& values) {
  std::string expanded;
  for (const char character : text) {
    const auto index = static_cast<std::size_t>(static_cast<unsigned char>(character)) - 1;
    if (index < values.size()) {
      expanded += values[index];
    } else {
      expanded += character;
    }
  }
  return expanded;
}

// The text with one byte changed, which one and how being the fuzzer's choice.
inline std::string Mutate(std::string text, std::int64_t choice) {
  const auto number = static_cast<std::uint64_t>(choice);
  char& byte = text[number / 255 % text.size()];
  byte = static_cast<char>(byte ^ static_cast<char>(1 + number % 255));
  return text;
}

template <typename Tag>
std::string TagText(const Tag& tag) {
  return {reinterpret_cast<const char*>(tag.data()), tag.size()};
}

// Longer than one block of SHA-256, so that it is hashed before it is used.
inline constexpr const char* kLongSecret = "a third secret, which is longer than one block of SHA-256 (64 bytes)";

// The first `count` of three live keys, and their secrets.
class LiveKeys {
 public:
  static constexpr std::size_t kCount = 3;
  static constexpr const char* kSecrets[kCount] = {"first", "second", kLongSecret};

  LiveKeys() {
    for (std::size_t at = 0; at < kCount; ++at) {
      CHECK(HmacSha256Key::Create(kSecrets[at], &keys_[at]) == Status::kOk);
      pointers_[at] = &keys_[at];
    }
  }
  HmacSha256Keys View(std::int64_t count) const {
    return {pointers_, static_cast<std::uint64_t>(count) % (kCount + 1)};
  }
  const HmacSha256Key& operator[](std::size_t at) const { return keys_[at]; }

 private:
  HmacSha256Key keys_[kCount];
  const HmacSha256Key* pointers_[kCount];
};

// What a verification answered. `matched` is kUntouched when it named no key.
inline constexpr std::size_t kUntouched = 99;
struct Answer {
  Status status = Status::kMalformed;
  std::size_t matched = kUntouched;
  bool operator==(const Answer& other) const { return status == other.status && matched == other.matched; }
};

}  // namespace paycrypto::fuzz
