/* weights_check.h - comparing weights with their checksum while a run reads them.
 *
 * Weights of a large model do not fit into caches: summed before a run, they would come
 * from memory twice. So each worker sums what its next tasks read. What no step reads is
 * summed at the end. Nothing here protects the run from weights that are wrong: they are
 * numbers to compute with, and no kernel goes astray with them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_RUNTIME_WEIGHTS_CHECK_H
#define MXN_RUNTIME_WEIGHTS_CHECK_H

#include "neuronbin/reader.h"

typedef struct weights_check weights_check;

/* Of a program's weights; NULL: out of memory. Destroying NULL is fine. */
weights_check *weights_check_create(const neuronbin *bin);
void weights_check_destroy(weights_check *c);

/* Parts of a step's tasks whose weights stay in a core's cache. */
uint64_t weights_check_n_chunks(const neuronbin *bin, uint32_t step);

/* Sum what tasks [begin, end) of a step's `n_tasks` read, as far as nobody has. Any thread. */
void weights_check_tasks(weights_check *c, const uint8_t *weights, uint32_t step, uint32_t begin, uint32_t end,
                         uint32_t n_tasks);

/* The checksum of all, once no task runs any more. */
uint64_t weights_check_finish(weights_check *c, const uint8_t *weights);

#endif
