/* near.h - "did you mean" for unknown names.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_BASE_NEAR_H
#define MXN_BASE_NEAR_H

#include <stddef.h>

/* Up to three of `names`, nearest to `name` by edit distance first, as
 * "'drop9', 'pool9'" into `text`; an empty string where none is near. Names of
 * more than 127 bytes are passed over. Returns `text`. */
const char *near_names(const char *name, const char *const *names, size_t n_names, char *text, size_t text_bytes);

#endif
