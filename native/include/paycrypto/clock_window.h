#pragma once

#include <cstdint>

namespace paycrypto {

inline constexpr std::int64_t kTimestampSecondsMax = 999'999'999'999'999;

// The clock of the receiver and how far a timestamp may lie from it, before or after. Both >= 0.
struct ClockWindow {
  std::int64_t now_s = 0;
  std::int64_t tolerance_s = 0;
};

}  // namespace paycrypto
