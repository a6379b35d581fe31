#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace paycrypto {

// Bytes owned by someone else. An empty view may have a null pointer.
struct ByteView {
  const std::uint8_t* data = nullptr;
  std::size_t size = 0;

  constexpr ByteView() noexcept = default;
  constexpr ByteView(const std::uint8_t* bytes, std::size_t count) noexcept : data(bytes), size(count) {}
  // Text as it stands: a literal, a std::string, a std::string_view.
  template <typename Text, typename = std::enable_if_t<std::is_convertible_v<const Text&, std::string_view>>>
  ByteView(const Text& text) noexcept {
    const std::string_view view = text;
    data = reinterpret_cast<const std::uint8_t*>(view.data());
    size = view.size();
  }
};

// A sequence of views owned by someone else: the parts of one message, or several candidates.
struct ByteViews {
  const ByteView* data = nullptr;
  std::size_t size = 0;
};

}  // namespace paycrypto
