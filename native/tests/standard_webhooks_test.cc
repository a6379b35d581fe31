#include "paycrypto/standard_webhooks.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "changed_text.h"
#include "live_keys.h"
#include "vector_file.h"

namespace paycrypto {
namespace {

using testing::LiveKeys;

// What a request brings, to be changed one value at a time.
struct Request {
  explicit Request(const testing::VectorCase& vector)
      : secrets(vector.All("secret")),
        id(vector.One("id")),
        timestamp(vector.One("timestamp")),
        signature(vector.One("signature")),
        body(vector.One("body")),
        window{vector.Number("now_s"), vector.Number("tolerance_s")} {}

  Status Verify(std::size_t* matched) const {
    std::vector<HmacSha256Key> keys(secrets.size());
    for (std::size_t at = 0; at < keys.size(); ++at) {
      if (const Status status = ParseWebhookSecret(secrets[at], &keys[at]); status != Status::kOk) {
        return status;
      }
    }
    return VerifyStandardWebhook({id, timestamp, signature}, body, LiveKeys(std::move(keys)).view(), window, matched);
  }
  Status Verify() const {
    std::size_t matched = 0;
    return Verify(&matched);
  }

  std::vector<std::string> secrets;
  std::string id;
  std::string timestamp;
  std::string signature;
  std::string body;
  ClockWindow window;
};

Request Published() { return Request(testing::ReadVectors("standard_webhooks.txt").front()); }

LiveKeys PublishedKeys() {
  std::vector<HmacSha256Key> keys(1);
  EXPECT_EQ(Status::kOk, ParseWebhookSecret(Published().secrets[0], &keys[0]));
  return LiveKeys(std::move(keys));
}

std::string Text(const WebhookSignature& signature) { return {signature.text, sizeof signature.text}; }

TEST(VerifyStandardWebhook, AgreesWithTheVectors) {
  for (const auto& vector : testing::ReadVectors("standard_webhooks.txt")) {
    SCOPED_TRACE(vector.name());
    std::size_t matched = 99;
    const Status status = Request(vector).Verify(&matched);
    EXPECT_EQ(vector.Expected(), status);
    const bool names_key = status == Status::kOk || status == Status::kOutsideWindow;
    EXPECT_EQ(names_key ? vector.Number("matched") : 99, static_cast<std::int64_t>(matched));
  }
}

TEST(VerifyStandardWebhook, RefusesEveryFlippedBit) {
  Request request = Published();
  // Wide enough for the clock to refuse nothing.
  request.window.tolerance_s = std::numeric_limits<std::int64_t>::max();
  ASSERT_EQ(Status::kOk, request.Verify());
  for (std::string* const field :
       {&request.id, &request.timestamp, &request.signature, &request.body, &request.secrets[0]}) {
    const std::string right = *field;
    testing::ForEachFlippedBit(right, [&](const std::string& flipped) {
      *field = flipped;
      const Status status = request.Verify();
      EXPECT_TRUE(status == Status::kMalformed || status == Status::kNoMatch) << flipped;
    });
    *field = right;
  }
  ASSERT_EQ(Status::kOk, request.Verify());
}

TEST(VerifyStandardWebhook, RefusesEveryBeginning) {
  const Request right = Published();
  const LiveKeys keys = PublishedKeys();
  const ClockWindow wide = {0, std::numeric_limits<std::int64_t>::max()};
  std::size_t matched = 0;
  for (ByteView WebhookHeaders::*const field :
       {&WebhookHeaders::id, &WebhookHeaders::timestamp, &WebhookHeaders::signature}) {
    const WebhookHeaders headers = {right.id, right.timestamp, right.signature};
    const ByteView value = headers.*field;
    const std::string text(reinterpret_cast<const char*>(value.data), value.size);
    testing::ForEachBeginning(text, [&](ByteView beginning) {
      WebhookHeaders changed = headers;
      changed.*field = beginning;
      const bool is_read = beginning.size > 0 && field != &WebhookHeaders::signature;
      EXPECT_EQ(is_read ? Status::kNoMatch : Status::kMalformed,
                VerifyStandardWebhook(changed, right.body, keys.view(), wide, &matched));
    });
  }
}

TEST(VerifyStandardWebhook, RefusesANegativeClockOrToleranceAndAnEmptyKey) {
  Request request = Published();
  request.window.now_s = -1;
  EXPECT_EQ(Status::kInvalidArgument, request.Verify());
  request.window = {0, -1};
  EXPECT_EQ(Status::kInvalidArgument, request.Verify());
  const HmacSha256Key empty;
  const HmacSha256Key* const keys[] = {&empty};
  std::size_t matched = 0;
  EXPECT_EQ(Status::kInvalidArgument, VerifyStandardWebhook({request.id, request.timestamp, request.signature},
                                                            request.body, {keys, 1}, {0, 0}, &matched));
}

TEST(ParseWebhookSecret, ReplacesTheKeyOnlyWhenItReadsOne) {
  HmacSha256Key key;
  ASSERT_EQ(Status::kOk, ParseWebhookSecret(Published().secrets[0], &key));
  EXPECT_EQ(Status::kMalformed, ParseWebhookSecret("whsec_", &key));
  const Request request = Published();
  WebhookSignature signature;
  ASSERT_EQ(Status::kOk, SignStandardWebhook(key, request.id, request.window.now_s, request.body, &signature));
  EXPECT_EQ(request.signature, Text(signature));
}

TEST(ParseWebhookSecret, ReadsNoBeginningAsTheWhole) {
  const Request published = Published();
  const WebhookHeaders headers = {published.id, published.timestamp, published.signature};
  testing::ForEachBeginning(published.secrets[0], [&](ByteView beginning) {
    HmacSha256Key key;
    const Status status = ParseWebhookSecret(beginning, &key);
    // 16 bytes or more are a secret, but another one.
    if (beginning.size >= 28 && beginning.size % 4 == 2) {
      const HmacSha256Key* const keys[] = {&key};
      std::size_t matched = 0;
      ASSERT_EQ(Status::kOk, status);
      EXPECT_EQ(Status::kNoMatch,
                VerifyStandardWebhook(headers, published.body, {keys, 1}, published.window, &matched));
    } else {
      EXPECT_EQ(Status::kMalformed, status);
    }
  });
}

TEST(SignStandardWebhook, WritesWhatVerifyTakes) {
  const LiveKeys keys = PublishedKeys();
  for (const std::int64_t timestamp_s : {std::int64_t{0}, std::int64_t{1767225600}, kTimestampSecondsMax}) {
    WebhookSignature signature;
    ASSERT_EQ(Status::kOk, SignStandardWebhook(keys[0], "msg_1", timestamp_s, "body", &signature));
    std::size_t matched = 99;
    EXPECT_EQ(Status::kOk, VerifyStandardWebhook({"msg_1", std::to_string(timestamp_s), Text(signature)}, "body",
                                                 keys.view(), {timestamp_s, 0}, &matched));
    EXPECT_EQ(0U, matched);
  }
}

TEST(SignStandardWebhook, RefusesWhatVerifyWouldNotRead) {
  const LiveKeys keys = PublishedKeys();
  WebhookSignature signature;
  for (const std::int64_t timestamp_s :
       {std::int64_t{-1}, kTimestampSecondsMax + 1, std::numeric_limits<std::int64_t>::max()}) {
    EXPECT_EQ(Status::kInvalidArgument, SignStandardWebhook(keys[0], "msg_1", timestamp_s, "body", &signature));
  }
  for (const std::string& id : {std::string(), std::string("a.b"), std::string("a b"), std::string(256, 'a')}) {
    EXPECT_EQ(Status::kInvalidArgument, SignStandardWebhook(keys[0], id, 0, "body", &signature));
  }
  EXPECT_EQ(Status::kInvalidArgument, SignStandardWebhook(HmacSha256Key(), "msg_1", 0, "body", &signature));
}

}  // namespace
}  // namespace paycrypto
