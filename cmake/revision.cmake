# Configures IN to OUT with the source's revision; CMake leaves OUT untouched when nothing changed.
find_program(GIT git)
set(revision "unknown")
if(GIT)
  execute_process(
    COMMAND ${GIT} -C ${SOURCE} describe --always --dirty --abbrev=12
    OUTPUT_VARIABLE described
    OUTPUT_STRIP_TRAILING_WHITESPACE
    ERROR_QUIET
    RESULT_VARIABLE result)
  if(result EQUAL 0)
    set(revision "${described}")
  endif()
endif()
configure_file(${IN} ${OUT} @ONLY)
