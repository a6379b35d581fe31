#pragma once

#include "backend.h"
#include "paycrypto/hmac.h"

namespace paycrypto::internal {

// How the rest of the library reaches the states of a key.
struct KeyAccess {
  // Null when the key holds no secret.
  template <Hash kHash>
  static const HmacState<kHash>* StateOf(const HmacKey<kHash>& key) noexcept {
    return key.state_.get();
  }
};

}  // namespace paycrypto::internal
