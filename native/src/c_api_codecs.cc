#include <algorithm>

#include "c_api.h"
#include "paycrypto/base64.h"
#include "paycrypto/constant_time.h"
#include "paycrypto/hex.h"
#include "paycrypto/sha256.h"
#include "paycrypto/sha512.h"
#include "paycrypto/token.h"
#include "paycrypto/version.h"

namespace {

using paycrypto::ByteView;
using paycrypto::Status;
using paycrypto::internal::Optional;
using paycrypto::internal::Read;
using paycrypto::internal::ToC;
using paycrypto::internal::ViewList;

constexpr bool SameValue(paycrypto_status c, Status cpp) noexcept { return c == ToC(cpp); }
static_assert(SameValue(PAYCRYPTO_OK, Status::kOk) && SameValue(PAYCRYPTO_MALFORMED, Status::kMalformed) &&
              SameValue(PAYCRYPTO_NO_MATCH, Status::kNoMatch) &&
              SameValue(PAYCRYPTO_OUTSIDE_WINDOW, Status::kOutsideWindow) &&
              SameValue(PAYCRYPTO_INVALID_ARGUMENT, Status::kInvalidArgument) &&
              SameValue(PAYCRYPTO_BACKEND_FAILURE, Status::kBackendFailure));
static_assert(PAYCRYPTO_SECRET_SIZE_MAX == paycrypto::kSecretBytesMax);
static_assert(PAYCRYPTO_SHA256_SIZE == paycrypto::kSha256Bytes && PAYCRYPTO_SHA512_SIZE == paycrypto::kSha512Bytes);
static_assert(PAYCRYPTO_BASE64_SIZE(32) == paycrypto::Base64Size(32) + 1);

template <typename Digest, typename Compute>
Status DigestTo(Compute compute, paycrypto::ByteViews parts, std::uint8_t* out, std::size_t out_size) noexcept {
  Digest digest;
  if (out_size != digest.size()) {
    return Status::kInvalidArgument;
  }
  const Status status = compute(parts, &digest);
  if (status == Status::kOk) {
    std::copy(digest.begin(), digest.end(), out);
  }
  return status;
}

template <typename Decode>
paycrypto_status DecodeTo(Decode decode, paycrypto_bytes text, std::uint8_t* out, std::size_t out_size) noexcept {
  ByteView view;
  if (!Read(text, &view) || (out == nullptr && out_size > 0)) {
    return PAYCRYPTO_INVALID_ARGUMENT;
  }
  return ToC(decode(view, out, out_size));
}

}  // namespace

const char* paycrypto_version(void) noexcept { return paycrypto::LibraryVersion(); }

const char* paycrypto_backend(void) noexcept { return paycrypto::BackendName(); }

const char* paycrypto_libcrypto_version(void) noexcept { return paycrypto::LibcryptoVersion(); }

const char* paycrypto_status_name(paycrypto_status status) noexcept {
  switch (status) {
    case PAYCRYPTO_OK:
      return "ok";
    case PAYCRYPTO_MALFORMED:
      return "malformed";
    case PAYCRYPTO_NO_MATCH:
      return "no_match";
    case PAYCRYPTO_OUTSIDE_WINDOW:
      return "outside_window";
    case PAYCRYPTO_INVALID_ARGUMENT:
      return "invalid_argument";
    case PAYCRYPTO_BACKEND_FAILURE:
      return "backend_failure";
  }
  return "unknown";
}

paycrypto_status paycrypto_digest(paycrypto_hash hash, const paycrypto_bytes* parts, std::size_t part_count,
                                  std::uint8_t* digest, std::size_t digest_size) noexcept {
  ViewList views;
  if (digest == nullptr || !views.Read(parts, part_count)) {
    return PAYCRYPTO_INVALID_ARGUMENT;
  }
  switch (hash) {
    case PAYCRYPTO_SHA256:
      return ToC(DigestTo<paycrypto::Sha256Digest>(paycrypto::Sha256, views.views(), digest, digest_size));
    case PAYCRYPTO_SHA512:
      return ToC(DigestTo<paycrypto::Sha512Digest>(paycrypto::Sha512, views.views(), digest, digest_size));
  }
  return PAYCRYPTO_INVALID_ARGUMENT;
}

paycrypto_status paycrypto_verify_sha512_concat(const paycrypto_bytes* parts, std::size_t part_count,
                                                paycrypto_bytes expected_hex) noexcept {
  ViewList views;
  ByteView hex;
  if (!views.Read(parts, part_count) || !Read(expected_hex, &hex)) {
    return PAYCRYPTO_INVALID_ARGUMENT;
  }
  return ToC(paycrypto::VerifySha512Concat(views.views(), hex));
}

paycrypto_status paycrypto_equal(paycrypto_bytes left, paycrypto_bytes right) noexcept {
  ByteView left_view;
  ByteView right_view;
  if (!Read(left, &left_view) || !Read(right, &right_view)) {
    return PAYCRYPTO_INVALID_ARGUMENT;
  }
  return paycrypto::Equal(left_view, right_view) ? PAYCRYPTO_OK : PAYCRYPTO_NO_MATCH;
}

paycrypto_status paycrypto_verify_token(paycrypto_bytes received, const paycrypto_bytes* expected,
                                        std::size_t expected_count, std::size_t* matched) noexcept {
  ByteView received_view;
  ViewList views;
  if (!Read(received, &received_view) || !views.Read(expected, expected_count)) {
    return PAYCRYPTO_INVALID_ARGUMENT;
  }
  return ToC(paycrypto::VerifyToken(received_view, views.views(), Optional(matched).get()));
}

paycrypto_status paycrypto_hex_decode(paycrypto_bytes hex, std::uint8_t* out, std::size_t out_size) noexcept {
  return DecodeTo(paycrypto::DecodeHex, hex, out, out_size);
}

paycrypto_status paycrypto_base64_decode(paycrypto_bytes base64, std::uint8_t* out, std::size_t out_size) noexcept {
  return DecodeTo(paycrypto::DecodeBase64, base64, out, out_size);
}

paycrypto_status paycrypto_base64_decoded_size(paycrypto_bytes base64, std::size_t* size) noexcept {
  ByteView view;
  if (size == nullptr || !Read(base64, &view)) {
    return PAYCRYPTO_INVALID_ARGUMENT;
  }
  return ToC(paycrypto::DecodedBase64Size(view, size));
}

paycrypto_status paycrypto_hex_encode(paycrypto_bytes bytes, char* text, std::size_t text_size) noexcept {
  ByteView view;
  if (!Read(bytes, &view) || text == nullptr || text_size < PAYCRYPTO_HEX_SIZE(view.size)) {
    return PAYCRYPTO_INVALID_ARGUMENT;
  }
  paycrypto::EncodeHex(view, text);
  text[PAYCRYPTO_HEX_SIZE(view.size) - 1] = '\0';
  return PAYCRYPTO_OK;
}

paycrypto_status paycrypto_base64_encode(paycrypto_bytes bytes, char* text, std::size_t text_size) noexcept {
  ByteView view;
  if (!Read(bytes, &view) || text == nullptr || text_size < PAYCRYPTO_BASE64_SIZE(view.size)) {
    return PAYCRYPTO_INVALID_ARGUMENT;
  }
  paycrypto::EncodeBase64(view, text);
  text[PAYCRYPTO_BASE64_SIZE(view.size) - 1] = '\0';
  return PAYCRYPTO_OK;
}
