#include "paycrypto/standard_webhooks.h"

#include "fuzz.h"
#include "reference.h"

// Fields: the id and the time that were signed, now, the tolerance, how many keys are live, a choice for Mutate, the
// three headers, the body. In the headers 0x01..0x03 stand for the base64 tag under the first to third key, 0x04 for
// one with a flipped bit, 0x05 for the signed id and 0x06 for the signed time.

namespace paycrypto::fuzz {
namespace {

bool IsId(const std::string& id) {
  return reference::IsVisible(id) && id.size() <= 255 && id.find('.') == std::string::npos;
}

Answer Expect(const std::string& id, const std::string& time, const std::string& signature, const std::string& body,
              std::size_t key_count, ClockWindow window) {
  std::vector<std::string> tags;
  bool good = IsId(id) && signature.size() <= 4096;
  for (const std::string& item : reference::Split(signature, ' ')) {
    const std::size_t comma = item.find(',');
    const std::string version = item.substr(0, comma);
    const std::string value = comma == std::string::npos ? "" : item.substr(comma + 1);
    if (version == "v1") {
      const auto tag = reference::DecodeBase64(value);
      good = good && tag && tag->size() == 32;
      tags.push_back(tag.value_or(""));
    } else {
      good = good && reference::IsName(version, 16, "") && reference::IsVisible(value);
    }
  }
  const auto timestamp_s = reference::ReadTimestamp(time);
  if (!good || !timestamp_s || tags.empty() || tags.size() > 16) {
    return {Status::kMalformed, kUntouched};
  }
  return reference::Match(tags, id + "." + time + "." + body, key_count, *timestamp_s, window);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const LiveKeys live;
  Input input(data, size);
  const std::string signed_id = input.Field();
  const std::string signed_time = input.Field();
  ClockWindow window{input.Number(), input.Number()};
  window.now_s &= std::int64_t{0x7FFFFFFFFFFFFFFF};
  window.tolerance_s &= std::int64_t{0x7FFFFFFFFFFFFFFF};
  const HmacSha256Keys keys = live.View(input.Number());
  const std::int64_t choice = input.Number();
  std::string headers[3] = {input.Field(), input.Field(), input.Field()};
  const std::string body = input.Rest();

  std::vector<std::string> values;
  for (const char* secret : LiveKeys::kSecrets) {
    values.push_back(reference::EncodeBase64(
        reference::HmacSha256(secret, signed_id + "." + signed_time + "." + body)));
  }
  std::string flipped = values[0];
  flipped[static_cast<std::uint64_t>(choice) % 42] ^= 1;
  values.insert(values.end(), {flipped, signed_id, signed_time});
  for (std::string& header : headers) {
    header = Expand(header, values);
  }
  Answer answer{};
  answer.status =
      VerifyStandardWebhook({headers[0], headers[1], headers[2]}, body, keys, window, &answer.matched);
  CHECK(answer == Expect(headers[0], headers[1], headers[2], body, keys.size, window));

  const std::int64_t time_s = reference::ReadTimestamp(signed_time).value_or(choice);
  const bool can_sign = IsId(signed_id) && time_s >= 0 && time_s <= kTimestampSecondsMax;
  WebhookSignature made;
  CHECK(SignStandardWebhook(live[1], signed_id, time_s, body, &made) ==
        (can_sign ? Status::kOk : Status::kInvalidArgument));
  if (can_sign) {
    const std::string text(made.text, sizeof made.text);
    const std::string time = std::to_string(time_s);
    const HmacSha256Keys all = live.View(LiveKeys::kCount);
    std::size_t matched = kUntouched;
    const auto verify = [&](const std::string& id, const std::string& sent_time, const std::string& signature,
                            const std::string& sent_body) {
      const ClockWindow wide{time_s, kTimestampSecondsMax};
      return VerifyStandardWebhook({id, sent_time, signature}, sent_body, all, wide, &matched);
    };
    CHECK(verify(signed_id, time, text, body) == Status::kOk && matched == 1);
    const Status refusals[] = {
        verify(Mutate(signed_id, choice), time, text, body),
        verify(signed_id, Mutate(time, choice), text, body),
        verify(signed_id, time, Mutate(text, choice), body),
        verify(signed_id, time, text, body.empty() ? "x" : Mutate(body, choice)),
    };
    for (const Status refusal : refusals) {
      CHECK(refusal == Status::kMalformed || refusal == Status::kNoMatch);
    }
  }
  return 0;
}

}  // namespace paycrypto::fuzz
