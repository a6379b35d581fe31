#pragma once

#include "paycrypto/byte_view.h"
#include "paycrypto/export.h"

namespace paycrypto {

// Whether both hold the same bytes. The time depends on the lengths only: they are taken to be public.
[[nodiscard]] PAYCRYPTO_API bool Equal(ByteView left, ByteView right) noexcept;

}  // namespace paycrypto
