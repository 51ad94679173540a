# SPDX-License-Identifier: MIT OR Apache-2.0
# x86_64 with musl, through Debian's musl-gcc.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_C_COMPILER musl-gcc)
# The building machine runs these programs, if it is an x86_64 itself.
if(CMAKE_HOST_SYSTEM_PROCESSOR STREQUAL "x86_64")
    set(RENOIR_RUNS_HERE TRUE)
endif()
