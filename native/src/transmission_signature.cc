#include "paycrypto/transmission_signature.h"

#include <zlib.h>

#include <charconv>
#include <cstring>

#include "header_text.h"
#include "paycrypto/base64.h"

namespace paycrypto {
namespace {

constexpr std::size_t kSignatureBytesMax = 1024;  // of the longest key that RsaPublicKey takes

bool IsField(ByteView field) noexcept {
  return field.size <= kTransmissionFieldBytesMax && internal::IsVisibleAscii(field) &&
         std::memchr(field.data, '|', field.size) == nullptr;
}

}  // namespace

Status VerifyTransmission(ByteView signature_base64, const Transmission& transmission, ByteView body,
                          const RsaPublicKey& key) noexcept {
  std::uint8_t signature[kSignatureBytesMax];
  std::size_t size = 0;
  if (!IsField(transmission.id) || !IsField(transmission.time) || !IsField(transmission.webhook_id) ||
      DecodedBase64Size(signature_base64, &size) != Status::kOk || size > sizeof signature ||
      DecodeBase64(signature_base64, signature, size) != Status::kOk) {
    return Status::kMalformed;
  }
  char digits[10];
  const char* const end =
      std::to_chars(digits, digits + sizeof digits, crc32_z(0, body.data, body.size)).ptr;
  const std::string_view crc(digits, static_cast<std::size_t>(end - digits));
  const ByteView parts[] = {transmission.id, "|", transmission.time, "|", transmission.webhook_id, "|", crc};
  return key.VerifySha256({parts, sizeof parts / sizeof parts[0]}, ByteView(signature, size));
}

}  // namespace paycrypto
