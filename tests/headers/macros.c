// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Every public macro that takes arguments, used as a reader of the documentation would; compiles as
// C11 and as C++17 (check_headers says which macro is not here).

#include "renoir.h"

int use_macros(void);
void print_line(const char *format, ...) RENOIR_PRINTF(1, 2);

#define COUNT_ONE(name, value, text) +1
#define IS_NUMBERED(name, value, text) &&(RENOIR_##name == (value))

int use_macros(void)
{
    const uint64_t second = RENOIR_SECONDS(1);
    const uint64_t milliseconds = RENOIR_MILLISECONDS(1000);
    const uint64_t microseconds = RENOIR_MICROSECONDS(1000 * 1000);
    const int statuses = 0 RENOIR_STATUS_TABLE(COUNT_ONE);
    const bool numbered = true RENOIR_STATUS_TABLE(IS_NUMBERED);

    return second == milliseconds && second == microseconds && statuses > 0 && numbered ? 0 : 1;
}
