#include <openssl/err.h>

#include "fuzz.h"
#include "paycrypto/rsa.h"
#include "reference.h"
#include "rsa_signer.h"

// Fields: a choice for Mutate, a message, and what is put in place of the encoded message (RFC 8017 section 9.2) before
// the private key is applied to it. There 0x01 stands for 00 01, 0x02 for as many ff as are missing, 0x03 for the
// DigestInfo of SHA-256 and 0x04 for the message's hash. Only the one right encoding may verify.

namespace paycrypto::fuzz {
namespace {

const std::string kDigestInfo("\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20", 19);

std::string Encode(const std::string& form, const std::string& message) {
  const std::string hash = reference::Sha256(message);
  const std::string start("\x00\x01", 2);
  const std::size_t size = Expand(form, {start, "", kDigestInfo, hash}).size();
  const std::string fill(size < RsaSigner::kBytes ? RsaSigner::kBytes - size : 0, '\xff');
  std::string encoded = Expand(form, {start, fill, kDigestInfo, hash});
  encoded.resize(RsaSigner::kBytes);
  return encoded;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const RsaSigner signer;
  static const RsaPublicKey key = [] {
    RsaPublicKey parsed;
    CHECK(RsaPublicKey::Parse(signer.PublicDer(), &parsed) == Status::kOk && parsed.Bits() == 2048);
    return parsed;
  }();
  Input input(data, size);
  const std::int64_t choice = input.Number();
  const std::string message = input.Field();
  const std::string encoded = Encode(input.Rest(), message);
  const std::string right = Encode(std::string("\x01\x02\x00\x03\x04", 5), message);

  const std::size_t middle = message.size() / 2;
  const std::string pieces[] = {message.substr(0, middle), message.substr(middle)};
  const ByteView views[] = {pieces[0], pieces[1]};
  const ByteViews parts{views, 2};
  const std::string signature = signer.SignEncoded(encoded);
  if (!signature.empty()) {
    CHECK(key.VerifySha256(parts, signature) == (encoded == right ? Status::kOk : Status::kNoMatch));
    CHECK(key.VerifySha256(parts, Mutate(signature, choice)) == Status::kNoMatch);
    CHECK(key.VerifySha256(parts, signature + '\0') == Status::kMalformed);
    CHECK(key.VerifySha256(parts, signature.substr(1)) == Status::kMalformed);
    const ByteView other_views[] = {pieces[0], pieces[1], ByteView("x")};
    CHECK(key.VerifySha256({other_views, 3}, signature) == Status::kNoMatch);
  }
  CHECK(ERR_peek_error() == 0);
  return 0;
}

}  // namespace paycrypto::fuzz
