# SPDX-License-Identifier: MIT OR Apache-2.0
# x86_64 with musl, through Debian's musl-gcc. Its programs run on the building machine.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_C_COMPILER musl-gcc)
