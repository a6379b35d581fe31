#pragma once

#include "paycrypto/export.h"

namespace paycrypto {

// "0.1.0". Static strings, here and below.
[[nodiscard]] PAYCRYPTO_API const char* LibraryVersion() noexcept;

// "libcrypto-lowlevel" or "libcrypto-evp", chosen when the library was built.
[[nodiscard]] PAYCRYPTO_API const char* BackendName() noexcept;

// "libipsec-mb" or "scalar", chosen when the library was built: what VerifyHmacSha256Batch hashes with.
[[nodiscard]] PAYCRYPTO_API const char* BatchBackendName() noexcept;

// The libcrypto that is loaded now, which may be newer than the one built against: "OpenSSL 3.0.19 27 Jan 2026".
[[nodiscard]] PAYCRYPTO_API const char* LibcryptoVersion() noexcept;

}  // namespace paycrypto
