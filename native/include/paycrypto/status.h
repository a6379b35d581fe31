#pragma once

#include <cstdint>

namespace paycrypto {

// The outcome of every call. The three refusals (kMalformed, kNoMatch, kOutsideWindow) are answers about hostile
// input; kInvalidArgument and kBackendFailure are faults on our own side.
enum class Status : std::uint8_t {
  kOk = 0,
  kMalformed,        // not in the canonical form of the scheme; nothing was compared
  kNoMatch,          // well formed, but made with none of the live secrets
  kOutsideWindow,    // made with a live secret, but too old or too far ahead
  kInvalidArgument,  // the caller broke a documented limit
  kBackendFailure,   // libcrypto failed or memory ran out
};

}  // namespace paycrypto
