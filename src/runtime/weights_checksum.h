/* weights_checksum.h - checksum_of() by all cores.
 *
 * One core does not read memory as fast as the memory is.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_RUNTIME_WEIGHTS_CHECKSUM_H
#define MXN_RUNTIME_WEIGHTS_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

uint64_t weights_checksum(const void *data, size_t bytes);

#endif
