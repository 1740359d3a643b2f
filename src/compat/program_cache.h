/* program_cache.h - the opened programs of a process that runs inside MXNet.
 *
 * MXNet makes copies of a neuronbin as it likes (one for each executor and context) and
 * calls an operator without state. So programs are kept here by what they are, the
 * digest in their header, with sessions that wait for the next run. Of a neuronbin
 * everything but the weights is copied; weights are read where MXNet's array has them
 * during a run, and no pointer into an array is followed after it. An array is
 * checked as a whole, by its first run, when it is seen first, after MXNet wrote into it,
 * and after a bind: then another array may lie where one was.
 *
 * What is kept is bounded: programs that ran least recently go first.
 *
 * Threads: any. After fork() the child has the programs of its parent.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_COMPAT_PROGRAM_CACHE_H
#define MXN_COMPAT_PROGRAM_CACHE_H

#include <stdbool.h>

#include "mxneuron/program.h"

/* A copy of a neuronbin in an array of MXNet. Two that are equal in all are the same array. */
typedef struct neuronbin_array {
  const void *data;
  size_t bytes;
  size_t version;   /* counts MXNet's writes into it */
  uint64_t n_binds; /* of the node that it belongs to */
} neuronbin_array;

/* A session for one run, with room for its arrays. */
typedef struct ready_session {
  mxn_session *session;
  const mxn_program *program;
  mxn_tensor *inputs, *outputs; /* of the program's number */
  const char **input_names;     /* of the program */
  uint32_t *input_of;           /* which input of a node each is, where the node lists its names */
  char *matched;                /* like this; NULL: not matched yet. Both are the taker's */

  /* The cache's own. */
  struct cached_program *owner;
  struct ready_session *next;
  neuronbin_array weights; /* that it uses */
  void *copy;              /* of an array that lies where it is of no use */
  size_t copy_bytes;
  bool is_checking; /* with its run, whether the array was changed */
} ready_session;

/* A session that reads its weights from `array`, which is borrowed until it is given
 * back, with whether its run was right. `outputs` names the subgraph in messages. Errors:
 * those of opening a program, and MXN_FORMAT where the array is no whole copy; where
 * its weights were changed, the run says so. */
MXN_MUST_CHECK mxn_status program_cache_take(const neuronbin_array *array, const char *outputs,
                                             ready_session **out_session, mxn_error *err);
void program_cache_give_back(ready_session *session, bool is_right);

#endif
