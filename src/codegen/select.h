/* select.h - tile sizes and task counts for a target.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_CODEGEN_SELECT_H
#define MXN_CODEGEN_SELECT_H

#include "codegen/target.h"
#include "lower/step.h"

/* Fill the tile fields of a step's shape for a target and return the number of
 * tasks. The choice depends on shape and target alone, so that every build host
 * makes the same code. */
uint32_t select_tiles(const target *t, kernel_template kernel, kernel_shape *shape);

#endif
