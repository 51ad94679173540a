# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Writes OUTPUT with the commit of SOURCE, only where it changed (so that nothing is built anew).

cmake_minimum_required(VERSION 3.25)
set(commit "unknown")
find_program(GIT git)
if(GIT)
    execute_process(
        COMMAND "${GIT}" -C "${SOURCE}" describe --always --dirty --abbrev=12
        OUTPUT_VARIABLE described RESULT_VARIABLE result
        OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    if(result EQUAL 0)
        set(commit "${described}")
    endif()
endif()
file(CONFIGURE OUTPUT "${OUTPUT}" CONTENT "// SPDX-License-Identifier: MIT OR Apache-2.0
#define BENCH_COMMIT \"@commit@\"
" @ONLY)
