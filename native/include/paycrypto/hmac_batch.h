#pragma once

#include "paycrypto/byte_view.h"
#include "paycrypto/export.h"
#include "paycrypto/hmac.h"
#include "paycrypto/status.h"

namespace paycrypto {

// One of many: a message, its raw tag and the key that should have made it.
struct HmacSha256Check {
  const HmacSha256Key* key = nullptr;
  ByteView message;
  ByteView tag;
};

// Verifies `count` checks, each as HmacSha256Key::Verify would, and writes its status to `outcomes[i]`. Messages of
// about one length are hashed several at once where the library was built with libipsec-mb (BatchBackendName tells). It
// then keeps some 230 KiB for each thread that has come here with twelve or more, until the thread ends.
// kInvalidArgument, and nothing written, when a key is null or empty. Else kOk, whatever the outcomes.
[[nodiscard]] PAYCRYPTO_API Status VerifyHmacSha256Batch(const HmacSha256Check* checks, std::size_t count,
                                                         Status* outcomes) noexcept;

}  // namespace paycrypto
