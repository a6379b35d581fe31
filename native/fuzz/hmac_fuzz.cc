#include "paycrypto/hmac.h"

#include "fuzz.h"
#include "paycrypto/hmac_batch.h"
#include "reference.h"

// Fields: a choice for Mutate and for where the message is cut, the secret, another secret, a tag in hex and one in
// base64 (0x01 stands for the right one), the message.

namespace paycrypto::fuzz {
namespace {

using Hmac = std::string (*)(const std::string&, const std::string&);

template <Hash kHash>
void Check(Hmac hmac, const std::vector<std::string>& pieces, const std::string& message, const std::string& secret,
           const std::string& other_secret, const std::string& hex_form, const std::string& base64_form,
           std::int64_t choice) {
  HmacKey<kHash> key;
  const bool usable = !secret.empty() && secret.size() <= kSecretBytesMax;
  CHECK(HmacKey<kHash>::Create(secret, &key) == (usable ? Status::kOk : Status::kInvalidArgument));
  const std::vector<ByteView> views(pieces.begin(), pieces.end());
  const ByteViews parts{views.data(), views.size()};
  HmacTag<kHash> tag;
  if (!usable) {
    CHECK(key.Sign(parts, &tag) == Status::kInvalidArgument);
    return;
  }
  const std::string right = hmac(secret, message);
  CHECK(key.Sign(parts, &tag) == Status::kOk && TagText(tag) == right);
  const std::string wrong = Mutate(right, choice);
  CHECK(key.Verify(parts, right) == Status::kOk);
  CHECK(key.Verify(parts, wrong) == Status::kNoMatch);
  CHECK(key.Verify(parts, right.substr(1)) == Status::kMalformed);
  CHECK(key.Verify(parts, right + right[0]) == Status::kMalformed);

  const std::string hex = Expand(hex_form, {reference::EncodeHex(right)});
  const auto want = [&](const std::optional<std::string>& decoded) {
    return !decoded || decoded->size() != right.size() ? Status::kMalformed
           : *decoded == right                         ? Status::kOk
                                                       : Status::kNoMatch;
  };
  CHECK(key.VerifyHex(parts, hex) == want(reference::DecodeHex(hex)));
  const std::string base64 = Expand(base64_form, {reference::EncodeBase64(right)});
  CHECK(key.VerifyBase64(parts, base64) == want(reference::DecodeBase64(base64)));

  HmacStream<kHash> stream;
  for (const std::string& sent : {right, wrong, right.substr(1), right + "x"}) {
    CHECK(HmacStream<kHash>::Begin(key, &stream) == Status::kOk);
    for (const std::string& piece : pieces) {
      CHECK(stream.Update(piece) == Status::kOk);
    }
    CHECK(stream.Verify(sent) == want(sent));
    CHECK(stream.Update("x") == Status::kInvalidArgument && stream.Finish(&tag) == Status::kInvalidArgument);
  }

  HmacKey<kHash> other;
  if (HmacKey<kHash>::Create(other_secret, &other) == Status::kOk) {
    const HmacKey<kHash>* const keys[] = {&other, &key};
    const std::string other_tag = hmac(other_secret, message);
    const ByteView tags[] = {wrong, right};
    Answer answer{};
    answer.status = VerifyAny<kHash>({keys, 2}, parts, {tags, 2}, &answer.matched);
    const bool other_matches = other_tag == right || other_tag == wrong;
    CHECK((answer == Answer{Status::kOk, other_matches ? 0U : 1U}));
    answer = {};
    answer.status = VerifyAny<kHash>({keys, 2}, parts, {tags, 1}, &answer.matched);
    CHECK(other_matches || (answer == Answer{Status::kNoMatch, kUntouched}));
  }
}

bool IsWrong(std::uint64_t number, std::size_t at) { return (number >> at) % 2 == 1; }
bool IsShort(std::uint64_t number, std::size_t at) { return (number >> at) % 8 == 6; }

// Lanes of a batch run side by side: every one of many lengths, keys and tags must get its own answer.
void CheckBatch(const std::string& message, const std::string& secret, std::int64_t choice) {
  static const LiveKeys live;
  HmacSha256Key own;
  if (HmacSha256Key::Create(secret, &own) != Status::kOk) {
    return;
  }
  constexpr std::size_t kCount = 40;
  std::string messages[kCount];
  std::string tags[kCount];
  std::vector<HmacSha256Check> checks;
  const auto number = static_cast<std::uint64_t>(choice);
  // Lengths close together share a burst of lanes, others do not.
  const std::size_t spread = 1 + number % 41;
  for (std::size_t at = 0; at < kCount; ++at) {
    const std::size_t which = (number + at) % (LiveKeys::kCount + 1);
    const bool is_own = which == LiveKeys::kCount;
    messages[at] = message.substr(at * spread % (message.size() + 1));
    tags[at] = reference::HmacSha256(is_own ? secret : LiveKeys::kSecrets[which], messages[at]);
    if (IsWrong(number, at)) {
      tags[at] = Mutate(tags[at], choice);
    } else if (IsShort(number, at)) {
      tags[at].pop_back();
    }
    checks.push_back({is_own ? &own : &live[which], messages[at], tags[at]});
  }
  const std::size_t count = kCount - number % 7 * (number % 5);
  Status outcomes[kCount];
  CHECK(VerifyHmacSha256Batch(checks.data(), count, outcomes) == Status::kOk);
  for (std::size_t at = 0; at < count; ++at) {
    CHECK(outcomes[at] == checks[at].key->Verify({&checks[at].message, 1}, checks[at].tag));
    CHECK((outcomes[at] == Status::kOk) == (!IsWrong(number, at) && !IsShort(number, at)));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const std::int64_t choice = input.Number();
  const std::string secret = input.Field();
  const std::string other_secret = input.Field();
  const std::string hex_form = input.Field();
  const std::string base64_form = input.Field();
  const std::string message = input.Rest();
  std::vector<std::string> pieces;
  const std::size_t step = 1 + static_cast<std::uint64_t>(choice) % 150;
  for (std::size_t at = 0; at < message.size(); at += step) {
    pieces.push_back(message.substr(at, step));
    pieces.emplace_back();
  }
  Check<Hash::kSha256>(reference::HmacSha256, pieces, message, secret, other_secret, hex_form, base64_form, choice);
  Check<Hash::kSha512>(reference::HmacSha512, pieces, message, secret, other_secret, hex_form, base64_form, choice);
  CheckBatch(message, secret, choice);
  return 0;
}

}  // namespace paycrypto::fuzz
