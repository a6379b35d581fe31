# Whether batches are hashed several messages at once: sets paycrypto_batch to ipsec_mb or scalar, and with the former
# PAYCRYPTO_IPSEC_MB_INCLUDE_DIR and PAYCRYPTO_IPSEC_MB_LIBRARY. Needs paycrypto_backend.

set(PAYCRYPTO_IPSEC_MB "auto" CACHE STRING
    "Hash batches with libipsec-mb (x86-64, with the low-level backend): on, off, or auto, where it is installed")
set_property(CACHE PAYCRYPTO_IPSEC_MB PROPERTY STRINGS auto on off)
if(NOT PAYCRYPTO_IPSEC_MB MATCHES "^(auto|on|off)$")
  message(FATAL_ERROR "PAYCRYPTO_IPSEC_MB must be auto, on or off, not '${PAYCRYPTO_IPSEC_MB}'")
endif()

set(paycrypto_batch scalar)
if(PAYCRYPTO_IPSEC_MB STREQUAL "off")
  return()
endif()
if(NOT paycrypto_backend STREQUAL "lowlevel")
  if(PAYCRYPTO_IPSEC_MB STREQUAL "on")
    message(FATAL_ERROR "PAYCRYPTO_IPSEC_MB=on needs PAYCRYPTO_BACKEND=lowlevel: libipsec-mb starts from its states")
  endif()
  return()
endif()

include(CheckCXXSourceCompiles)
find_path(PAYCRYPTO_IPSEC_MB_INCLUDE_DIR intel-ipsec-mb.h)
find_library(PAYCRYPTO_IPSEC_MB_LIBRARY IPSec_MB)
mark_as_advanced(PAYCRYPTO_IPSEC_MB_INCLUDE_DIR PAYCRYPTO_IPSEC_MB_LIBRARY)
if(PAYCRYPTO_IPSEC_MB_INCLUDE_DIR AND PAYCRYPTO_IPSEC_MB_LIBRARY)
  set(CMAKE_REQUIRED_INCLUDES "${PAYCRYPTO_IPSEC_MB_INCLUDE_DIR}")
  set(CMAKE_REQUIRED_LIBRARIES "${PAYCRYPTO_IPSEC_MB_LIBRARY}")
  # Linked, since the library of another processor's architecture is found too when cross-compiling.
  check_cxx_source_compiles([[
    #define NO_COMPAT_IMB_API_053
    #include <intel-ipsec-mb.h>
    #if IMB_VERSION_NUM < IMB_VERSION(1, 3, 0)
    #error too old
    #endif
    int main() { free_mb_mgr(alloc_mb_mgr(0)); }
  ]] PAYCRYPTO_IPSEC_MB_USABLE)
  unset(CMAKE_REQUIRED_INCLUDES)
  unset(CMAKE_REQUIRED_LIBRARIES)
endif()
if(PAYCRYPTO_IPSEC_MB_USABLE)
  set(paycrypto_batch ipsec_mb)
elseif(PAYCRYPTO_IPSEC_MB STREQUAL "on")
  message(FATAL_ERROR
    "PAYCRYPTO_IPSEC_MB=on needs libipsec-mb 1.3 or newer for the processor that is built for, and found none.\n"
    "  Debian or Ubuntu: apt-get install libipsec-mb-dev")
endif()
