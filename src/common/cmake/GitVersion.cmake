# Run as a script at every build: writes what `git describe` says into OUTPUT, touching the file only when that changes.
execute_process(COMMAND git describe --always --dirty --tags --abbrev=12
  WORKING_DIRECTORY ${SOURCE_DIR} OUTPUT_VARIABLE version OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT version)
  set(version unknown)
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "#pragma once\n#define PALIMPSEST_GIT \"${version}\"\n" @ONLY)
