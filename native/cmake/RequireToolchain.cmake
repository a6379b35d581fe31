# Stops with the packages to install when something the build needs is missing.
# Included after project(), which must not enable CXX itself: CMake's own message would name no package.

set(paycrypto_packages_hint
    "Debian or Ubuntu: apt-get install g++ libssl-dev zlib1g-dev\n  macOS: xcode-select --install && brew install openssl@3")

include(CheckLanguage)
check_language(CXX)
if(NOT CMAKE_CXX_COMPILER)
  message(FATAL_ERROR "paycrypto needs a C++17 compiler and found none.\n  ${paycrypto_packages_hint}")
endif()
enable_language(CXX)

# Homebrew keeps OpenSSL out of the default search path.
if(APPLE AND NOT OPENSSL_ROOT_DIR AND NOT DEFINED ENV{OPENSSL_ROOT_DIR})
  find_program(PAYCRYPTO_BREW brew)
  if(PAYCRYPTO_BREW)
    execute_process(
      COMMAND "${PAYCRYPTO_BREW}" --prefix openssl@3
      OUTPUT_VARIABLE OPENSSL_ROOT_DIR
      OUTPUT_STRIP_TRAILING_WHITESPACE
      ERROR_QUIET)
  endif()
endif()

find_package(OpenSSL 3.0 QUIET COMPONENTS Crypto)
if(NOT OpenSSL_FOUND)
  message(FATAL_ERROR
    "paycrypto needs the headers and library of OpenSSL 3.0 or newer and found none.\n  ${paycrypto_packages_hint}")
endif()

find_package(ZLIB QUIET)
if(NOT ZLIB_FOUND)
  message(FATAL_ERROR "paycrypto needs the headers and library of zlib and found none.\n  ${paycrypto_packages_hint}")
endif()
