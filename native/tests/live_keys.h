#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "paycrypto/hmac.h"

namespace paycrypto::testing {

// Keys together with the view of them that the checks take.
class LiveKeys {
 public:
  explicit LiveKeys(const std::vector<std::string>& secrets) {
    for (const auto& secret : secrets) {
      HmacSha256Key key;
      EXPECT_EQ(Status::kOk, HmacSha256Key::Create(secret, &key));
      Add(std::move(key));
    }
  }
  explicit LiveKeys(std::vector<HmacSha256Key> keys) {
    for (auto& key : keys) {
      Add(std::move(key));
    }
  }
  LiveKeys(const LiveKeys&) = delete;
  LiveKeys& operator=(const LiveKeys&) = delete;

  const HmacSha256Key& operator[](std::size_t at) const { return *pointers_[at]; }
  HmacSha256Keys view() const { return {pointers_.data(), pointers_.size()}; }

 private:
  void Add(HmacSha256Key key) {
    owned_.push_back(std::make_unique<HmacSha256Key>(std::move(key)));
    pointers_.push_back(owned_.back().get());
  }

  std::vector<std::unique_ptr<HmacSha256Key>> owned_;
  std::vector<const HmacSha256Key*> pointers_;
};

}  // namespace paycrypto::testing
