#include "paycrypto/hmac_batch.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "paycrypto/version.h"

namespace paycrypto {
namespace {

// Checks that hold what they point to: each of its own key, all right until spoilt.
class Batch {
 public:
  void Add(std::string message) {
    messages_.push_back(std::make_unique<std::string>(std::move(message)));
    keys_.push_back(std::make_unique<HmacSha256Key>());
    EXPECT_EQ(Status::kOk, HmacSha256Key::Create("secret " + std::to_string(keys_.size()), keys_.back().get()));
    const ByteView view(*messages_.back());
    HmacSha256Tag tag;
    EXPECT_EQ(Status::kOk, keys_.back()->Sign({&view, 1}, &tag));
    tags_.push_back(std::make_unique<std::string>(tag.begin(), tag.end()));
    checks.push_back({keys_.back().get(), view, *tags_.back()});
  }

  void SetTag(std::size_t at, std::string tag) {
    *tags_[at] = std::move(tag);
    checks[at].tag = *tags_[at];
  }
  void FlipBit(std::size_t at, std::size_t bit) {
    char& byte = (*tags_[at])[bit / 8];
    byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (1U << bit % 8));
  }

  std::vector<Status> Verify() const {
    std::vector<Status> outcomes(checks.size(), Status::kBackendFailure);
    EXPECT_EQ(Status::kOk, VerifyHmacSha256Batch(checks.data(), checks.size(), outcomes.data()));
    return outcomes;
  }
  // What Verify must say: HmacSha256Key::Verify has tests of its own.
  std::vector<Status> VerifyEach() const {
    std::vector<Status> outcomes;
    for (const auto& check : checks) {
      outcomes.push_back(check.key->Verify({&check.message, 1}, check.tag));
    }
    return outcomes;
  }

  std::vector<HmacSha256Check> checks;

