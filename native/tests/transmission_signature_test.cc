#include "paycrypto/transmission_signature.h"

#include <gtest/gtest.h>

#include <string>

#include "changed_text.h"
#include "vector_file.h"

namespace paycrypto {
namespace {

Status Verify(const testing::VectorCase& vector) {
  RsaPublicKey key;
  EXPECT_EQ(Status::kOk, RsaPublicKey::Parse(vector.One("key"), &key));
  return VerifyTransmission(vector.One("signature"), {vector.One("id"), vector.One("time"), vector.One("webhook_id")},
                            vector.One("body"), key);
}

TEST(VerifyTransmission, AgreesWithTheVectors) {
  for (const auto& vector : testing::ReadVectors("transmission.txt")) {
    SCOPED_TRACE(vector.name());
    EXPECT_EQ(vector.Expected(), Verify(vector));
  }
}

TEST(VerifyTransmission, RefusesEveryFlippedBit) {
  const testing::VectorCase documented = testing::ReadVectors("transmission.txt").front();
  ASSERT_EQ(Status::kOk, Verify(documented));
  RsaPublicKey key;
  ASSERT_EQ(Status::kOk, RsaPublicKey::Parse(documented.One("key"), &key));
  for (const char* const flipped_field : {"signature", "id", "time", "webhook_id", "body"}) {
    SCOPED_TRACE(flipped_field);
    testing::ForEachFlippedBit(documented.One(flipped_field), [&](const std::string& flipped) {
      const auto value = [&](const std::string& field) {
        return field == flipped_field ? flipped : documented.One(field);
      };
      const std::string id = value("id");
      const std::string time = value("time");
      const std::string webhook_id = value("webhook_id");
      const Status status = VerifyTransmission(value("signature"), {id, time, webhook_id}, value("body"), key);
      EXPECT_TRUE(status == Status::kMalformed || status == Status::kNoMatch);
    });
  }
}

TEST(VerifyTransmission, RefusesEveryBeginning) {
  const testing::VectorCase documented = testing::ReadVectors("transmission.txt").front();
  RsaPublicKey key;
  ASSERT_EQ(Status::kOk, RsaPublicKey::Parse(documented.One("key"), &key));
  const Transmission right = {documented.One("id"), documented.One("time"), documented.One("webhook_id")};
  testing::ForEachBeginning(documented.One("signature"), [&](ByteView beginning) {
    EXPECT_EQ(Status::kMalformed, VerifyTransmission(beginning, right, documented.One("body"), key));
  });
  for (ByteView Transmission::*const field : {&Transmission::id, &Transmission::time, &Transmission::webhook_id}) {
    const ByteView value = right.*field;
    const std::string text(reinterpret_cast<const char*>(value.data), value.size);
    testing::ForEachBeginning(text, [&](ByteView beginning) {
      Transmission changed = right;
      changed.*field = beginning;
      EXPECT_EQ(beginning.size == 0 ? Status::kMalformed : Status::kNoMatch,
                VerifyTransmission(documented.One("signature"), changed, documented.One("body"), key));
    });
  }
}

TEST(VerifyTransmission, NeedsAKey) {
  const testing::VectorCase documented = testing::ReadVectors("transmission.txt").front();
  EXPECT_EQ(Status::kInvalidArgument,
            VerifyTransmission(documented.One("signature"), {"id", "time", "webhook"}, "", RsaPublicKey()));
}

TEST(VerifyTransmission, RefusesSignaturesLongerThanAnyKey) {
  const testing::VectorCase documented = testing::ReadVectors("transmission.txt").front();
  RsaPublicKey key;
  ASSERT_EQ(Status::kOk, RsaPublicKey::Parse(documented.One("key"), &key));
  for (const std::size_t size : {1364U, 1368U, 1372U, 65536U}) {
    EXPECT_EQ(Status::kMalformed, VerifyTransmission(std::string(size, 'A'), {"id", "time", "webhook"}, "", key));
  }
}

}  // namespace
}  // namespace paycrypto
