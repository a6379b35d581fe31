# Cross-compiles with Debian's compiler, against Debian's packages for the other architecture unpacked in a folder:
#   cmake -S native -B build/arm64 -DCMAKE_TOOLCHAIN_FILE=native/cmake/DebianCross.cmake
#     -DPAYCRYPTO_CROSS_TRIPLET=aarch64-linux-gnu -DPAYCRYPTO_CROSS_ROOT=FOLDER
# Where qemu-user is installed and the folder holds a C library too, ctest runs the tests.

list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES PAYCRYPTO_CROSS_TRIPLET PAYCRYPTO_CROSS_ROOT)
if(NOT PAYCRYPTO_CROSS_TRIPLET MATCHES "^([a-z0-9_]+)-linux-gnu$" OR NOT IS_DIRECTORY "${PAYCRYPTO_CROSS_ROOT}")
  message(FATAL_ERROR "Set PAYCRYPTO_CROSS_TRIPLET, as aarch64-linux-gnu, and PAYCRYPTO_CROSS_ROOT, a folder")
endif()

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR "${CMAKE_MATCH_1}")
set(CMAKE_LIBRARY_ARCHITECTURE "${PAYCRYPTO_CROSS_TRIPLET}")
set(CMAKE_C_COMPILER "${PAYCRYPTO_CROSS_TRIPLET}-gcc")
set(CMAKE_CXX_COMPILER "${PAYCRYPTO_CROSS_TRIPLET}-g++")

# The compiler brings its own C library, so the folder is where to look for packages and no sysroot.
set(CMAKE_FIND_ROOT_PATH "${PAYCRYPTO_CROSS_ROOT}")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
# Where Debian keeps headers that differ between architectures, such as openssl/configuration.h.
set(multiarch_include "-isystem ${PAYCRYPTO_CROSS_ROOT}/usr/include/${PAYCRYPTO_CROSS_TRIPLET}")
set(CMAKE_C_FLAGS_INIT "${multiarch_include}")
set(CMAKE_CXX_FLAGS_INIT "${multiarch_include}")

# Where the linker finds what a library that it links needs in turn.
set(CMAKE_EXE_LINKER_FLAGS_INIT "-Wl,-rpath-link,\
${PAYCRYPTO_CROSS_ROOT}/usr/lib/${PAYCRYPTO_CROSS_TRIPLET}:${PAYCRYPTO_CROSS_ROOT}/lib/${PAYCRYPTO_CROSS_TRIPLET}")

find_program(PAYCRYPTO_CROSS_EMULATOR NAMES "qemu-${CMAKE_SYSTEM_PROCESSOR}" "qemu-${CMAKE_SYSTEM_PROCESSOR}-static")
if(PAYCRYPTO_CROSS_EMULATOR)
  set(CMAKE_CROSSCOMPILING_EMULATOR "${PAYCRYPTO_CROSS_EMULATOR};-L;${PAYCRYPTO_CROSS_ROOT}")
endif()
