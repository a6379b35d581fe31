#include <algorithm>
#include <new>

#include "c_api.h"

namespace {

using paycrypto::ByteView;
using paycrypto::Hash;
using paycrypto::HmacSha256Key;
using paycrypto::HmacSha256Stream;
using paycrypto::HmacSha512Stream;
using paycrypto::HmacTag;
using paycrypto::Status;
using paycrypto::internal::KeyList;
using paycrypto::internal::KeyOf;
using paycrypto::internal::Optional;
using paycrypto::internal::Read;
using paycrypto::internal::ToC;
using paycrypto::internal::ViewList;

template <typename Visit>
Status WithKey(const paycrypto_hmac_key& key, Visit visit) noexcept {
  return key.hash == PAYCRYPTO_SHA256 ? visit(key.sha256) : visit(key.sha512);
}

template <Hash kHash>
Status SignTo(const paycrypto::HmacKey<kHash>& key, paycrypto::ByteViews parts, std::uint8_t* out,
              std::size_t out_size) noexcept {
  HmacTag<kHash> tag;
  if (out_size != tag.size()) {
    return Status::kInvalidArgument;
  }
  const Status status = key.Sign(parts, &tag);
  if (status == Status::kOk) {
    std::copy(tag.begin(), tag.end(), out);
  }
  return status;
}

// Calls verify(key, parts, tag) with the arguments read.
template <typename Verify>
paycrypto_status VerifyOne(const paycrypto_hmac_key* key, const paycrypto_bytes* parts, std::size_t part_count,
                           paycrypto_bytes tag, Verify verify) noexcept {
  ViewList part_views;
  ByteView tag_view;
  if (key == nullptr || !part_views.Read(parts, part_count) || !Read(tag, &tag_view)) {
    return PAYCRYPTO_INVALID_ARGUMENT;
  }
  return ToC(WithKey(*key, [&](const auto& hmac) noexcept { return verify(hmac, part_views.views(), tag_view); }));
}

template <Hash kHash>
paycrypto_status VerifyAnyOf(const paycrypto_hmac_key* const* keys, std::size_t key_count, paycrypto::ByteViews parts,
                             paycrypto::ByteViews tags, std::size_t* matched_key) noexcept {
  KeyList<kHash> live;
  if (!live.Read(keys, key_count)) {
    return PAYCRYPTO_INVALID_ARGUMENT;
  }
  return ToC(paycrypto::VerifyAny<kHash>(live.keys(), parts, tags, Optional(matched_key).get()));
}

}  // namespace

struct paycrypto_hmac_stream {
  paycrypto_hash hash;
  HmacSha256Stream sha256;  // only that of `hash` is begun
  HmacSha512Stream sha512;
};

namespace {

template <typename Visit>
Status WithStream(paycrypto_hmac_stream& stream, Visit visit) noexcept {
  return stream.hash == PAYCRYPTO_SHA256 ? visit(stream.sha256) : visit(stream.sha512);
}

template <Hash kHash>
Status FinishTo(paycrypto::HmacStream<kHash>& stream, std::uint8_t* out, std::size_t out_size) noexcept {
  HmacTag<kHash> tag;
  if (out_size != tag.size()) {
    return Status::kInvalidArgument;
  }
  const Status status = stream.Finish(&tag);
  if (status == Status::kOk) {
    std::copy(tag.begin(), tag.end(), out);
  }
  return status;
}

}  // namespace

paycrypto_status paycrypto_hmac_key_create(paycrypto_hash hash, paycrypto_bytes secret,
                                           paycrypto_hmac_key** key) noexcept {
  if (key == nullptr) {
    return PAYCRYPTO_INVALID_ARGUMENT;
  }
  *key = nullptr;
  ByteView secret_view;
  if ((hash != PAYCRYPTO_SHA256 && hash != PAYCRYPTO_SHA512) || !Read(secret, &secret_view)) {
    return PAYCRYPTO_INVALID_ARGUMENT;
  }
  auto* const made = new (std::nothrow) paycrypto_hmac_key{hash, {}, {}};
  if (made == nullptr) {
    return PAYCRYPTO_BACKEND_FAILURE;
  }
  const Status status = hash == PAYCRYPTO_SHA256 ? HmacSha256Key::Create(secret_view, &made->sha256)
                                                 : paycrypto::HmacSha512Key::Create(secret_view, &made->sha512);
  if (status != Status::kOk) {
    delete made;
    return ToC(status);
  }
  *key = made;
  return PAYCRYPTO_OK;
}

void paycrypto_hmac_key_destroy(paycrypto_hmac_key* key) noexcept { delete key; }

