#include "paycrypto/token.h"

#include "fuzz.h"
#include "paycrypto/constant_time.h"

// Fields: a choice for Mutate, the received token, the expected ones. 0x01 in an expected one stands for the received.

namespace paycrypto::fuzz {

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const std::int64_t choice = input.Number();
  const std::string received = input.Field();
  const std::string rest = input.Rest();
  std::vector<std::string> expected;
  Input fields(reinterpret_cast<const std::uint8_t*>(rest.data()), rest.size());
  for (std::size_t count = 0; count < static_cast<std::uint64_t>(choice) % 5; ++count) {
    expected.push_back(Expand(fields.Field(), {received}));
  }
  const std::vector<ByteView> views(expected.begin(), expected.end());

  Answer want{received.empty() ? Status::kMalformed : Status::kNoMatch, kUntouched};
  for (std::size_t at = 0; at < expected.size(); ++at) {
    CHECK(Equal(received, expected[at]) == (received == expected[at]));
    if (!received.empty() && received == expected[at] && want.matched == kUntouched) {
      want = {Status::kOk, at};
    }
  }
  Answer answer{};
  answer.status = VerifyToken(received, {views.data(), views.size()}, &answer.matched);
  CHECK(answer == want);

  if (!received.empty()) {
    const ByteView whole(received);
    std::size_t matched = kUntouched;
    CHECK(VerifyToken(received, {&whole, 1}, &matched) == Status::kOk && matched == 0);
    CHECK(VerifyToken(Mutate(received, choice), {&whole, 1}, &matched) == Status::kNoMatch);
    CHECK(VerifyToken(received + received[0], {&whole, 1}, &matched) == Status::kNoMatch);
  }
  return 0;
}

}  // namespace paycrypto::fuzz
