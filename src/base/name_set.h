/* name_set.h - which names there are, in a time that does not depend on how many.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_BASE_NAME_SET_H
#define MXN_BASE_NAME_SET_H

#include <stdbool.h>

#include "base/arena.h"

/* {.arena = a} is an empty set; all of it is in the arena. Names are borrowed. */
typedef struct name_set {
  arena *arena;
  const char **slots; /* [n_slots], a power of two, at most half of them taken */
  size_t n_slots, n;
} name_set;

/* False where the name was there before. */
bool name_set_add(name_set *s, const char *name);
bool name_set_has(const name_set *s, const char *name);

#endif
