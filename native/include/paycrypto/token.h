#pragma once

#include "paycrypto/byte_view.h"
#include "paycrypto/export.h"
#include "paycrypto/status.h"

namespace paycrypto {

// Checks that `received` is one of the `expected` static tokens; `*matched` is then the index of the first.
// Constant time in the bytes; the lengths are taken to be public. An empty expected token matches nothing, so a missing
// setting lets nobody in.
// kMalformed: `received` is empty. kNoMatch: it is none of them.
[[nodiscard]] PAYCRYPTO_API Status VerifyToken(ByteView received, ByteViews expected, std::size_t* matched) noexcept;

}  // namespace paycrypto
