# SPDX-License-Identifier: MIT OR Apache-2.0
#
#     renoir_add_tests(<target> <source>...)
#
# An executable that is linked with the test runner, and a CTest test for each TEST in it. CTest
# reads the names and labels from the executable itself when it is built. What was compiled for
# another processor runs under CMAKE_CROSSCOMPILING_EMULATOR, or is only built where there is none
# (and the toolchain does not say that this machine runs it: RENOIR_RUNS_HERE).

set(RENOIR_EMULATOR)
if(CMAKE_CROSSCOMPILING)
    set(RENOIR_EMULATOR ${CMAKE_CROSSCOMPILING_EMULATOR})
endif()

function(renoir_add_tests target)
    add_executable(${target} ${ARGN})
    renoir_flags(${target})
    set_target_properties(${target} PROPERTIES
        INTERPROCEDURAL_OPTIMIZATION OFF
        RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests/bin")
    target_link_libraries(${target} PRIVATE renoir_test_harness)
    if(CMAKE_CROSSCOMPILING AND NOT RENOIR_EMULATOR AND NOT RENOIR_RUNS_HERE)
        return()
    endif()

    set(list "${CMAKE_CURRENT_BINARY_DIR}/${target}_tests.cmake")
    set(include "${CMAKE_CURRENT_BINARY_DIR}/${target}_include.cmake")
    add_custom_command(TARGET ${target} POST_BUILD
        COMMAND "${CMAKE_COMMAND}"
            "-DEXECUTABLE=$<TARGET_FILE:${target}>"
            "-DEMULATOR=${RENOIR_EMULATOR}"
            "-DOUTPUT=${list}"
            -P "${PROJECT_SOURCE_DIR}/cmake/RenoirListTests.cmake"
        BYPRODUCTS "${list}"
        VERBATIM)
    # An executable that was not built shows up as a failing test, not as none.
    file(WRITE "${include}"
        "if(EXISTS \"${list}\")\n"
        "    include(\"${list}\")\n"
        "else()\n"
        "    add_test(${target}_NOT_BUILT ${target}_NOT_BUILT)\n"
        "endif()\n")
    set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES "${include}")
endfunction()
