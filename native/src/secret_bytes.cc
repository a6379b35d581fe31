#include "paycrypto/secret_bytes.h"

#include <cstring>
#include <new>
#include <utility>

#include "paycrypto/hmac.h"
#include "wipe.h"

namespace paycrypto {

SecretBytes::SecretBytes() noexcept = default;

SecretBytes::SecretBytes(SecretBytes&& other) noexcept
    : data_(std::move(other.data_)), size_(std::exchange(other.size_, 0)) {}

SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
  SecretBytes taken(std::move(other));
  std::swap(data_, taken.data_);
  std::swap(size_, taken.size_);
  return *this;
}

SecretBytes::~SecretBytes() { internal::Wipe(data_.get(), size_); }

Status SecretBytes::Create(std::size_t size, SecretBytes* secret) noexcept {
  if (size == 0 || size > kSecretBytesMax) {
    return Status::kInvalidArgument;
  }
  SecretBytes created;
  created.data_.reset(new (std::nothrow) std::uint8_t[size]());
  if (created.data_ == nullptr) {
    return Status::kBackendFailure;
  }
  created.size_ = size;
  *secret = std::move(created);
  return Status::kOk;
}

Status SecretBytes::Copy(ByteView bytes, SecretBytes* secret) noexcept {
  SecretBytes copy;
  if (const Status status = Create(bytes.size, &copy); status != Status::kOk) {
    return status;
  }
  std::memcpy(copy.data(), bytes.data, bytes.size);
  *secret = std::move(copy);
  return Status::kOk;
}

}  // namespace paycrypto
