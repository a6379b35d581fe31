#pragma once

#include "paycrypto/byte_view.h"
#include "paycrypto/export.h"
#include "paycrypto/rsa.h"
#include "paycrypto/status.h"

// An RSA signature (PKCS#1 v1.5, SHA-256) in base64 over `<id>|<time>|<webhook id>|<crc>`, where crc is the CRC-32
// (IEEE 802.3) of the body as an unsigned decimal.
//
// A CRC is no digest: whoever has one signed message can make another body of the same CRC. So a right signature says
// who sent something with this id, and no more of the body than that; ask the sender before money moves.

namespace paycrypto {

inline constexpr std::size_t kTransmissionFieldBytesMax = 255;

// Each 1..kTransmissionFieldBytesMax visible ASCII characters without `|`. `webhook_id` is configured, never received.
struct Transmission {
  ByteView id;
  ByteView time;
  ByteView webhook_id;
};

// kMalformed: a field, or the signature's base64 or length, is not of its form. kNoMatch: another message or key.
// kInvalidArgument: an empty key.
[[nodiscard]] PAYCRYPTO_API Status VerifyTransmission(ByteView signature_base64, const Transmission& transmission,
                                                      ByteView body, const RsaPublicKey& key) noexcept;

}  // namespace paycrypto
