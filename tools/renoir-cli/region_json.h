// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RENOIR_CLI_REGION_JSON_H
#define RENOIR_CLI_REGION_JSON_H

#include <renoir.h>

#include "json.h"

// The members that describe a region, the same in every command.
void region_json_facts(Json *json, const RenoirRegionInfo *info);

#endif
