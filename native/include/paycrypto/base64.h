#pragma once

#include "paycrypto/byte_view.h"
#include "paycrypto/export.h"
#include "paycrypto/status.h"

namespace paycrypto {

// Characters that `size` bytes take in base64.
[[nodiscard]] constexpr std::size_t Base64Size(std::size_t size) noexcept { return (size + 2) / 3 * 4; }

// Decodes canonical base64 (RFC 4648 section 4: A-Z a-z 0-9 + /, padded with =, unused bits zero) of exactly `out_size`
// bytes. kMalformed: another length or form; `out` may then be partly written. Reads no table and takes no branch for a
// character, so secrets do not show in the time; whether the text is canonical, and its length, are taken to be public.
[[nodiscard]] PAYCRYPTO_API Status DecodeBase64(ByteView base64, std::uint8_t* out, std::size_t out_size) noexcept;

// The bytes that a canonical base64 text of this length and end stands for; kMalformed when it cannot be one.
[[nodiscard]] PAYCRYPTO_API Status DecodedBase64Size(ByteView base64, std::size_t* size) noexcept;

// Writes Base64Size(bytes.size) characters to `out`, with no terminator. Reads no table, so secrets do not show in a
// cache.
PAYCRYPTO_API void EncodeBase64(ByteView bytes, char* out) noexcept;

}  // namespace paycrypto
