# SPDX-License-Identifier: MIT OR Apache-2.0
# aarch64 with glibc, with Debian's cross compiler.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_FIND_ROOT_PATH /usr/aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
# Runs what was built, with the C library of that root. Without it the tests are only built.
find_program(RENOIR_QEMU qemu-aarch64-static NO_CMAKE_FIND_ROOT_PATH)
if(RENOIR_QEMU)
    set(CMAKE_CROSSCOMPILING_EMULATOR "${RENOIR_QEMU}" -L /usr/aarch64-linux-gnu)
endif()
