// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef EXPLORE_FAKE_H
#define EXPLORE_FAKE_H

// The fakes to each other.

void fake_objects_begin(void);

#endif
