/* checkpoint_name.h - the names of a checkpoint's two files.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_BASE_CHECKPOINT_NAME_H
#define MXN_BASE_CHECKPOINT_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether `name` is PREFIX-symbol.json or PREFIX-EPOCH.params, of four digits or more:
 * how long the prefix is, and the epoch, -1 for a symbol. */
bool checkpoint_name_split(const char *name, size_t *out_prefix_bytes, int32_t *out_epoch);

#endif
