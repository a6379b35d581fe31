#include "paycrypto/timestamped_hmac.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "vector_file.h"

namespace paycrypto {
namespace {

struct LiveKeys {
  explicit LiveKeys(const std::vector<std::string>& secrets) : keys(secrets.size()) {
    for (std::size_t at = 0; at < secrets.size(); ++at) {
      EXPECT_EQ(Status::kOk, HmacSha256Key::Create(secrets[at], &keys[at]));
      pointers.push_back(&keys[at]);
    }
  }
  HmacSha256Keys view() const { return {pointers.data(), pointers.size()}; }

  std::vector<HmacSha256Key> keys;
  std::vector<const HmacSha256Key*> pointers;
};

TEST(VerifyTimestampedHmac, AgreesWithTheVectors) {
  for (const auto& vector : testing::ReadVectors("timestamped_hmac.txt")) {
    SCOPED_TRACE(vector.name());
    const LiveKeys live(vector.All("secret"));
    std::size_t matched = 99;
    const Status status = VerifyTimestampedHmac(
        vector.One("header"), vector.One("body"), live.view(),
        {vector.Number("now_s"), vector.Number("tolerance_s")}, &matched);
    EXPECT_EQ(vector.Expected(), status);
    const bool names_key = status == Status::kOk || status == Status::kOutsideWindow;
    EXPECT_EQ(names_key ? vector.Number("matched") : 99, static_cast<std::int64_t>(matched));
  }
}

TEST(VerifyTimestampedHmac, RefusesANegativeClockOrTolerance) {
  const LiveKeys live({"secret"});
  std::size_t matched = 0;
  EXPECT_EQ(Status::kInvalidArgument, VerifyTimestampedHmac("", "", live.view(), {-1, 300}, &matched));
  EXPECT_EQ(Status::kInvalidArgument, VerifyTimestampedHmac("", "", live.view(), {0, -1}, &matched));
}

TEST(VerifyTimestampedHmac, MayRunInManyThreadsWithOneKey) {
  const LiveKeys live({"other", "secret"});
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&live, thread] {
      for (int round = 0; round < 200; ++round) {
        const std::string body(static_cast<std::size_t>(thread * 1000 + round), 'x');
        SignedHeader header;
        ASSERT_EQ(Status::kOk, SignTimestampedHmac(live.keys[1], body, round, &header));
        std::size_t matched = 0;
        EXPECT_EQ(Status::kOk, VerifyTimestampedHmac(std::string_view(header.text, header.size),
                                                     body, live.view(), {round, 0}, &matched));
        EXPECT_EQ(1U, matched);
      }
    });
  }
  for (auto& thread : threads) {
    thread.join();
  }
}

TEST(SignTimestampedHmac, WritesWhatVerifyTakes) {
  const LiveKeys live({"secret"});
  for (const std::int64_t timestamp_s : {std::int64_t{0}, std::int64_t{1767225600}, kTimestampSecondsMax}) {
    SignedHeader header;
    ASSERT_EQ(Status::kOk, SignTimestampedHmac(live.keys[0], "body", timestamp_s, &header));
    std::size_t matched = 0;
    EXPECT_EQ(Status::kOk, VerifyTimestampedHmac(std::string_view(header.text, header.size), "body", live.view(),
                                                 {timestamp_s, 0}, &matched));
  }
}

TEST(VerifyTimestampedHmac, RefusesANullOrEmptyKeyWhereverItStands) {
  const LiveKeys live({"secret"});
  SignedHeader header;
  ASSERT_EQ(Status::kOk, SignTimestampedHmac(live.keys[0], "body", 7, &header));
  const HmacSha256Key empty;
  std::size_t matched = 0;
  for (const HmacSha256Key* wrong : {static_cast<const HmacSha256Key*>(nullptr), &empty}) {
    const HmacSha256Key* const keys[] = {&live.keys[0], wrong};
    EXPECT_EQ(Status::kInvalidArgument, VerifyTimestampedHmac(std::string_view(header.text, header.size), "body",
                                                              {keys, 2}, {7, 0}, &matched));
  }
}

TEST(SignTimestampedHmac, RefusesATimeThatVerifyWouldNotRead) {
  const LiveKeys live({"secret"});
  for (const std::int64_t timestamp_s :
       {std::int64_t{-1}, kTimestampSecondsMax + 1, std::numeric_limits<std::int64_t>::max()}) {
    SignedHeader header;
    EXPECT_EQ(Status::kInvalidArgument, SignTimestampedHmac(live.keys[0], "body", timestamp_s, &header));
  }
}

}  // namespace
}  // namespace paycrypto
