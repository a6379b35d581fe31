#include "paycrypto/timestamped_hmac.h"

#include "fuzz.h"
#include "reference.h"

// Fields: the time that was signed, now, the tolerance, how many keys are live, a choice for Mutate, the header, the
// body. In the header 0x01..0x03 stand for the hex tag under the first to third key, 0x04 for one with a flipped bit.

namespace paycrypto::fuzz {
namespace {

Answer Expect(const std::string& header, const std::string& body, std::size_t key_count, ClockWindow window) {
  if (window.now_s < 0 || window.tolerance_s < 0) {
    return {Status::kInvalidArgument, kUntouched};
  }
  std::vector<std::string> times;
  std::vector<std::string> tags;
  bool good = header.size() <= 4096;
  for (const std::string& item : reference::Split(header, ',')) {
    const std::size_t equals = item.find('=');
    const std::string name = item.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : item.substr(equals + 1);
    if (name == "t") {
      times.push_back(value);
    } else if (name == "v1") {
      const auto tag = reference::DecodeHex(value);
      good = good && tag && tag->size() == 32;
      tags.push_back(tag.value_or(""));
    } else {
      good = good && reference::IsName(name, 16, "_-") && reference::IsVisible(value);
    }
  }
  good = good && times.size() == 1 && !tags.empty() && tags.size() <= 16;
  const auto timestamp_s = good ? reference::ReadTimestamp(times[0]) : std::nullopt;
  if (!timestamp_s) {
    return {Status::kMalformed, kUntouched};
  }
  return reference::Match(tags, times[0] + "." + body, key_count, *timestamp_s, window);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const LiveKeys live;
  Input input(data, size);
  const std::string signed_time = input.Field();
  const ClockWindow window{input.Number(), input.Number()};
  const HmacSha256Keys keys = live.View(input.Number());
  const std::int64_t choice = input.Number();
  std::string header = input.Field();
  const std::string body = input.Rest();

  std::vector<std::string> tags;
  for (const char* secret : LiveKeys::kSecrets) {
    tags.push_back(reference::EncodeHex(reference::HmacSha256(secret, signed_time + "." + body)));
  }
  std::string flipped = tags[0];
  flipped[static_cast<std::uint64_t>(choice) % 64] ^= 1;
  tags.push_back(flipped);
  header = Expand(header, tags);
  Answer answer{};
  answer.status = VerifyTimestampedHmac(header, body, keys, window, &answer.matched);
  CHECK(answer == Expect(header, body, keys.size, window));

  const std::int64_t time_s = reference::ReadTimestamp(signed_time).value_or(choice);
  SignedHeader made;
  const bool can_sign = time_s >= 0 && time_s <= kTimestampSecondsMax;
  CHECK(SignTimestampedHmac(live[1], body, time_s, &made) == (can_sign ? Status::kOk : Status::kInvalidArgument));
  if (can_sign) {
    const std::string text(made.text, made.size);
    const HmacSha256Keys all = live.View(LiveKeys::kCount);
    std::size_t matched = kUntouched;
    CHECK(VerifyTimestampedHmac(text, body, all, {time_s, 0}, &matched) == Status::kOk && matched == 1);
    const std::int64_t apart_s = choice & 0xFFFFFF;
    CHECK(VerifyTimestampedHmac(text, body, all, {time_s + apart_s, apart_s}, &matched) == Status::kOk);
    CHECK(VerifyTimestampedHmac(text, body, all, {time_s + apart_s + 1, apart_s}, &matched) == Status::kOutsideWindow);
    const Status mutated = VerifyTimestampedHmac(Mutate(text, choice), body, all, {time_s, 0}, &matched);
    CHECK(mutated == Status::kMalformed || mutated == Status::kNoMatch);
    CHECK(VerifyTimestampedHmac(text, body + "x", all, {time_s, 0}, &matched) == Status::kNoMatch);
    CHECK(body.empty() || VerifyTimestampedHmac(text, Mutate(body, choice), all, {time_s, 0}, &matched) ==
                              Status::kNoMatch);
  }
  return 0;
}

}  // namespace paycrypto::fuzz
