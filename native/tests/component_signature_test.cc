#include "paycrypto/component_signature.h"

#include <gtest/gtest.h>

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
        client_id(vector.One("client_id")),
        request_id(vector.One("request_id")),
        timestamp(vector.One("timestamp")),
        target(vector.One("target")),
        is_response(vector.Number("is_response") != 0),
        has_body(vector.Number("has_body") != 0),
        body(vector.One("body")),
        signature(vector.One("signature")) {}

  SignedComponents Components() const { return {client_id, request_id, timestamp, target, is_response, has_body}; }

  Status Verify(std::size_t* matched) const {
    return VerifyComponentSignature(signature, Components(), body, LiveKeys(secrets).view(), matched);
  }
  Status Verify() const {
    std::size_t matched = 0;
    return Verify(&matched);
  }

  std::vector<std::string> secrets;
  std::string client_id;
  std::string request_id;
  std::string timestamp;
  std::string target;
  bool is_response;
  bool has_body;
  std::string body;
  std::string signature;
};

Request Documented() { return Request(testing::ReadVectors("component_signature.txt").front()); }

TEST(VerifyComponentSignature, AgreesWithTheVectors) {
  for (const auto& vector : testing::ReadVectors("component_signature.txt")) {
    SCOPED_TRACE(vector.name());
    std::size_t matched = 99;
    EXPECT_EQ(vector.Expected(), Request(vector).Verify(&matched));
    EXPECT_EQ(vector.Expected() == Status::kOk ? vector.Number("matched") : 99, static_cast<std::int64_t>(matched));
  }
}

TEST(VerifyComponentSignature, RefusesEveryFlippedBit) {
  Request request = Documented();
  ASSERT_EQ(Status::kOk, request.Verify());
  for (std::string* const field : {&request.signature, &request.client_id, &request.request_id, &request.timestamp,
                                   &request.target, &request.body, &request.secrets[0]}) {
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

TEST(VerifyComponentSignature, RefusesEveryBeginning) {
  const Request right = Documented();
  const LiveKeys keys(right.secrets);
  std::size_t matched = 0;
  testing::ForEachBeginning(right.signature, [&](ByteView beginning) {
    EXPECT_EQ(Status::kMalformed,
              VerifyComponentSignature(beginning, right.Components(), right.body, keys.view(), &matched));
  });
  for (ByteView SignedComponents::*const field : {&SignedComponents::client_id, &SignedComponents::request_id,
                                                  &SignedComponents::timestamp, &SignedComponents::target}) {
    const ByteView value = right.Components().*field;
    const std::string text(reinterpret_cast<const char*>(value.data), value.size);
    testing::ForEachBeginning(text, [&](ByteView beginning) {
      SignedComponents components = right.Components();
      components.*field = beginning;
      EXPECT_EQ(beginning.size == 0 ? Status::kMalformed : Status::kNoMatch,
                VerifyComponentSignature(right.signature, components, right.body, keys.view(), &matched));
    });
  }
}

TEST(VerifyComponentSignature, RefusesAnEmptyKey) {
  const Request request = Documented();
  const HmacSha256Key empty;
  const HmacSha256Key* const keys[] = {&empty};
  std::size_t matched = 0;
  EXPECT_EQ(Status::kInvalidArgument,
            VerifyComponentSignature(request.signature, request.Components(), request.body, {keys, 1}, &matched));
}

TEST(SignComponents, WritesTheSignaturesOfTheVectors) {
  for (const auto& vector : testing::ReadVectors("component_signature.txt")) {
    if (vector.Expected() == Status::kOk) {
      SCOPED_TRACE(vector.name());
      const Request request(vector);
      const LiveKeys keys(request.secrets);
      ComponentSignature signature;
      ASSERT_EQ(Status::kOk, SignComponents(keys[static_cast<std::size_t>(vector.Number("matched"))],
                                            request.Components(), request.body, &signature));
      EXPECT_EQ(request.signature, std::string(signature.text, sizeof signature.text));
    }
  }
}

TEST(SignComponents, RefusesWhatVerifyWouldNotRead) {
  const LiveKeys keys(std::vector<std::string>{"secret"});
  const SignedComponents right = {"client", "request", "time", "/", false, true};
  ComponentSignature signature;
  ASSERT_EQ(Status::kOk, SignComponents(keys[0], right, "body", &signature));
  EXPECT_EQ(Status::kInvalidArgument, SignComponents(HmacSha256Key(), right, "body", &signature));
  for (ByteView SignedComponents::*const field : {&SignedComponents::client_id, &SignedComponents::request_id,
                                                  &SignedComponents::timestamp, &SignedComponents::target}) {
    for (const char* const value : {"", "/a b", "/a\nb", "/\x7f", "/\xc3\xa9"}) {
      SignedComponents wrong = right;
      wrong.*field = value;
      EXPECT_EQ(Status::kInvalidArgument, SignComponents(keys[0], wrong, "body", &signature));
    }
  }
  SignedComponents wrong = right;
  wrong.target = "target";
  EXPECT_EQ(Status::kInvalidArgument, SignComponents(keys[0], wrong, "body", &signature));
  wrong = right;
  wrong.has_body = false;
  EXPECT_EQ(Status::kInvalidArgument, SignComponents(keys[0], wrong, "body", &signature));
  EXPECT_EQ(Status::kOk, SignComponents(keys[0], wrong, "", &signature));
}

}  // namespace
}  // namespace paycrypto
