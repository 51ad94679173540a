// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RENOIR_CLI_CHECKSUM_H
#define RENOIR_CLI_CHECKSUM_H

// XXH64 with seed 0, piece by piece. It finds accidents; whoever may write the ring may also forge
// it, as with any checksum without a key.

#include <stddef.h>
#include <stdint.h>

enum { CHECKSUM_STRIPE = 32 };

typedef struct Checksum {
    uint64_t lanes[4];
    uint64_t length;
    uint8_t pending[CHECKSUM_STRIPE];
    size_t pending_length;
} Checksum;

void checksum_init(Checksum *sum);
void checksum_add(Checksum *sum, const void *data, size_t length);
uint64_t checksum_value(const Checksum *sum);

#endif