 private:
  std::vector<std::unique_ptr<std::string>> messages_;
  std::vector<std::unique_ptr<HmacSha256Key>> keys_;
  std::vector<std::unique_ptr<std::string>> tags_;
};

std::string Filled(std::size_t size) {
  std::string message(size, '\0');
  for (std::size_t at = 0; at < size; ++at) {
    message[at] = static_cast<char>(at * 31 + size);
  }
  return message;
}

TEST(HmacBatch, TakesEveryLength) {
  Batch batch;
  for (std::size_t size = 0; size <= 600; ++size) {
    batch.Add(Filled(size));
  }
  EXPECT_EQ(std::vector<Status>(601, Status::kOk), batch.Verify());
}

TEST(HmacBatch, TakesEveryCountAroundTheSizesOfABurst) {
  for (const std::size_t count : {0, 1, 2, 11, 12, 13, 16, 17, 127, 128, 129, 140, 256, 1023, 1024, 1025, 1040}) {
    Batch batch;
    for (std::size_t at = 0; at < count; ++at) {
      batch.Add(Filled(100 + at % 7));
    }
    if (count > 0) {
      batch.FlipBit(count - 1, 3);
    }
    EXPECT_EQ(batch.VerifyEach(), batch.Verify()) << count;
  }
}

TEST(HmacBatch, TakesMessagesTooLongForABurst) {
  Batch batch;
  for (int round = 0; round < 20; ++round) {
    for (const std::size_t size : {65533, 65534, 65535, 65536, 200000}) {
      batch.Add(Filled(size));
    }
  }
  batch.FlipBit(2, 0);
  batch.FlipBit(3, 0);
  const auto outcomes = batch.Verify();
  EXPECT_EQ(batch.VerifyEach(), outcomes);
  EXPECT_EQ(Status::kNoMatch, outcomes[3]);
}

TEST(HmacBatch, FindsEveryFlippedBitAndBlamesNoOther) {
  Batch batch;
  for (std::size_t at = 0; at < 256; ++at) {
    batch.Add(Filled(300));
    batch.Add(Filled(300));
    batch.FlipBit(2 * at, at);
  }
  const auto outcomes = batch.Verify();
  for (std::size_t at = 0; at < 256; ++at) {
    EXPECT_EQ(Status::kNoMatch, outcomes[2 * at]) << at;
    EXPECT_EQ(Status::kOk, outcomes[2 * at + 1]) << at;
  }
}

TEST(HmacBatch, RefusesTagsOfAnotherLengthEachForItself) {
  Batch batch;
  for (std::size_t at = 0; at < 64; ++at) {
    batch.Add(Filled(50));
  }
  batch.SetTag(3, "");
  batch.SetTag(17, std::string(31, 'x'));
  batch.SetTag(40, std::string(33, 'x'));
  batch.SetTag(41, std::string(32, 'x'));
  std::vector<Status> expected(64, Status::kOk);
  expected[3] = expected[17] = expected[40] = Status::kMalformed;
  expected[41] = Status::kNoMatch;
  EXPECT_EQ(expected, batch.Verify());
}

TEST(HmacBatch, AgreesWithOneAtATimeOnMixedBatches) {
  std::mt19937 random(4);
  for (int round = 0; round < 30; ++round) {
    Batch batch;
    const std::size_t count = random() % 300;
    for (std::size_t at = 0; at < count; ++at) {
      batch.Add(Filled(random() % (std::size_t{1} << random() % 14)));
      if (random() % 5 == 0) {
        batch.FlipBit(at, random() % 256);
      } else if (random() % 50 == 0) {
        batch.SetTag(at, Filled(random() % 40));
      }
    }
    EXPECT_EQ(batch.VerifyEach(), batch.Verify()) << round;
  }
}

TEST(HmacBatch, OneKeyMayCheckAll) {
  Batch batch;
  for (std::size_t at = 0; at < 40; ++at) {
    batch.Add("message");
  }
  for (auto& check : batch.checks) {
    check = batch.checks[0];
  }
  EXPECT_EQ(std::vector<Status>(40, Status::kOk), batch.Verify());
}

TEST(HmacBatch, WritesNothingWhenAKeyIsMissing) {
  const HmacSha256Key empty;
  for (const HmacSha256Key* const missing : {&empty, static_cast<const HmacSha256Key*>(nullptr)}) {
    Batch batch;
    for (std::size_t at = 0; at < 20; ++at) {
      batch.Add("message");
    }
    batch.checks.back().key = missing;
    std::vector<Status> outcomes(20, Status::kOutsideWindow);
    EXPECT_EQ(Status::kInvalidArgument, VerifyHmacSha256Batch(batch.checks.data(), 20, outcomes.data()));
    EXPECT_EQ(std::vector<Status>(20, Status::kOutsideWindow), outcomes);
  }
}

TEST(HmacBatch, MayRunInManyThreadsWithTheSameKeys) {
  Batch batch;
  for (std::size_t at = 0; at < 200; ++at) {
    batch.Add(Filled(at * 5));
  }
  batch.FlipBit(100, 0);
  const auto expected = batch.VerifyEach();
  std::vector<std::thread> threads;
  for (std::size_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      // Each thread at another place of the batch at any time, so that a shared tag would be another's.
      const std::size_t skipped = thread * 37;
      std::vector<Status> outcomes(200 - skipped);
      const std::vector<Status> expected_here(expected.begin() + static_cast<std::ptrdiff_t>(skipped), expected.end());
      for (int round = 0; round < 500; ++round) {
        ASSERT_EQ(Status::kOk,
                  VerifyHmacSha256Batch(batch.checks.data() + skipped, outcomes.size(), outcomes.data()));
        ASSERT_EQ(expected_here, outcomes);
      }
    });
  }
  for (auto& thread : threads) {
    thread.join();
  }
}

TEST(HmacBatch, NamesWhatItHashesWith) {
  const std::string name = BatchBackendName();
  EXPECT_TRUE(name == "libipsec-mb" || name == "scalar") << name;
}

}  // namespace
}  // namespace paycrypto
