#include "paycrypto/hex.h"

#include "fuzz.h"
#include "reference.h"

namespace paycrypto::fuzz {
namespace {

std::string Encode(const std::string& bytes) {
  std::string text(2 * bytes.size(), '\0');
  EncodeHex(bytes, text.data());
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  const auto expected = reference::DecodeHex(input);
  std::vector<std::uint8_t> decoded(size / 2);
  const Status status = DecodeHex(input, decoded.data(), decoded.size());
  CHECK((status == Status::kOk) == expected.has_value());
  CHECK(status == Status::kOk || status == Status::kMalformed);
  if (expected) {
    CHECK(TagText(decoded) == *expected);
    CHECK(Encode(*expected) == input);
  }
  for (const std::size_t other : {size / 2 + 1, size / 2 + 7, size}) {
    std::vector<std::uint8_t> out(other);
    CHECK(other == size / 2 || DecodeHex(input, out.data(), other) == Status::kMalformed);
  }

  const std::string text = Encode(input);
  CHECK(text == reference::EncodeHex(input));
  std::vector<std::uint8_t> back(size);
  CHECK(DecodeHex(text, back.data(), back.size()) == Status::kOk && TagText(back) == input);
  return 0;
}

}  // namespace paycrypto::fuzz
