#pragma once

#include "paycrypto/clock_window.h"

namespace paycrypto::internal {

[[nodiscard]] constexpr bool IsWindow(const ClockWindow& window) noexcept {
  return window.now_s >= 0 && window.tolerance_s >= 0;
}

// Both >= 0, so the difference cannot overflow.
[[nodiscard]] constexpr bool IsWithin(const ClockWindow& window, std::int64_t timestamp_s) noexcept {
  const std::int64_t apart_s = timestamp_s > window.now_s ? timestamp_s - window.now_s : window.now_s - timestamp_s;
  return apart_s <= window.tolerance_s;
}

}  // namespace paycrypto::internal
