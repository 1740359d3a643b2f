/* work_dir.h - the folder through which graphs and programs go to and from neuron-cc.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_API_WORK_DIR_H
#define MXN_API_WORK_DIR_H

#include <stdbool.h>

#include "base/arena.h"
#include "mxneuron/status.h"

typedef struct work_dir {
  const char *path; /* NULL once it is closed */
  bool is_temporary;
} work_dir;

/* `wanted` is made where it does not exist, and stays. NULL: a new private folder
 * in TMPDIR. The arena closes it where the caller does not. */
MXN_MUST_CHECK mxn_status work_dir_open(arena *a, const char *wanted, work_dir **out_dir, mxn_error *err);

/* Remove a temporary folder with everything in it. Twice is fine. */
void work_dir_close(work_dir *dir);

#endif
