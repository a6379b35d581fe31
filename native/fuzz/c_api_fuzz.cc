#include "paycrypto/paycrypto.h"

#include <memory>

#include "fuzz.h"
#include "reference.h"

// A sequence of calls of the C interface on a few handles, beside a model of what each handle holds. A call is one byte
// for what, one for the handle and options, and its bytes up to the next 0x1f. Handles may be NULL, finished or of
// another hash; outputs lie in memory of exactly their size.

namespace paycrypto::fuzz {
namespace {

constexpr std::size_t kSlots = 3;

struct Key {
  paycrypto_hmac_key* handle = nullptr;
  paycrypto_hash hash = PAYCRYPTO_SHA256;
  std::string secret;

  std::size_t TagBytes() const { return hash == PAYCRYPTO_SHA256 ? 32 : 64; }
  std::string Tag(const std::string& message) const {
    return hash == PAYCRYPTO_SHA256 ? reference::HmacSha256(secret, message) : reference::HmacSha512(secret, message);
  }
  ~Key() { paycrypto_hmac_key_destroy(handle); }
};

struct Stream {
  paycrypto_hmac_stream* handle = nullptr;
  Key key;  // only what it says, no handle
  std::string message;
  bool is_finished = false;

  bool IsLive() const { return handle != nullptr && !is_finished; }
  ~Stream() { paycrypto_hmac_stream_destroy(handle); }
};

paycrypto_bytes Bytes(const std::string& text) { return {text.empty() ? nullptr : text.data(), text.size()}; }

// A tag buffer of the size that is asked for, right or not.
std::size_t AskedSize(unsigned options, std::size_t right) {
  const std::size_t sizes[] = {right, right, 0, 31, 32, 33, 64, 65};
  return sizes[options / kSlots % 8];
}

class Calls {
 public:
  void Do(unsigned what, unsigned options, const std::string& text) {
    Key& key = keys_[options % kSlots];
    Stream& stream = streams_[options % kSlots];
    switch (what % 13) {
      case 0: return CreateKey(options, text, &key);
      case 1: paycrypto_hmac_key_destroy(key.handle); key.handle = nullptr; return;
      case 2: return Sign(options, text, key);
      case 3: return Verify(options, text, key);
      case 4: return Begin(options, key);
      case 5: return Update(text, &stream);
      case 6: return Finish(options, text, &stream);
      case 7: paycrypto_hmac_stream_destroy(stream.handle); stream.handle = nullptr; return;
      case 8: return VerifyAny(options, text);
      case 9: return VerifyBatch(options, text);
      case 10: return SignHeader(options, text, key);
      case 11: return Encode(options, text);
      default: return Seal(options, text);
    }
  }

 private:
  void CreateKey(unsigned options, const std::string& text, Key* key) {
    paycrypto_hmac_key_destroy(key->handle);
    key->hash = options / kSlots % 2 == 0 ? PAYCRYPTO_SHA256 : PAYCRYPTO_SHA512;
    key->secret = text;
    const bool good = !text.empty() && text.size() <= PAYCRYPTO_SECRET_SIZE_MAX;
    CHECK(paycrypto_hmac_key_create(key->hash, Bytes(text), &key->handle) ==
          (good ? PAYCRYPTO_OK : PAYCRYPTO_INVALID_ARGUMENT));
    CHECK((key->handle != nullptr) == good);
  }

  void Sign(unsigned options, const std::string& text, const Key& key) {
    const std::size_t size = AskedSize(options, key.TagBytes());
    const std::unique_ptr<std::uint8_t[]> tag(new std::uint8_t[size]);
    const paycrypto_bytes part = Bytes(text);
    const bool good = key.handle != nullptr && size == key.TagBytes();
    CHECK(paycrypto_hmac_sign(key.handle, &part, 1, tag.get(), size) ==
          (good ? PAYCRYPTO_OK : PAYCRYPTO_INVALID_ARGUMENT));
    CHECK(!good || key.Tag(text) == std::string(reinterpret_cast<char*>(tag.get()), size));
  }

  void Verify(unsigned options, const std::string& text, const Key& key) {
    std::string tag = key.Tag(text);
    const bool is_right = options / kSlots % 2 == 0;
    tag[0] = static_cast<char>(tag[0] ^ (is_right ? 0 : 1));
    const std::string hex = reference::EncodeHex(tag);
    const std::string base64 = reference::EncodeBase64(tag);
    const paycrypto_bytes part = Bytes(text);
    const paycrypto_status want = key.handle == nullptr ? PAYCRYPTO_INVALID_ARGUMENT
                                  : is_right            ? PAYCRYPTO_OK
                                                        : PAYCRYPTO_NO_MATCH;
    CHECK(paycrypto_hmac_verify(key.handle, &part, 1, Bytes(tag)) == want);
    CHECK(paycrypto_hmac_verify_hex(key.handle, &part, 1, Bytes(hex)) == want);
    CHECK(paycrypto_hmac_verify_base64(key.handle, &part, 1, Bytes(base64)) == want);
  }

