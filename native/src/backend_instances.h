#pragma once

// What each backend instantiates, inside its namespace, for both hashes.
#define PAYCRYPTO_INSTANTIATE_BACKEND(kHash)                                                               \
  template struct HmacStateDeleter<kHash>;                                                                 \
  template HmacStatePointer<kHash> NewHmacState<kHash>(const Block<kHash>&, const Block<kHash>&) noexcept; \
  template HmacStatePointer<kHash> CopyHmacState<kHash>(const HmacState<kHash>&) noexcept;                 \
  template Status UpdateHmac<kHash>(HmacState<kHash>*, ByteView) noexcept;                                 \
  template Status FinishHmac<kHash>(HmacState<kHash>*, HmacTag<kHash>*) noexcept;                          \
  template Status ComputeHmac<kHash>(const HmacState<kHash>&, ByteViews, HmacTag<kHash>*) noexcept;        \
  template Status ComputeHash<kHash>(ByteViews, std::uint8_t*) noexcept
