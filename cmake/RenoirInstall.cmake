# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What `make install` puts where: library, headers, pkg-config file, CMake package, renoir-cli with
# its man page and completion. Everything is found relative to itself, so that the whole prefix may
# be moved.

include(CMakePackageConfigHelpers)

install(TARGETS renoir
    EXPORT RenoirTargets
    RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})

install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")

# --- find_package(Renoir) ------------------------------------------------------------------------

set(RENOIR_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/Renoir)

install(EXPORT RenoirTargets NAMESPACE Renoir:: DESTINATION ${RENOIR_CMAKE_DIR})
configure_package_config_file(cmake/RenoirConfig.cmake.in
    "${PROJECT_BINARY_DIR}/RenoirConfig.cmake"
    INSTALL_DESTINATION ${RENOIR_CMAKE_DIR})
# Before 1.0 a minor version may change the interface.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/RenoirConfigVersion.cmake"
    COMPATIBILITY SameMinorVersion)
install(FILES
    "${PROJECT_BINARY_DIR}/RenoirConfig.cmake"
    "${PROJECT_BINARY_DIR}/RenoirConfigVersion.cmake"
    DESTINATION ${RENOIR_CMAKE_DIR})

# --- pkg-config ----------------------------------------------------------------------------------

file(RELATIVE_PATH RENOIR_PC_PREFIX "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
string(REGEX REPLACE "/$" "" RENOIR_PC_PREFIX "${RENOIR_PC_PREFIX}")
set(RENOIR_PC_DEFINES)
if(NOT ENABLE_MEMFD)
    set(RENOIR_PC_DEFINES " -DRENOIR_WITHOUT_MEMFD=1")
endif()
configure_file(cmake/renoir.pc.in "${PROJECT_BINARY_DIR}/renoir.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/renoir.pc" DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# --- renoir-cli ----------------------------------------------------------------------------------

if(TARGET renoir-cli)
    file(RELATIVE_PATH RENOIR_RPATH "/${CMAKE_INSTALL_BINDIR}" "/${CMAKE_INSTALL_LIBDIR}")
    set_target_properties(renoir-cli PROPERTIES INSTALL_RPATH "\$ORIGIN/${RENOIR_RPATH}")
    install(TARGETS renoir-cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

    # Both are printed by the program itself, from the table that drives its parsing.
    if(NOT CMAKE_CROSSCOMPILING)
        set(RENOIR_MAN "${PROJECT_BINARY_DIR}/renoir-cli.1")
        set(RENOIR_COMPLETION "${PROJECT_BINARY_DIR}/renoir-cli.bash")
        add_custom_command(OUTPUT "${RENOIR_MAN}" "${RENOIR_COMPLETION}"
            COMMAND renoir-cli help --man > "${RENOIR_MAN}"
            COMMAND renoir-cli help --completion bash > "${RENOIR_COMPLETION}"
            DEPENDS renoir-cli
            VERBATIM)
        add_custom_target(renoir-cli-pages ALL DEPENDS "${RENOIR_MAN}" "${RENOIR_COMPLETION}")
        install(FILES "${RENOIR_MAN}" DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
        install(FILES "${RENOIR_COMPLETION}"
            DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
            RENAME renoir-cli)
    endif()
endif()

# --- uninstall -----------------------------------------------------------------------------------

if(PROJECT_IS_TOP_LEVEL)
    add_custom_target(uninstall
        COMMAND "${CMAKE_COMMAND}"
            "-DMANIFEST=${PROJECT_BINARY_DIR}/install_manifest.txt"
            -P "${PROJECT_SOURCE_DIR}/cmake/RenoirUninstall.cmake"
        VERBATIM)
endif()