  void Begin(unsigned options, const Key& key) {
    Stream& stream = streams_[options / kSlots % kSlots];
    paycrypto_hmac_stream_destroy(stream.handle);
    stream.key.hash = key.hash;
    stream.key.secret = key.secret;
    stream.message.clear();
    stream.is_finished = false;
    CHECK(paycrypto_hmac_stream_begin(key.handle, &stream.handle) ==
          (key.handle == nullptr ? PAYCRYPTO_INVALID_ARGUMENT : PAYCRYPTO_OK));
    CHECK((stream.handle == nullptr) == (key.handle == nullptr));
  }

  void Update(const std::string& text, Stream* stream) {
    CHECK(paycrypto_hmac_stream_update(stream->handle, Bytes(text)) ==
          (stream->IsLive() ? PAYCRYPTO_OK : PAYCRYPTO_INVALID_ARGUMENT));
    stream->message += text;
  }

  void Finish(unsigned options, const std::string& text, Stream* stream) {
    const std::string right = stream->key.Tag(stream->message);
    if (options / kSlots % 2 == 0) {
      const std::size_t size = AskedSize(options / 2, right.size());
      const std::unique_ptr<std::uint8_t[]> tag(new std::uint8_t[size]);
      const bool good = stream->IsLive() && size == right.size();
      CHECK(paycrypto_hmac_stream_finish(stream->handle, tag.get(), size) ==
            (good ? PAYCRYPTO_OK : PAYCRYPTO_INVALID_ARGUMENT));
      CHECK(!good || right == std::string(reinterpret_cast<char*>(tag.get()), size));
      stream->is_finished = stream->is_finished || good;
      return;
    }
    const std::string sent = Expand(text, {right});
    const paycrypto_status want = !stream->IsLive()              ? PAYCRYPTO_INVALID_ARGUMENT
                                  : sent.size() != right.size() ? PAYCRYPTO_MALFORMED
                                  : sent == right               ? PAYCRYPTO_OK
                                                                : PAYCRYPTO_NO_MATCH;
    CHECK(paycrypto_hmac_stream_verify(stream->handle, Bytes(sent)) == want);
    stream->is_finished = stream->is_finished || want != PAYCRYPTO_INVALID_ARGUMENT;
  }

  void VerifyAny(unsigned options, const std::string& text) {
    const paycrypto_hmac_key* handles[kSlots];
    bool good = true;
    for (std::size_t at = 0; at < kSlots; ++at) {
      handles[at] = keys_[at].handle;
      good = good && handles[at] != nullptr && keys_[at].hash == keys_[0].hash;
    }
    const std::string tag = keys_[options % kSlots].Tag(text);
    std::size_t first = 0;
    while (keys_[first].Tag(text) != tag) {
      ++first;
    }
    const paycrypto_bytes part = Bytes(text);
    const paycrypto_bytes sent = Bytes(tag);
    std::size_t matched = kUntouched;
    const paycrypto_status status = paycrypto_hmac_verify_any(handles, kSlots, &part, 1, &sent, 1, &matched);
    CHECK(status == (good ? PAYCRYPTO_OK : PAYCRYPTO_INVALID_ARGUMENT));
    CHECK(matched == (good ? first : kUntouched));
  }

  void VerifyBatch(unsigned options, const std::string& text) {
    const std::size_t count = options % 33;
    std::vector<std::string> tags(count);
    std::vector<paycrypto_hmac_check> checks;
    bool good = true;
    for (std::size_t at = 0; at < count; ++at) {
      const Key& key = keys_[(at + options) % kSlots];
      good = good && key.handle != nullptr && key.hash == PAYCRYPTO_SHA256;
      tags[at] = key.Tag(text);
      tags[at][0] = static_cast<char>(tags[at][0] ^ static_cast<char>(at % 2));
      checks.push_back({key.handle, Bytes(text), Bytes(tags[at])});
    }
    std::vector<paycrypto_status> outcomes(count);
    CHECK(paycrypto_hmac_verify_batch(checks.data(), count, outcomes.data()) ==
          (good ? PAYCRYPTO_OK : PAYCRYPTO_INVALID_ARGUMENT));
    for (std::size_t at = 0; good && at < count; ++at) {
      CHECK(outcomes[at] == (at % 2 == 0 ? PAYCRYPTO_OK : PAYCRYPTO_NO_MATCH));
    }
  }

