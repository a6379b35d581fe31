// Checks many stored events at once: do their bodies still match their tags?
// stored_events SECRET < events, each a line `<64 hex> <body>`. Prints the numbers of the lines that do not; 1 if any.

#include <paycrypto/hex.h>
#include <paycrypto/hmac_batch.h>

#include <array>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

int main(int count, char** arguments) {
  paycrypto::HmacSha256Key key;
  if (count != 2 || paycrypto::HmacSha256Key::Create(arguments[1], &key) != paycrypto::Status::kOk) {
    std::fputs("usage: stored_events SECRET < events\n", stderr);
    return 2;
  }
  struct Event {
    std::array<std::uint8_t, paycrypto::kHmacSha256Bytes> tag;
    std::string body;
  };
  std::vector<Event> events;
  for (std::string line; std::getline(std::cin, line);) {
    const std::size_t tag_size = line.find(' ');
    Event& event = events.emplace_back();
    if (paycrypto::DecodeHex(line.substr(0, tag_size), event.tag.data(), event.tag.size()) != paycrypto::Status::kOk) {
      event.tag.fill(0);  // of no message that anyone can find
    }
    event.body = tag_size == std::string::npos ? "" : line.substr(tag_size + 1);
  }
  std::vector<paycrypto::HmacSha256Check> checks;
  for (const Event& event : events) {
    checks.push_back({&key, event.body, {event.tag.data(), event.tag.size()}});
  }
  std::vector<paycrypto::Status> outcomes(checks.size());
  if (paycrypto::VerifyHmacSha256Batch(checks.data(), checks.size(), outcomes.data()) != paycrypto::Status::kOk) {
    return 2;
  }
  int failed = 0;
  for (std::size_t at = 0; at < outcomes.size(); ++at) {
    if (outcomes[at] != paycrypto::Status::kOk) {
      std::printf("%zu\n", at + 1);
      failed = 1;
    }
  }
  return failed;
}
