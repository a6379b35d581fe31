#pragma once

#include "paycrypto/byte_view.h"
#include "paycrypto/export.h"
#include "paycrypto/status.h"

namespace paycrypto {

// Decodes canonical hex, [0-9a-f] only, into `out_size` bytes. kMalformed: another length or any other character;
// `out` may then be partly written. Reads no table and takes no branch for a character.
[[nodiscard]] PAYCRYPTO_API Status DecodeHex(ByteView hex, std::uint8_t* out, std::size_t out_size) noexcept;

// Writes 2 * bytes.size characters to `out`, with no terminator. Reads no table, so secrets do not show in a cache.
PAYCRYPTO_API void EncodeHex(ByteView bytes, char* out) noexcept;

}  // namespace paycrypto
