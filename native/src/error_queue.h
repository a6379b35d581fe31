#pragma once

#include <openssl/err.h>

#include "paycrypto/status.h"

namespace paycrypto::internal {

// Takes away what libcrypto adds to the thread's error queue, and nothing that stood there before.
class ErrorQueueGuard {
 public:
  ErrorQueueGuard() noexcept : was_empty_(ERR_peek_error() == 0) { ERR_set_mark(); }
  ErrorQueueGuard(const ErrorQueueGuard&) = delete;
  ErrorQueueGuard& operator=(const ErrorQueueGuard&) = delete;
  ~ErrorQueueGuard() { ERR_pop_to_mark(); }

  // Why libcrypto said no: kBackendFailure when it ran out of memory, else `refusal`. Behind errors of the caller's,
  // only the newest can be told.
  Status Because(Status refusal) const noexcept {
    if (!was_empty_) {
      return ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE ? Status::kBackendFailure : refusal;
    }
    Status status = refusal;
    while (const unsigned long error = ERR_get_error()) {
      if (ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE) {
        status = Status::kBackendFailure;
      }
    }
    return status;
  }

 private:
  bool was_empty_;
};

}  // namespace paycrypto::internal
