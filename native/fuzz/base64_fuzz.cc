#include "paycrypto/base64.h"

#include "fuzz.h"
#include "reference.h"

namespace paycrypto::fuzz {
namespace {

std::string Encode(const std::string& bytes) {
  std::string text(Base64Size(bytes.size()), '\0');
  EncodeBase64(bytes, text.data());
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  const auto expected = reference::DecodeBase64(input);
  std::size_t decoded_size = kUntouched;
  const Status sized = DecodedBase64Size(input, &decoded_size);
  CHECK(sized == Status::kOk || sized == Status::kMalformed);
  CHECK(sized == Status::kOk || !expected);
  // Every size from none to more than the text can hold: only the right one is taken.
  for (std::size_t out_size = 0; out_size <= size / 4 * 3 + 2; ++out_size) {
    if (out_size > 8 && out_size + 8 < size / 4 * 3) {
      continue;
    }
    std::vector<std::uint8_t> decoded(out_size);
    const Status status = DecodeBase64(input, decoded.data(), out_size);
    const bool right = expected && expected->size() == out_size;
    CHECK(status == (right ? Status::kOk : Status::kMalformed));
    CHECK(!right || (TagText(decoded) == *expected && decoded_size == out_size));
  }
  if (expected) {
    CHECK(Encode(*expected) == input);
  }

  const std::string text = Encode(input);
  CHECK(text == reference::EncodeBase64(input));
  CHECK(DecodedBase64Size(text, &decoded_size) == Status::kOk && decoded_size == size);
  std::vector<std::uint8_t> back(size);
  CHECK(DecodeBase64(text, back.data(), back.size()) == Status::kOk && TagText(back) == input);
  return 0;
}

}  // namespace paycrypto::fuzz
