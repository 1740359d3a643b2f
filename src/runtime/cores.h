/* cores.h - how many cores this process may use.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_RUNTIME_CORES_H
#define MXN_RUNTIME_CORES_H

#include <stdint.h>

#include "mxneuron/status.h"

#define CORES_NO_LIMIT UINT32_MAX

/* CPUs that a cgroup quota leaves, rounded up: the least of the process's group
 * and its parents, version 1 or 2; CORES_NO_LIMIT without one. `membership` is
 * /proc/self/cgroup, `root` where the controllers are mounted. */
uint32_t cores_of_cgroup(const char *membership, const char *root);

/* Cores by affinity mask, cgroup quota and MXNEURON_NUM_CORES, at least 1.
 * Error: ARGUMENT where the variable is no positive number. */
MXN_MUST_CHECK mxn_status cores_available(uint32_t *out_cores, mxn_error *err);

#endif
