# What `cmake --install` puts where: the library with its symbolic links, the headers, and what find_package and
# pkg-config read. All of it may be moved afterwards: no file holds the prefix.

include(CMakePackageConfigHelpers)

if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}" OR IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
  message(FATAL_ERROR "CMAKE_INSTALL_LIBDIR and CMAKE_INSTALL_INCLUDEDIR must be relative to the prefix")
endif()

set_target_properties(paycrypto PROPERTIES VERSION "${PROJECT_VERSION}")
install(TARGETS paycrypto EXPORT paycryptoTargets)
install(DIRECTORY include/ DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")

set(paycrypto_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/paycrypto")
install(EXPORT paycryptoTargets NAMESPACE paycrypto:: DESTINATION "${paycrypto_package_dir}")
configure_package_config_file(cmake/paycryptoConfig.cmake.in paycryptoConfig.cmake
  INSTALL_DESTINATION "${paycrypto_package_dir}" NO_SET_AND_CHECK_MACRO)
# Before 1.0 a new minor version may change the C++ interface.
write_basic_package_version_file(paycryptoConfigVersion.cmake COMPATIBILITY SameMinorVersion)

set(paycrypto_pkgconfig_dir "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
# pkg-config knows where the file lies, and the way from there does not change with the prefix.
file(RELATIVE_PATH paycrypto_pc_prefix "/prefix/${paycrypto_pkgconfig_dir}" "/prefix")
string(REGEX REPLACE "/$" "" paycrypto_pc_prefix "${paycrypto_pc_prefix}")
configure_file(cmake/paycrypto.pc.in paycrypto.pc @ONLY)

install(FILES "${CMAKE_CURRENT_BINARY_DIR}/paycryptoConfig.cmake"
              "${CMAKE_CURRENT_BINARY_DIR}/paycryptoConfigVersion.cmake"
  DESTINATION "${paycrypto_package_dir}")
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/paycrypto.pc" DESTINATION "${paycrypto_pkgconfig_dir}")
