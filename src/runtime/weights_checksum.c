/* weights_checksum.c - see weights_checksum.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "runtime/weights_checksum.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/checksum.h"
#include "runtime/cores.h"
#include "runtime/pool.h"

enum { MIN_SHARED_PIECES = 4 }; /* fewer take less time than waking a thread */

typedef struct checksum_job {
  const void *data;
  size_t bytes, n_pieces;
  uint64_t *sums; /* [n_pieces] */
  atomic_size_t n_claimed;
} checksum_job;

static void sum_pieces(void *argument, uint32_t worker) {
  (void)worker;
  checksum_job *job = argument;
  for (size_t piece; (piece = atomic_fetch_add(&job->n_claimed, 1)) < job->n_pieces;)
    job->sums[piece] = checksum_of_piece(job->data, job->bytes, piece);
}

uint64_t weights_checksum(const void *data, size_t bytes) {
  checksum_job job = {.data = data, .bytes = bytes, .n_pieces = checksum_n_pieces(bytes)};
  uint32_t n_cores = 1;
  if (job.n_pieces >= MIN_SHARED_PIECES && cores_available(&n_cores, NULL) == MXN_OK && n_cores > 1)
    job.sums = malloc(job.n_pieces * sizeof *job.sums);
  if (!job.sums) return checksum_of(data, bytes);
  pool_run(n_cores, sum_pieces, &job);
  const uint64_t sum = checksum_join(job.sums, job.n_pieces);
  free(job.sums);
  return sum;
}
