#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "paycrypto/byte_view.h"
#include "paycrypto/export.h"
#include "paycrypto/status.h"

namespace paycrypto {

// Secret bytes, such as those decoded from a configured `whsec_...`, wiped with the object. Moves but cannot be copied,
// compared or printed by accident; View is the only way to them.
class PAYCRYPTO_API SecretBytes {
 public:
  SecretBytes() noexcept;
  SecretBytes(SecretBytes&& other) noexcept;
  SecretBytes& operator=(SecretBytes&& other) noexcept;
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  ~SecretBytes();

  // Allocates `size` zero bytes, at most kSecretBytesMax, for the caller to fill. kInvalidArgument: more, or none.
  [[nodiscard]] static Status Create(std::size_t size, SecretBytes* secret) noexcept;
  [[nodiscard]] static Status Copy(ByteView bytes, SecretBytes* secret) noexcept;

  [[nodiscard]] ByteView View() const noexcept { return {data_.get(), size_}; }
  [[nodiscard]] std::uint8_t* data() noexcept { return data_.get(); }

 private:
  std::unique_ptr<std::uint8_t[]> data_;
  std::size_t size_ = 0;
};

}  // namespace paycrypto
