#include "answer.h"

#include <strings.h>

#include <cstdlib>
#include <cstring>
#include <string_view>

namespace {

constexpr std::string_view kVersion = "HTTP/1.1 ";

bool IsField(std::string_view line, std::string_view name) {
  return line.size() > name.size() && strncasecmp(line.data(), name.data(), name.size()) == 0;
}

}  // namespace

Answer::State Answer::Take(std::size_t count) {
  have_ += count;
  const std::size_t end = std::string_view(bytes_.data(), have_).find("\r\n\r\n");
  if (end != std::string_view::npos) return ReadHead(end + 4);
  return free_bytes() == 0 ? State::kMalformed : State::kIncomplete;
}

Answer::State Answer::ReadHead(std::size_t head_bytes) {
  std::string_view head(bytes_.data(), head_bytes);
  if (head.substr(0, kVersion.size()) != kVersion) return State::kMalformed;
  status_ = std::atoi(head.data() + kVersion.size());
  closes_ = false;
  long body_bytes = -1;
  for (std::size_t line_end = head.find("\r\n"); line_end != 0; line_end = head.find("\r\n")) {
    const std::string_view line = head.substr(0, line_end);
    if (IsField(line, "content-length:")) body_bytes = std::atol(line.data() + std::strlen("content-length:"));
    if (IsField(line, "connection:")) closes_ = line.find("close") != std::string_view::npos;
    head.remove_prefix(line_end + 2);
  }
  if (status_ < 100 || body_bytes < 0) return State::kMalformed;
  const std::size_t whole = head_bytes + static_cast<std::size_t>(body_bytes);
  if (have_ == whole) return State::kComplete;
  return have_ > whole || whole > bytes_.size() ? State::kMalformed : State::kIncomplete;
}
