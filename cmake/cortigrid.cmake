# Flags shared by every target, and the functions that declare modules and tests.

find_package(PkgConfig REQUIRED)

add_library(cg_flags INTERFACE)
target_include_directories(cg_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(
  cg_flags
  INTERFACE -Wall
            -Wextra
            -Wpedantic
            -Wconversion
            -Wshadow
            -Wstrict-prototypes
            -Wmissing-prototypes
            -Wvla
            -Wdouble-promotion
            # One rounding per operation, on every compiler: results are compared to the bit.
            -ffp-contract=off
            # SimGrid unwinds C frames when it kills an actor.
            -fasynchronous-unwind-tables
            -fno-omit-frame-pointer)
if(CORTIGRID_WERROR)
  target_compile_options(cg_flags INTERFACE -Werror)
endif()
if(CORTIGRID_SANITIZE)
  target_compile_options(cg_flags INTERFACE -fsanitize=${CORTIGRID_SANITIZE}
                                            -fno-sanitize-recover=all)
  target_link_options(cg_flags INTERFACE -fsanitize=${CORTIGRID_SANITIZE})
endif()
if(CORTIGRID_BUGS)
  target_compile_definitions(cg_flags INTERFACE CORTIGRID_BUGS)
endif()
if(CORTIGRID_FUZZ)
  target_compile_options(cg_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# cg_module(NAME SOURCES a.c b.c [DEPENDS cg_base ...]): one static library a module.
function(cg_module name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC cg_flags ${ARG_DEPENDS})
endfunction()

# cg_test(KIND NAME [DEPENDS cg_index ...] [LABELS simgrid]): tests/KIND/NAME.c, a cmocka program, run by
# ctest as KIND/NAME. The label simgrid keeps a test that runs SimGrid out of the sanitised build.
function(cg_test kind name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LABELS" ${ARGN})
  add_executable(${name} ${PROJECT_SOURCE_DIR}/tests/${kind}/${name}.c)
  target_link_libraries(${name} PRIVATE cg_flags cg_test_support ${ARG_DEPENDS})
  add_test(NAME ${kind}/${name} COMMAND ${name} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set(labels ${kind} ${ARG_LABELS})
  set_tests_properties(${kind}/${name} PROPERTIES LABELS "${labels}" TIMEOUT 600)
endfunction()

# cg_fuzz(NAME [DEPENDS ...]): tests/fuzz/NAME.c defines LLVMFuzzerTestOneInput. With CORTIGRID_FUZZ it
# becomes a libFuzzer program; otherwise a test that replays the seeds in tests/fuzz/seeds/NAME.
function(cg_fuzz name)
  cmake_parse_arguments(ARG "" "" "DEPENDS" ${ARGN})
  if(CORTIGRID_FUZZ)
    add_executable(${name} ${PROJECT_SOURCE_DIR}/tests/fuzz/${name}.c)
    target_link_libraries(${name} PRIVATE cg_flags ${ARG_DEPENDS})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(${name} ${PROJECT_SOURCE_DIR}/tests/fuzz/${name}.c
                           ${PROJECT_SOURCE_DIR}/tests/fuzz/replay.c)
    target_link_libraries(${name} PRIVATE cg_flags ${ARG_DEPENDS})
    add_test(NAME fuzz/${name} COMMAND ${name} tests/fuzz/seeds/${name}
             WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set_tests_properties(fuzz/${name} PROPERTIES LABELS fuzz TIMEOUT 300)
  endif()
endfunction()
