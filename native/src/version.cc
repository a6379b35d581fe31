#include "paycrypto/version.h"

#include <openssl/crypto.h>

namespace paycrypto {

const char* LibraryVersion() noexcept { return PAYCRYPTO_VERSION; }

const char* LibcryptoVersion() noexcept { return OpenSSL_version(OPENSSL_VERSION); }

}  // namespace paycrypto
