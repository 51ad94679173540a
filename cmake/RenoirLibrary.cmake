# SPDX-License-Identifier: MIT OR Apache-2.0
#
# renoir           the library: what is installed
# renoir_testing   the same sources for our own tests: static, internals visible, fault points live

file(GLOB_RECURSE RENOIR_SOURCES CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/*.c")
list(FILTER RENOIR_SOURCES EXCLUDE REGEX "/src/platform/[a-z]+/")
if(NOT CMAKE_SYSTEM_NAME STREQUAL "Linux")
    message(FATAL_ERROR "Renoir has no platform layer for ${CMAKE_SYSTEM_NAME} (src/platform/)")
endif()
file(GLOB_RECURSE RENOIR_PLATFORM_SOURCES CONFIGURE_DEPENDS
    "${PROJECT_SOURCE_DIR}/src/platform/linux/*.c")
list(APPEND RENOIR_SOURCES ${RENOIR_PLATFORM_SOURCES})

function(renoir_library target)
    target_include_directories(${target}
        PUBLIC
            $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
            $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
        PRIVATE
            "${PROJECT_SOURCE_DIR}/src")
    target_compile_definitions(${target}
        PUBLIC
            $<$<NOT:$<BOOL:${ENABLE_MEMFD}>>:RENOIR_WITHOUT_MEMFD=1>
        PRIVATE
            RENOIR_BUILDING=1
            RNR_ENABLE_MEMFD=$<BOOL:${ENABLE_MEMFD}>)
    # Messages and error records name files as the repository does, wherever it is built.
    target_compile_options(${target} PRIVATE -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=)
    renoir_flags(${target})
endfunction()

add_library(renoir ${RENOIR_SOURCES})
add_library(Renoir::renoir ALIAS renoir)
renoir_library(renoir)
set_target_properties(renoir PROPERTIES
    VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}
    LINK_DEPENDS "${PROJECT_SOURCE_DIR}/cmake/renoir.map")
if(BUILD_SHARED_LIBS)
    target_link_options(renoir PRIVATE
        "-Wl,--version-script=${PROJECT_SOURCE_DIR}/cmake/renoir.map")
    if(NOT RENOIR_SANITIZE)
        target_link_options(renoir PRIVATE -Wl,--no-undefined)
    endif()
else()
    # Its objects must serve any compiler and any version of it: no bytecode in them.
    set_target_properties(renoir PROPERTIES INTERPROCEDURAL_OPTIMIZATION OFF)
endif()

if(BUILD_TESTS)
    add_library(renoir_testing STATIC EXCLUDE_FROM_ALL ${RENOIR_SOURCES})
    renoir_library(renoir_testing)
    target_include_directories(renoir_testing PUBLIC "${PROJECT_SOURCE_DIR}/src")
    target_compile_definitions(renoir_testing PUBLIC
        RENOIR_TESTING=1
        RNR_ENABLE_MEMFD=$<BOOL:${ENABLE_MEMFD}>)
    # Internals keep default visibility here; no link-time optimisation, to link many tests soon.
    set_target_properties(renoir_testing PROPERTIES
        C_VISIBILITY_PRESET default INTERPROCEDURAL_OPTIMIZATION OFF)
endif()