  void SignHeader(unsigned options, const std::string& text, const Key& key) {
    const std::int64_t time_s = options / kSlots % 16 == 0 ? -1 : std::int64_t{options} * 1'000'000;
    const std::size_t size = PAYCRYPTO_TIMESTAMPED_HEADER_SIZE - (options / 64 == 1 ? 1 : 0);
    const std::unique_ptr<char[]> header(new char[size]);
    const bool is_key = key.handle != nullptr && key.hash == PAYCRYPTO_SHA256;
    const bool good = is_key && time_s >= 0 && size == PAYCRYPTO_TIMESTAMPED_HEADER_SIZE;
    CHECK(paycrypto_sign_timestamped_hmac(key.handle, Bytes(text), time_s, header.get(), size) ==
          (good ? PAYCRYPTO_OK : PAYCRYPTO_INVALID_ARGUMENT));
    if (good) {
      const std::string expected = "t=" + std::to_string(time_s) + ",v1=" +
                                   reference::EncodeHex(key.Tag(std::to_string(time_s) + "." + text));
      CHECK(expected == header.get());
      const paycrypto_hmac_key* const live[] = {key.handle};
      CHECK(paycrypto_verify_timestamped_hmac(paycrypto_text(header.get()), Bytes(text), live, 1, {time_s, 0},
                                              nullptr) == PAYCRYPTO_OK);
    }
  }

  void Encode(unsigned options, const std::string& text) {
    const std::size_t short_by = options % 2;
    const std::size_t hex_size = PAYCRYPTO_HEX_SIZE(text.size()) - short_by;
    const std::size_t base64_size = PAYCRYPTO_BASE64_SIZE(text.size()) - short_by;
    const std::unique_ptr<char[]> hex(new char[hex_size]);
    const std::unique_ptr<char[]> base64(new char[base64_size]);
    const paycrypto_status want = short_by == 0 ? PAYCRYPTO_OK : PAYCRYPTO_INVALID_ARGUMENT;
    CHECK(paycrypto_hex_encode(Bytes(text), hex.get(), hex_size) == want);
    CHECK(paycrypto_base64_encode(Bytes(text), base64.get(), base64_size) == want);
    CHECK(short_by == 1 || (reference::EncodeHex(text) == hex.get() && reference::EncodeBase64(text) == base64.get()));
    paycrypto_rsa_key* rsa = nullptr;
    CHECK(paycrypto_rsa_key_parse(Bytes(text), &rsa) == PAYCRYPTO_MALFORMED || rsa != nullptr);
    CHECK((paycrypto_rsa_key_bits(rsa) == 0) == (rsa == nullptr));
    paycrypto_rsa_key_destroy(rsa);
  }

  // The text is the key, where it is long enough, and what is sealed.
  void Seal(unsigned options, const std::string& text) {
    const std::string secret = text.substr(0, PAYCRYPTO_AES_GCM_KEY_SIZE);
    const std::string nonce(PAYCRYPTO_AES_GCM_NONCE_SIZE - options % 2, 'n');
    paycrypto_aes_gcm_key* key = nullptr;
    const bool is_key = secret.size() == PAYCRYPTO_AES_GCM_KEY_SIZE;
    CHECK(paycrypto_aes_gcm_key_create(Bytes(secret), &key) == (is_key ? PAYCRYPTO_OK : PAYCRYPTO_INVALID_ARGUMENT));
    CHECK((key != nullptr) == is_key);
    const std::size_t size = text.size() + (options / 4 % 4 == 3 ? 0 : PAYCRYPTO_AES_GCM_TAG_SIZE);
    const std::unique_ptr<std::uint8_t[]> sealed(new std::uint8_t[size]);
    const bool good = is_key && options % 2 == 0 && size != text.size();
    CHECK(paycrypto_aes_gcm_seal(key, Bytes(nonce), Bytes(text), Bytes(secret), sealed.get(), size) ==
          (good ? PAYCRYPTO_OK : PAYCRYPTO_INVALID_ARGUMENT));
    if (good) {
      const bool is_right = options / 2 % 2 == 0;
      sealed[options % size] ^= static_cast<std::uint8_t>(is_right ? 0 : 1);
      const std::unique_ptr<std::uint8_t[]> opened(new std::uint8_t[text.size()]);
      CHECK(paycrypto_aes_gcm_open(key, Bytes(nonce), {sealed.get(), size}, Bytes(secret), opened.get(),
                                   text.size()) == (is_right ? PAYCRYPTO_OK : PAYCRYPTO_NO_MATCH));
      CHECK(!is_right || text == std::string(reinterpret_cast<char*>(opened.get()), text.size()));
    }
    paycrypto_aes_gcm_key_destroy(key);
  }

  Key keys_[kSlots];
  Stream streams_[kSlots];
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Calls calls;
  Input input(data, size);
  for (int count = 0; count < 40; ++count) {
    const std::string call = input.Field();
    if (call.size() >= 2) {
      calls.Do(static_cast<unsigned char>(call[0]), static_cast<unsigned char>(call[1]), call.substr(2));
    }
  }
  return 0;
}

}  // namespace paycrypto::fuzz
