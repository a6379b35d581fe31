#pragma once

#include <memory>

#include "paycrypto/byte_view.h"
#include "paycrypto/status.h"

namespace paycrypto::internal {

struct PemBlock {
  bool is_certificate;
  std::unique_ptr<std::uint8_t[]> der;
  std::size_t der_size;
};

// Reads one `PUBLIC KEY` or `CERTIFICATE` (RFC 7468) with nothing but white space around it: canonical base64 in lines
// of any length, none empty, each ended by LF or CR LF. kMalformed: anything else. Allocates at most twice the text.
[[nodiscard]] Status DecodePem(ByteView text, PemBlock* block) noexcept;

}  // namespace paycrypto::internal
