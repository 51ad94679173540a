# SPDX-License-Identifier: MIT OR Apache-2.0
#
# The compiler flags of everything in this repository. Each target asks for them:
#
#     renoir_flags(<target>)

include(CheckCCompilerFlag)
include(CheckLinkerFlag)
include(CheckIPOSupported)
include(CheckPIESupported)

set(RENOIR_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wundef -Wvla -Wcast-qual)
set(RENOIR_WARNINGS_C ${RENOIR_WARNINGS} -Wstrict-prototypes -Wmissing-prototypes)

set(RENOIR_HARDENING_COMPILE)
set(RENOIR_HARDENING_LINK)

# Adds a flag to `list` if the compiler takes it for this processor.
function(renoir_offer list flag)
    string(MAKE_C_IDENTIFIER "RENOIR_HAS${flag}" has)
    set(CMAKE_REQUIRED_FLAGS "-Werror")
    check_c_compiler_flag("${flag}" ${has})
    if(${has})
        set(${list} ${${list}} "${flag}" PARENT_SCOPE)
    endif()
endfunction()

function(renoir_offer_link flag)
    string(MAKE_C_IDENTIFIER "RENOIR_LINKS${flag}" has)
    check_linker_flag(C "${flag}" ${has})
    if(${has})
        set(RENOIR_HARDENING_LINK ${RENOIR_HARDENING_LINK} "${flag}" PARENT_SCOPE)
    endif()
endfunction()

if(RENOIR_HARDENING)
    renoir_offer(RENOIR_HARDENING_COMPILE -fstack-protector-strong)
    renoir_offer(RENOIR_HARDENING_COMPILE -fstack-clash-protection)
    renoir_offer(RENOIR_HARDENING_COMPILE -fcf-protection=full)             # x86
    renoir_offer(RENOIR_HARDENING_COMPILE -mbranch-protection=standard)     # aarch64
    # Fortify needs an optimiser, and checks what the sanitizers check better.
    if(NOT RENOIR_SANITIZE AND NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
        list(APPEND RENOIR_HARDENING_COMPILE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
    endif()
    renoir_offer_link(-Wl,-z,relro)
    renoir_offer_link(-Wl,-z,now)
    renoir_offer_link(-Wl,-z,noexecstack)
endif()

check_pie_supported()
check_ipo_supported(RESULT RENOIR_IPO_SUPPORTED OUTPUT RENOIR_IPO_REASON LANGUAGES C)
set(RENOIR_LTO OFF)
if(RENOIR_IPO_SUPPORTED AND CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT RENOIR_SANITIZE)
    set(RENOIR_LTO ON)
endif()

set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
# One place for all programs, so that each finds the others beside it.
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")

function(renoir_flags target)
    target_compile_options(${target} PRIVATE
        $<$<COMPILE_LANGUAGE:C>:${RENOIR_WARNINGS_C}>
        $<$<COMPILE_LANGUAGE:CXX>:${RENOIR_WARNINGS}>
        ${RENOIR_HARDENING_COMPILE})
    # _GNU_SOURCE: OFD locks, memfd, O_TMPFILE. File offsets have 64 bits on every processor.
    target_compile_definitions(${target} PRIVATE _GNU_SOURCE _FILE_OFFSET_BITS=64)
    target_link_options(${target} PRIVATE ${RENOIR_HARDENING_LINK})
    set_target_properties(${target} PROPERTIES
        POSITION_INDEPENDENT_CODE ON
        INTERPROCEDURAL_OPTIMIZATION ${RENOIR_LTO}
        C_VISIBILITY_PRESET hidden
        CXX_VISIBILITY_PRESET hidden
        VISIBILITY_INLINES_HIDDEN ON)
    if(RENOIR_WERROR)
        target_compile_options(${target} PRIVATE -Werror)
    endif()
    if(RENOIR_SANITIZE)
        target_compile_options(${target} PRIVATE
            -fsanitize=${RENOIR_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
        target_link_options(${target} PRIVATE -fsanitize=${RENOIR_SANITIZE})
    endif()
endfunction()
