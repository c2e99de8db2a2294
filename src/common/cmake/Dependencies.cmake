# Every third-party library the project links, each found once and given a target of one form.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json 3.10 REQUIRED)
find_package(CLI11 REQUIRED)

# SystemC: a CMake package where a newer one is installed, else Debian's libsystemc-dev through pkg-config.
add_library(palimpsest_systemc INTERFACE)
find_package(SystemCLanguage CONFIG QUIET)
if(SystemCLanguage_FOUND)
  target_link_libraries(palimpsest_systemc INTERFACE SystemC::systemc)
else()
  pkg_check_modules(SYSTEMC REQUIRED IMPORTED_TARGET systemc)
  target_link_libraries(palimpsest_systemc INTERFACE PkgConfig::SYSTEMC)
  # Debian builds the library as C++17 and it checks at link time that its users did too.
  target_compile_definitions(palimpsest_systemc INTERFACE SC_CPLUSPLUS=201703L)
endif()
target_compile_definitions(palimpsest_systemc INTERFACE SC_INCLUDE_DYNAMIC_PROCESSES)
# The library comes after hardware/sc_main.cpp on the command line, so the linker has to be told that it will be wanted.
target_link_options(palimpsest_systemc INTERFACE LINKER:--undefined=sc_main)

function(palimpsest_pkgconfig name module)
  pkg_check_modules(${module} REQUIRED IMPORTED_TARGET ${module})
  add_library(${name} INTERFACE)
  target_link_libraries(${name} INTERFACE PkgConfig::${module})
endfunction()
palimpsest_pkgconfig(palimpsest_zstd libzstd)
palimpsest_pkgconfig(palimpsest_zlib zlib)
target_compile_definitions(palimpsest_zlib INTERFACE ZLIB_CONST)  # input that zlib only reads is const
palimpsest_pkgconfig(palimpsest_xxhash libxxhash)
palimpsest_pkgconfig(palimpsest_blas openblas)
palimpsest_pkgconfig(palimpsest_utf8proc libutf8proc)

# valijson is header-only and ships neither a CMake package nor a pkg-config file in Debian 12.
find_path(VALIJSON_INCLUDE_DIR valijson/validator.hpp REQUIRED)
add_library(palimpsest_valijson INTERFACE)
target_include_directories(palimpsest_valijson SYSTEM INTERFACE ${VALIJSON_INCLUDE_DIR})
