#include "paycrypto/transmission_signature.h"

#include "fuzz.h"
#include "reference.h"
#include "rsa_signer.h"

// Fields: a choice for Mutate, the id, the time and the webhook id that are received, the text that was signed, the
// signature, the body. In the signed text 0x01 stands for the right one and 0x02 for the body's CRC; in the signature
// 0x01 stands for the base64 of the right one.

namespace paycrypto::fuzz {

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const RsaSigner signer;
  static const RsaPublicKey key = [] {
    RsaPublicKey parsed;
    CHECK(RsaPublicKey::Parse(signer.PublicPem(), &parsed) == Status::kOk);
    return parsed;
  }();
  Input input(data, size);
  const std::int64_t choice = input.Number();
  const std::string fields[] = {input.Field(), input.Field(), input.Field()};
  std::string signed_text = input.Field();
  std::string signature = input.Field();
  const std::string body = input.Rest();

  const std::string crc = std::to_string(reference::Crc32(body));
  const std::string right = fields[0] + "|" + fields[1] + "|" + fields[2] + "|" + crc;
  signed_text = Expand(signed_text, {right, crc});
  std::string made;
  if (signature.find('\x01') != std::string::npos) {
    made = reference::EncodeBase64(signer.Sign(signed_text));
  }
  signature = Expand(signature, {made});

  bool good = true;
  for (const std::string& field : fields) {
    good = good && reference::IsVisible(field) && field.size() <= 255 && field.find('|') == std::string::npos;
  }
  const auto bytes = reference::DecodeBase64(signature);
  good = good && bytes && bytes->size() == RsaSigner::kBytes;
  const bool matches = signature == made && signed_text == right;
  const Status want = !good ? Status::kMalformed : matches ? Status::kOk : Status::kNoMatch;
  CHECK(VerifyTransmission(signature, {fields[0], fields[1], fields[2]}, body, key) == want);

  if (want == Status::kOk) {
    const std::string other = Mutate(signature, choice);
    CHECK(VerifyTransmission(other, {fields[0], fields[1], fields[2]}, body, key) != Status::kOk);
    CHECK(VerifyTransmission(signature, {Mutate(fields[0], choice), fields[1], fields[2]}, body, key) != Status::kOk);
    CHECK(VerifyTransmission(signature, {fields[0], Mutate(fields[1], choice), fields[2]}, body, key) != Status::kOk);
    CHECK(VerifyTransmission(signature, {fields[0], fields[1], Mutate(fields[2], choice)}, body, key) != Status::kOk);
    // One changed byte always changes a CRC-32.
    CHECK(body.empty() || VerifyTransmission(signature, {fields[0], fields[1], fields[2]}, Mutate(body, choice), key) ==
                              Status::kNoMatch);
  }
  return 0;
}

}  // namespace paycrypto::fuzz
