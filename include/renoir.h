// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RENOIR_H
#define RENOIR_H

/**
 * @file
 * Everything of Renoir. renoir_ros2.h comes with the messages of ROS 2.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "renoir/allocator.h"
#include "renoir/epoch.h"
#include "renoir/export.h"
#include "renoir/library.h"
#include "renoir/manager.h"
#include "renoir/monitor.h"
#include "renoir/node.h"
#include "renoir/notifier.h"
#include "renoir/region.h"
#include "renoir/ring.h"
#include "renoir/ringbuffer.h"
#include "renoir/seqlock.h"
#include "renoir/state.h"
#include "renoir/status.h"
#include "renoir/waitset.h"

#endif
