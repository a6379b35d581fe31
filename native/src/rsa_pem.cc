#include "rsa_pem.h"

#include <cstring>
#include <new>

#include "header_text.h"
#include "paycrypto/base64.h"

namespace paycrypto::internal {
namespace {

constexpr bool IsSpace(std::uint8_t character) noexcept {
  return character == ' ' || character == '\t' || character == '\r' || character == '\n';
}

ByteView Trim(ByteView text) noexcept {
  while (text.size > 0 && IsSpace(text.data[0])) {
    text = ByteView(text.data + 1, text.size - 1);
  }
  while (text.size > 0 && IsSpace(text.data[text.size - 1])) {
    --text.size;
  }
  return text;
}

// Takes `begin` and `end` off the two ends of `text`. Returns whether both were there.
bool Unwrap(ByteView begin, ByteView end, ByteView* text) noexcept {
  if (text->size < begin.size + end.size || std::memcmp(text->data, begin.data, begin.size) != 0 ||
      std::memcmp(text->data + text->size - end.size, end.data, end.size) != 0) {
    return false;
  }
  *text = ByteView(text->data + begin.size, text->size - begin.size - end.size);
  return true;
}

bool TakeLine(ByteView* rest, ByteView* line) noexcept {
  const bool ended = Split('\n', rest, line);
  if (ended && line->size > 0 && line->data[line->size - 1] == '\r') {
    --line->size;
  }
  return ended;
}

// Joins the lines between the two boundaries. `joined` has room for all of `body`.
bool JoinLines(ByteView body, std::uint8_t* joined, std::size_t* joined_size) noexcept {
  ByteView line;
  if (!TakeLine(&body, &line) || line.size > 0) {  // the end of the first boundary's own line
    return false;
  }
  *joined_size = 0;
  while (body.size > 0) {
    if (!TakeLine(&body, &line) || line.size == 0) {
      return false;
    }
    std::memcpy(joined + *joined_size, line.data, line.size);
    *joined_size += line.size;
  }
  return true;
}

}  // namespace

Status DecodePem(ByteView text, PemBlock* block) noexcept {
  text = Trim(text);
  if (Unwrap("-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----", &text)) {
    block->is_certificate = false;
  } else if (Unwrap("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----", &text)) {
    block->is_certificate = true;
  } else {
    return Status::kMalformed;
  }
  const std::unique_ptr<std::uint8_t[]> joined(new (std::nothrow) std::uint8_t[text.size]);
  if (joined == nullptr) {
    return Status::kBackendFailure;
  }
  std::size_t joined_size = 0;
  if (!JoinLines(text, joined.get(), &joined_size)) {
    return Status::kMalformed;
  }
  const ByteView base64(joined.get(), joined_size);
  if (const Status status = DecodedBase64Size(base64, &block->der_size); status != Status::kOk) {
    return status;
  }
  block->der.reset(new (std::nothrow) std::uint8_t[block->der_size]);
  if (block->der == nullptr) {
    return Status::kBackendFailure;
  }
  return DecodeBase64(base64, block->der.get(), block->der_size);
}

}  // namespace paycrypto::internal
