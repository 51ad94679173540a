# SPDX-License-Identifier: MIT OR Apache-2.0
# armv7 (hard float) with glibc, with Debian's cross compiler.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR armv7l)
set(CMAKE_C_COMPILER arm-linux-gnueabihf-gcc)
set(CMAKE_FIND_ROOT_PATH /usr/arm-linux-gnueabihf)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(CMAKE_C_FLAGS_INIT "-march=armv7-a -mfpu=vfpv3-d16")
# Runs what was built, with the C library of that root. Without it the tests are only built.
find_program(RENOIR_QEMU qemu-arm-static NO_CMAKE_FIND_ROOT_PATH)
if(RENOIR_QEMU)
    # -B: the guest's address 0 lies at a multiple of 4 GiB. Elsewhere the address that comes with
    # SIGBUS is wrong: qemu gives the guest the lower half of its own.
    set(CMAKE_CROSSCOMPILING_EMULATOR "${RENOIR_QEMU}" -B 0x100000000 -L /usr/arm-linux-gnueabihf)
endif()
