#include "backend.h"
#include "key_access.h"
#include "paycrypto/constant_time.h"
#include "paycrypto/hmac.h"
#include "wipe.h"

namespace paycrypto {

template <Hash kHash>
HmacStream<kHash>::HmacStream() noexcept = default;
template <Hash kHash>
HmacStream<kHash>::HmacStream(HmacStream&&) noexcept = default;
template <Hash kHash>
HmacStream<kHash>& HmacStream<kHash>::operator=(HmacStream&&) noexcept = default;
template <Hash kHash>
HmacStream<kHash>::~HmacStream() = default;

template <Hash kHash>
Status HmacStream<kHash>::Begin(const HmacKey<kHash>& key, HmacStream* stream) noexcept {
  const internal::HmacState<kHash>* const begun = internal::KeyAccess::StateOf(key);
  if (begun == nullptr) {
    return Status::kInvalidArgument;
  }
  internal::HmacStatePointer<kHash> state = internal::CopyHmacState(*begun);
  if (state == nullptr) {
    return Status::kBackendFailure;
  }
  stream->state_ = std::move(state);
  return Status::kOk;
}

template <Hash kHash>
Status HmacStream<kHash>::Update(ByteView piece) noexcept {
  return state_ == nullptr ? Status::kInvalidArgument : internal::UpdateHmac(state_.get(), piece);
}

template <Hash kHash>
Status HmacStream<kHash>::Finish(HmacTag<kHash>* tag) noexcept {
  if (state_ == nullptr) {
    return Status::kInvalidArgument;
  }
  const Status status = internal::FinishHmac(state_.get(), tag);
  state_.reset();
  return status;
}

template <Hash kHash>
Status HmacStream<kHash>::Verify(ByteView tag) noexcept {
  HmacTag<kHash> expected;
  Status status = Finish(&expected);
  if (status == Status::kOk && tag.size != expected.size()) {
    status = Status::kMalformed;
  } else if (status == Status::kOk && !Equal(ByteView(expected.data(), expected.size()), tag)) {
    status = Status::kNoMatch;
  }
  internal::Wipe(expected);
  return status;
}

template class HmacStream<Hash::kSha256>;
template class HmacStream<Hash::kSha512>;

}  // namespace paycrypto
