#define NO_COMPAT_IMB_API_053  // whose macros take names of libcrypto
#include <intel-ipsec-mb.h>

#include <algorithm>
#include <array>
#include <memory>
#include <new>

#include "batch.h"
#include "key_access.h"
#include "paycrypto/constant_time.h"
#include "paycrypto/version.h"
#include "wipe.h"

namespace paycrypto {
namespace internal {
namespace {

// What libipsec-mb takes as one message: it counts in 16 bits, and knows no empty one.
constexpr std::size_t kLaneMessageBytesMax = 65534;
// With fewer messages of about one length, hashing them alone costs less.
constexpr std::size_t kBurstMin = 12;
constexpr std::size_t kBurstMax = IMB_MAX_BURST_SIZE;
// Checks that are sorted together.
constexpr std::size_t kChunkMax = 1024;

struct ManagerDeleter {
  void operator()(IMB_MGR* manager) const noexcept { free_mb_mgr(manager); }
};

// Null when memory ran out, the library's own self-test failed, or it was built to leave keys and messages behind in
// the manager (SAFE_DATA says that it clears them with each job).
std::unique_ptr<IMB_MGR, ManagerDeleter> NewManager() noexcept {
  std::unique_ptr<IMB_MGR, ManagerDeleter> manager(alloc_mb_mgr(0));
  if (manager == nullptr) {
    return nullptr;
  }
  init_mb_mgr_auto(manager.get(), nullptr);
  const bool is_fit = imb_get_errno(manager.get()) == 0 && (manager->features & IMB_FEATURE_SAFE_DATA) != 0;
  return is_fit ? std::move(manager) : nullptr;
}

// What one thread needs to hash many messages at once.
struct Lanes {
  Lanes() noexcept {
    for (IMB_JOB& job : jobs) {
      job.cipher_mode = IMB_CIPHER_NULL;
      job.cipher_direction = IMB_DIR_ENCRYPT;
      job.chain_order = IMB_ORDER_HASH_CIPHER;
      job.hash_alg = IMB_AUTH_HMAC_SHA_256;
    }
  }

  std::unique_ptr<IMB_MGR, ManagerDeleter> manager = NewManager();
  std::array<IMB_JOB, kBurstMax> jobs{};
  std::array<HmacSha256Tag, kBurstMax> tags;
  std::array<std::uint16_t, kChunkMax> order;
};

// Kept for the life of the thread: to make a manager takes as long as to hash a hundred messages. Null when there is
// none to be had.
Lanes* ThreadLanes() noexcept {
  thread_local const std::unique_ptr<Lanes> lanes(new (std::nothrow) Lanes);
  return lanes != nullptr && lanes->manager != nullptr ? lanes.get() : nullptr;
}

void Fill(const HmacSha256Check& check, HmacSha256Tag* tag, IMB_JOB* job) noexcept {
  const HmacSha256Midstates midstates = MidstatesOf(*KeyAccess::StateOf(*check.key));
  // Or a burst that was refused would look done: the job held another message before.
  job->status = IMB_STATUS_BEING_PROCESSED;
  job->src = check.message.data;
  job->msg_len_to_hash_in_bytes = check.message.size;
  job->auth_tag_output = tag->data();
  job->auth_tag_output_len_in_bytes = tag->size();
  job->u.HMAC._hashed_auth_key_xor_ipad = reinterpret_cast<const std::uint8_t*>(midstates.inner);
  job->u.HMAC._hashed_auth_key_xor_opad = reinterpret_cast<const std::uint8_t*>(midstates.outer);
}

// Verifies the checks that `order` names, at most kBurstMax.
void VerifyBurst(const HmacSha256Check* checks, const std::uint16_t* order, std::size_t count, Lanes* lanes,
                 Status* outcomes) noexcept {
  for (std::size_t at = 0; at < count; ++at) {
    Fill(checks[order[at]], &lanes->tags[at], &lanes->jobs[at]);
  }
  IMB_SUBMIT_HASH_BURST(lanes->manager.get(), lanes->jobs.data(), static_cast<std::uint32_t>(count),
                        IMB_AUTH_HMAC_SHA_256);
  for (std::size_t at = 0; at < count; ++at) {
    const HmacSha256Check& check = checks[order[at]];
    const HmacSha256Tag& tag = lanes->tags[at];
    if (lanes->jobs[at].status != IMB_STATUS_COMPLETED) {
      outcomes[order[at]] = VerifyAlone(check);
    } else {
      outcomes[order[at]] = Equal(ByteView(tag.data(), tag.size()), check.tag) ? Status::kOk : Status::kNoMatch;
    }
  }
  Wipe(lanes->tags[0].data(), count * sizeof lanes->tags[0]);
}

bool FitsALane(const HmacSha256Check& check) noexcept {
  return check.message.size > 0 && check.message.size <= kLaneMessageBytesMax &&
         check.tag.size == kHmacSha256Bytes;
}

// Messages of one class differ in length by a factor of two at most. A burst takes as long as its longest message, so
// long and short ones are not mixed.
constexpr std::size_t kLengthClasses = 16;
static_assert(kLaneMessageBytesMax < std::size_t{1} << kLengthClasses);

std::size_t LengthClass(std::size_t size) noexcept {
  return static_cast<std::size_t>(31 - __builtin_clz(static_cast<std::uint32_t>(size)));
}

// Verifies at most kChunkMax checks.
void VerifyChunk(const HmacSha256Check* checks, std::size_t count, Lanes* lanes, Status* outcomes) noexcept {
  std::array<std::size_t, kLengthClasses + 1> begins{};
  for (std::size_t at = 0; at < count; ++at) {
    if (FitsALane(checks[at])) {
      ++begins[LengthClass(checks[at].message.size) + 1];
    } else {
      outcomes[at] = VerifyAlone(checks[at]);
    }
  }
  for (std::size_t length_class = 0; length_class < kLengthClasses; ++length_class) {
    begins[length_class + 1] += begins[length_class];
  }
  std::array<std::size_t, kLengthClasses + 1> ends = begins;
  for (std::size_t at = 0; at < count; ++at) {
    if (FitsALane(checks[at])) {
      lanes->order[ends[LengthClass(checks[at].message.size)]++] = static_cast<std::uint16_t>(at);
    }
  }
  for (std::size_t length_class = 0; length_class < kLengthClasses; ++length_class) {
    for (std::size_t at = begins[length_class]; at < ends[length_class];) {
      const std::size_t burst = std::min(ends[length_class] - at, kBurstMax);
      if (burst >= kBurstMin) {
        VerifyBurst(checks, &lanes->order[at], burst, lanes, outcomes);
      } else {
        for (std::size_t alone = at; alone < at + burst; ++alone) {
          outcomes[lanes->order[alone]] = VerifyAlone(checks[lanes->order[alone]]);
        }
      }
      at += burst;
    }
  }
}

}  // namespace

void VerifyBatch(const HmacSha256Check* checks, std::size_t count, Status* outcomes) noexcept {
  Lanes* const lanes = count >= kBurstMin ? ThreadLanes() : nullptr;
  if (lanes == nullptr) {
    for (std::size_t at = 0; at < count; ++at) {
      outcomes[at] = VerifyAlone(checks[at]);
    }
    return;
  }
  for (std::size_t at = 0; at < count; at += kChunkMax) {
    VerifyChunk(checks + at, std::min(count - at, kChunkMax), lanes, outcomes + at);
  }
}

}  // namespace internal

const char* BatchBackendName() noexcept { return "libipsec-mb"; }

}  // namespace paycrypto
