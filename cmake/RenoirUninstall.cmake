# SPDX-License-Identifier: MIT OR Apache-2.0
# Removes the files that the last installation listed, and the folders of ours that are empty then.

if(NOT EXISTS "${MANIFEST}")
    message(FATAL_ERROR "nothing was installed from this build folder: ${MANIFEST} is not there")
endif()

file(STRINGS "${MANIFEST}" files)
set(folders)
foreach(file IN LISTS files)
    set(path "$ENV{DESTDIR}${file}")
    if(EXISTS "${path}" OR IS_SYMLINK "${path}")
        file(REMOVE "${path}")
        message(STATUS "removed ${path}")
    endif()
    cmake_path(GET path PARENT_PATH folder)
    if(folder MATCHES "/(renoir|renoir/detail|Renoir)$")
        list(APPEND folders "${folder}")
    endif()
endforeach()

# Innermost first.
list(REMOVE_DUPLICATES folders)
list(SORT folders ORDER DESCENDING)
foreach(folder IN LISTS folders)
    file(GLOB left "${folder}/*")
    if(IS_DIRECTORY "${folder}" AND NOT left)
        file(REMOVE_RECURSE "${folder}")
        message(STATUS "removed ${folder}")
    endif()
endforeach()
file(REMOVE "${MANIFEST}")
