#include "fuzz.h"
#include "paycrypto/sha256.h"
#include "paycrypto/sha512.h"
#include "reference.h"

// Fields: a choice for Mutate and for how many parts, the expected hex, the parts. 0x01 in the expected hex stands for
// the right one.

namespace paycrypto::fuzz {

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const std::int64_t choice = input.Number();
  std::string expected = input.Field();
  std::vector<std::string> parts;
  std::string joined;
  bool empty_part = false;
  for (std::size_t count = 0; count < static_cast<std::uint64_t>(choice) % 6; ++count) {
    parts.push_back(input.Field());
    joined += parts.back();
    empty_part = empty_part || parts.back().empty();
  }
  const std::vector<ByteView> views(parts.begin(), parts.end());
  const ByteViews all{views.data(), views.size()};
  const std::string right = reference::EncodeHex(reference::Sha512(joined));
  expected = Expand(expected, {right});

  const auto bytes = reference::DecodeHex(expected);
  const bool well_formed = bytes && bytes->size() == kSha512Bytes && !parts.empty() && !empty_part;
  const Status want = !well_formed ? Status::kMalformed : expected == right ? Status::kOk : Status::kNoMatch;
  CHECK(VerifySha512Concat(all, expected) == want);
  if (!parts.empty() && !empty_part) {
    CHECK(VerifySha512Concat(all, right) == Status::kOk);
    CHECK(VerifySha512Concat(all, Mutate(right, choice)) != Status::kOk);
    std::vector<std::string> other = parts;
    std::string& changed = other[static_cast<std::uint64_t>(choice) % other.size()];
    changed = Mutate(changed, choice);
    const std::vector<ByteView> other_views(other.begin(), other.end());
    CHECK(VerifySha512Concat({other_views.data(), other_views.size()}, right) == Status::kNoMatch);
  }
  Sha512Digest sha512;
  CHECK(Sha512(all, &sha512) == Status::kOk && TagText(sha512) == reference::Sha512(joined));
  Sha256Digest sha256;
  CHECK(Sha256(all, &sha256) == Status::kOk && TagText(sha256) == reference::Sha256(joined));
  return 0;
}

}  // namespace paycrypto::fuzz
