# paycrypto_add_variant(NAME OPTIONS OPTION... [WITHOUT SOURCE]): the library's own sources again, as a static library
# that is compiled and linked with more options. What the shared one hides can be called.
function(paycrypto_add_variant name)
  cmake_parse_arguments(PARSE_ARGV 1 variant "" WITHOUT OPTIONS)
  get_target_property(sources paycrypto SOURCES)
  get_target_property(folder paycrypto SOURCE_DIR)
  get_target_property(libraries paycrypto LINK_LIBRARIES)
  list(REMOVE_ITEM sources "${variant_WITHOUT}")
  list(TRANSFORM sources PREPEND "${folder}/" REGEX "^src/")
  add_library(${name} STATIC EXCLUDE_FROM_ALL ${sources})
  target_include_directories(${name}
    PUBLIC "${folder}/include" "${folder}/src" PRIVATE $<TARGET_PROPERTY:paycrypto,INCLUDE_DIRECTORIES>)
  target_compile_definitions(${name} PRIVATE $<TARGET_PROPERTY:paycrypto,COMPILE_DEFINITIONS>)
  target_compile_options(${name} PRIVATE $<TARGET_PROPERTY:paycrypto,COMPILE_OPTIONS> PUBLIC ${variant_OPTIONS})
  target_link_options(${name} PUBLIC ${variant_OPTIONS})
  target_compile_features(${name} PUBLIC cxx_std_17)
  target_link_libraries(${name} PRIVATE ${libraries})
  set_target_properties(${name} PROPERTIES CXX_EXTENSIONS OFF)
endfunction()
