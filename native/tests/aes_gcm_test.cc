#include "paycrypto/aes_gcm.h"

#include <gtest/gtest.h>
#include <openssl/err.h>

#include <algorithm>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "changed_text.h"
#include "vector_file.h"

namespace paycrypto {
namespace {

static_assert(!std::is_copy_constructible_v<Aes256GcmKey> && !std::is_copy_assignable_v<Aes256GcmKey>);

const std::string kSecret(kAes256KeyBytes, 's');
const std::string kNonce(kAesGcmNonceBytes, 'n');
const std::string kPlaintext = "sk_live_0123456789, longer than one block of AES";
const std::string kData = "merchant|account|field";

Aes256GcmKey MakeKey(const std::string& secret = kSecret) {
  Aes256GcmKey key;
  EXPECT_EQ(Status::kOk, Aes256GcmKey::Create(secret, &key));
  return key;
}

std::uint8_t* Out(std::string* text) { return reinterpret_cast<std::uint8_t*>(text->data()); }

std::string Seal(const Aes256GcmKey& key, const std::string& nonce = kNonce, const std::string& plaintext = kPlaintext,
                 const std::string& data = kData) {
  std::string sealed(plaintext.size() + kAesGcmTagBytes, 'x');
  EXPECT_EQ(Status::kOk, key.Seal(nonce, plaintext, data, Out(&sealed), sealed.size()));
  return sealed;
}

struct Opened {
  Status status;
  std::string plaintext;
};

// What Open says and leaves in a buffer that held something else before, of exactly the size.
Opened Open(const Aes256GcmKey& key, ByteView sealed, const std::string& nonce = kNonce,
            const std::string& data = kData) {
  const std::size_t size = sealed.size < kAesGcmTagBytes ? 0 : sealed.size - kAesGcmTagBytes;
  const auto memory = std::make_unique<std::uint8_t[]>(size);
  std::fill_n(memory.get(), size, std::uint8_t{0x55});
  const Status status = key.Open(nonce, sealed, data, memory.get(), size);
  return {status, std::string(memory.get(), memory.get() + size)};
}

void ExpectRefused(const Aes256GcmKey& key, const std::string& sealed, const std::string& nonce,
                   const std::string& data) {
  const Opened opened = Open(key, sealed, nonce, data);
  EXPECT_EQ(Status::kNoMatch, opened.status);
  EXPECT_EQ(std::string(opened.plaintext.size(), '\0'), opened.plaintext);
}

TEST(Aes256Gcm, AgreesWithTheVectors) {
  for (const auto& vector : testing::ReadVectors("aes_256_gcm.txt")) {
    SCOPED_TRACE(vector.name());
    const Aes256GcmKey key = MakeKey(vector.One("secret"));
    const std::string sealed = vector.One("sealed");
    const std::string data = vector.One("associated_data");
    const Opened opened = Open(key, sealed, vector.One("nonce"), data);
    EXPECT_EQ(vector.Expected(), opened.status);
    if (vector.Expected() == Status::kOk) {
      EXPECT_EQ(vector.One("plaintext"), opened.plaintext);
      EXPECT_EQ(sealed, Seal(key, vector.One("nonce"), vector.One("plaintext"), data));
    }
  }
}

TEST(Aes256Gcm, OpensWhatItSealedOfEverySize) {
  const Aes256GcmKey key = MakeKey();
  for (std::size_t size = 0; size <= 300; ++size) {
    const std::string text(size, 't');
    for (const std::string& data : {std::string(), text}) {
      const std::string sealed = Seal(key, kNonce, text, data);
      const Opened opened = Open(key, sealed, kNonce, data);
      EXPECT_EQ(Status::kOk, opened.status) << size;
      EXPECT_EQ(text, opened.plaintext);
    }
  }
}

TEST(Aes256Gcm, SealsNothingWithoutPointersToIt) {
  const Aes256GcmKey key = MakeKey();
  std::string tag(kAesGcmTagBytes, 'x');
  ASSERT_EQ(Status::kOk, key.Seal(kNonce, ByteView(), ByteView(), Out(&tag), tag.size()));
  EXPECT_EQ(Seal(key, kNonce, "", ""), tag);
  EXPECT_EQ(Status::kOk, key.Open(kNonce, tag, ByteView(), nullptr, 0));
  tag[0] = static_cast<char>(tag[0] ^ 1);
  EXPECT_EQ(Status::kNoMatch, key.Open(kNonce, tag, ByteView(), nullptr, 0));
}

TEST(Aes256Gcm, RefusesEveryChangedBitAndLeavesNothing) {
  const Aes256GcmKey key = MakeKey();
  const std::string sealed = Seal(key);
  testing::ForEachFlippedBit(sealed, [&](const std::string& flipped) { ExpectRefused(key, flipped, kNonce, kData); });
  testing::ForEachFlippedBit(kNonce, [&](const std::string& flipped) { ExpectRefused(key, sealed, flipped, kData); });
  testing::ForEachFlippedBit(kData, [&](const std::string& flipped) { ExpectRefused(key, sealed, kNonce, flipped); });
  testing::ForEachFlippedBit(kSecret, [&](const std::string& flipped) {
    ExpectRefused(MakeKey(flipped), sealed, kNonce, kData);
  });
  ExpectRefused(key, sealed, kNonce, "");
  ExpectRefused(key, sealed, kNonce, kData + '\0');
}

TEST(Aes256Gcm, RefusesEveryBeginningAndWhatIsLonger) {
  const Aes256GcmKey key = MakeKey();
  const std::string sealed = Seal(key);
  testing::ForEachBeginning(sealed, [&](ByteView beginning) {
    const Status expected = beginning.size < kAesGcmTagBytes ? Status::kMalformed : Status::kNoMatch;
    EXPECT_EQ(expected, Open(key, beginning).status) << beginning.size;
  });
  EXPECT_EQ(Status::kNoMatch, Open(key, sealed + '\0').status);
  EXPECT_EQ(Status::kNoMatch, Open(key, sealed + sealed).status);
}

TEST(Aes256Gcm, TakesKeysOf32BytesOnly) {
  Aes256GcmKey key;
  for (std::size_t size = 0; size <= 70; ++size) {
    EXPECT_EQ(size == 32 ? Status::kOk : Status::kInvalidArgument, Aes256GcmKey::Create(std::string(size, 'k'), &key));
  }
}

TEST(Aes256Gcm, TakesNoncesOf12BytesOnly) {
  const Aes256GcmKey key = MakeKey();
  const std::string sealed = Seal(key);
  std::string out(sealed.size(), 'x');
  for (std::size_t size = 0; size <= 40; ++size) {
    const std::string nonce(size, 'n');
    EXPECT_EQ(size == 12 ? Status::kOk : Status::kInvalidArgument,
              key.Seal(nonce, kPlaintext, kData, Out(&out), out.size()));
    EXPECT_EQ(size == 12 ? Status::kOk : Status::kMalformed, Open(key, sealed, nonce).status);
  }
}

TEST(Aes256Gcm, WritesIntoAsManyBytesAsItNeedsOnly) {
  const Aes256GcmKey key = MakeKey();
  const std::string sealed = Seal(key);
  const std::string untouched(200, 'x');
  for (std::size_t size = 0; size <= untouched.size(); ++size) {
    std::string out = untouched;
    if (size != sealed.size()) {
      EXPECT_EQ(Status::kInvalidArgument, key.Seal(kNonce, kPlaintext, kData, Out(&out), size));
    }
    if (size != kPlaintext.size()) {
      EXPECT_EQ(Status::kInvalidArgument, key.Open(kNonce, sealed, kData, Out(&out), size));
    }
    EXPECT_EQ(untouched, out);
  }
}

TEST(Aes256Gcm, TakesAtMost64MiBEach) {
  const Aes256GcmKey key = MakeKey();
  std::string longest(kAesGcmBytesMax, 't');
  std::string sealed = Seal(key, kNonce, longest, "");
  EXPECT_EQ(longest, Open(key, sealed, kNonce, "").plaintext);
  EXPECT_EQ(Status::kOk, Open(key, Seal(key, kNonce, "", longest), kNonce, longest).status);
  longest.push_back('t');
  sealed.push_back('x');
  std::string tag(kAesGcmTagBytes, 'x');
  EXPECT_EQ(Status::kInvalidArgument, key.Seal(kNonce, longest, "", Out(&sealed), sealed.size()));
  EXPECT_EQ(Status::kInvalidArgument, key.Seal(kNonce, "", longest, Out(&tag), tag.size()));
  EXPECT_EQ(Status::kMalformed, Open(key, sealed, kNonce, "").status);
  EXPECT_EQ(Status::kInvalidArgument, Open(key, tag, kNonce, longest).status);
}

TEST(Aes256Gcm, KeepsItsKeyWhenAnotherIsRefused) {
  Aes256GcmKey key = MakeKey();
  const std::string sealed = Seal(key);
  EXPECT_EQ(Status::kInvalidArgument, Aes256GcmKey::Create("short", &key));
  EXPECT_EQ(kPlaintext, Open(key, sealed).plaintext);
  ASSERT_EQ(Status::kOk, Aes256GcmKey::Create(std::string(kAes256KeyBytes, 'o'), &key));
  EXPECT_EQ(Status::kNoMatch, Open(key, sealed).status);
}

TEST(Aes256Gcm, HoldsNothingUntilCreatedAndAfterAMove) {
  Aes256GcmKey key = MakeKey();
  const std::string sealed = Seal(key);
  const Aes256GcmKey taken = std::move(key);
  const Aes256GcmKey fresh;
  std::string out(sealed.size(), 'x');
  for (const Aes256GcmKey* const empty : {static_cast<const Aes256GcmKey*>(&key), &fresh}) {
    EXPECT_EQ(Status::kInvalidArgument, empty->Seal(kNonce, kPlaintext, kData, Out(&out), out.size()));
    EXPECT_EQ(Status::kInvalidArgument, Open(*empty, sealed).status);
    EXPECT_EQ(Status::kInvalidArgument, Open(*empty, "short", "nonce").status);
  }
  EXPECT_EQ(kPlaintext, Open(taken, sealed).plaintext);
}

TEST(Aes256Gcm, LeavesTheErrorQueueOfItsCaller) {
  const Aes256GcmKey key = MakeKey();
  ERR_clear_error();
  EXPECT_EQ(Status::kNoMatch, Open(key, std::string(50, 'x')).status);
  EXPECT_EQ(0U, ERR_peek_error());
  ERR_raise(ERR_LIB_USER, ERR_R_MALLOC_FAILURE);
  EXPECT_EQ(Status::kNoMatch, Open(key, std::string(50, 'x')).status);
  EXPECT_EQ(kPlaintext, Open(key, Seal(key)).plaintext);
  EXPECT_EQ(ERR_R_MALLOC_FAILURE, ERR_GET_REASON(ERR_get_error()));
  EXPECT_EQ(0U, ERR_peek_error());
}

TEST(Aes256Gcm, MayRunInManyThreads) {
  const Aes256GcmKey key = MakeKey();
  const std::string right = Seal(key);
  std::vector<std::thread> threads;
  for (char name = 'a'; name < 'e'; ++name) {
    threads.emplace_back([&key, &right, name] {
      const std::string own(100, name);
      for (int round = 0; round < 100; ++round) {
        EXPECT_EQ(own, Open(key, Seal(key, kNonce, own)).plaintext);
        EXPECT_EQ(kPlaintext, Open(key, right).plaintext);
        EXPECT_EQ(Status::kNoMatch, Open(key, right, kNonce, own).status);
      }
    });
  }
  for (auto& thread : threads) {
    thread.join();
  }
}

}  // namespace
}  // namespace paycrypto
