# SPDX-License-Identifier: MIT OR Apache-2.0
# Run after a test executable is linked: writes its tests to OUTPUT in CTest's language.

execute_process(
    COMMAND ${EMULATOR} "${EXECUTABLE}" --ctest ${EMULATOR} "${EXECUTABLE}"
    OUTPUT_VARIABLE tests
    RESULT_VARIABLE result)
if(NOT result EQUAL 0)
    message(FATAL_ERROR "${EXECUTABLE} --ctest failed: ${result}")
endif()
file(WRITE "${OUTPUT}" "${tests}")