paycrypto_status paycrypto_hmac_sign(const paycrypto_hmac_key* key, const paycrypto_bytes* parts,
                                     std::size_t part_count, std::uint8_t* tag, std::size_t tag_size) noexcept {
  ViewList part_views;
  if (key == nullptr || tag == nullptr || !part_views.Read(parts, part_count)) {
    return PAYCRYPTO_INVALID_ARGUMENT;
  }
  return ToC(WithKey(
      *key, [&](const auto& hmac) noexcept { return SignTo(hmac, part_views.views(), tag, tag_size); }));
}

paycrypto_status paycrypto_hmac_verify(const paycrypto_hmac_key* key, const paycrypto_bytes* parts,
                                       std::size_t part_count, paycrypto_bytes tag) noexcept {
  return VerifyOne(key, parts, part_count, tag,
                   [](const auto& hmac, auto views, ByteView raw) noexcept { return hmac.Verify(views, raw); });
}

paycrypto_status paycrypto_hmac_verify_hex(const paycrypto_hmac_key* key, const paycrypto_bytes* parts,
                                           std::size_t part_count, paycrypto_bytes tag_hex) noexcept {
  return VerifyOne(key, parts, part_count, tag_hex,
                   [](const auto& hmac, auto views, ByteView hex) noexcept { return hmac.VerifyHex(views, hex); });
}

paycrypto_status paycrypto_hmac_verify_base64(const paycrypto_hmac_key* key, const paycrypto_bytes* parts,
                                              std::size_t part_count, paycrypto_bytes tag_base64) noexcept {
  return VerifyOne(key, parts, part_count, tag_base64, [](const auto& hmac, auto views, ByteView base64) noexcept {
    return hmac.VerifyBase64(views, base64);
  });
}

paycrypto_status paycrypto_hmac_verify_any(const paycrypto_hmac_key* const* keys, std::size_t key_count,
                                           const paycrypto_bytes* parts, std::size_t part_count,
                                           const paycrypto_bytes* tags, std::size_t tag_count,
                                           std::size_t* matched_key) noexcept {
  ViewList part_views;
  ViewList tag_views;
  if (!part_views.Read(parts, part_count) || !tag_views.Read(tags, tag_count)) {
    return PAYCRYPTO_INVALID_ARGUMENT;
  }
  if (key_count == 0) {
    return PAYCRYPTO_NO_MATCH;  // nothing says of which hash the tags are
  }
  return keys != nullptr && KeyOf<Hash::kSha512>(keys[0]) != nullptr
             ? VerifyAnyOf<Hash::kSha512>(keys, key_count, part_views.views(), tag_views.views(), matched_key)
             : VerifyAnyOf<Hash::kSha256>(keys, key_count, part_views.views(), tag_views.views(), matched_key);
}

paycrypto_status paycrypto_hmac_stream_begin(const paycrypto_hmac_key* key, paycrypto_hmac_stream** stream) noexcept {
  if (stream == nullptr) {
    return PAYCRYPTO_INVALID_ARGUMENT;
  }
  *stream = nullptr;
  if (key == nullptr) {
    return PAYCRYPTO_INVALID_ARGUMENT;
  }
  auto* const made = new (std::nothrow) paycrypto_hmac_stream{key->hash, {}, {}};
  if (made == nullptr) {
    return PAYCRYPTO_BACKEND_FAILURE;
  }
  const Status status = key->hash == PAYCRYPTO_SHA256 ? HmacSha256Stream::Begin(key->sha256, &made->sha256)
                                                      : HmacSha512Stream::Begin(key->sha512, &made->sha512);
  if (status != Status::kOk) {
    delete made;
    return ToC(status);
  }
  *stream = made;
  return PAYCRYPTO_OK;
}

paycrypto_status paycrypto_hmac_stream_update(paycrypto_hmac_stream* stream, paycrypto_bytes piece) noexcept {
  ByteView piece_view;
  if (stream == nullptr || !Read(piece, &piece_view)) {
    return PAYCRYPTO_INVALID_ARGUMENT;
  }
  return ToC(WithStream(*stream, [&](auto& hmac) noexcept { return hmac.Update(piece_view); }));
}

paycrypto_status paycrypto_hmac_stream_finish(paycrypto_hmac_stream* stream, std::uint8_t* tag,
                                              std::size_t tag_size) noexcept {
  if (stream == nullptr || tag == nullptr) {
    return PAYCRYPTO_INVALID_ARGUMENT;
  }
  return ToC(WithStream(*stream, [&](auto& hmac) noexcept { return FinishTo(hmac, tag, tag_size); }));
}

paycrypto_status paycrypto_hmac_stream_verify(paycrypto_hmac_stream* stream, paycrypto_bytes tag) noexcept {
  ByteView tag_view;
  if (stream == nullptr || !Read(tag, &tag_view)) {
    return PAYCRYPTO_INVALID_ARGUMENT;
  }
  return ToC(WithStream(*stream, [&](auto& hmac) noexcept { return hmac.Verify(tag_view); }));
}

void paycrypto_hmac_stream_destroy(paycrypto_hmac_stream* stream) noexcept { delete stream; }
