/* arena.h - memory that lives and dies together.
 *
 * A compile or a loaded model owns one arena: graph, names and plans come from
 * it, nobody frees them, arena_finish() releases all. Sizes are some KB to some
 * MB; weights do not live here.
 *
 * Allocation never returns NULL: where memory is short it jumps to the recovery
 * point that the public entry function set:
 *
 *     arena_init(&arena);
 *     if (setjmp(arena.recovery)) { arena_finish(&arena); return NOMEM; }
 *
 * This is the project's one longjmp (docs/decisions/0003). Whatever else must
 * be released on that way is handed to arena_defer().
 *
 * Threads: an arena belongs to one thread at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_BASE_ARENA_H
#define MXN_BASE_ARENA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

typedef struct arena {
  struct arena_block *block;
  struct arena_deferred *deferred;
  jmp_buf recovery;
} arena;

void arena_init(arena *a);

/* Run the deferred calls, last first, and release all memory. An arena that is
 * all zero is fine. */
void arena_finish(arena *a);

/* `bytes` zeroed bytes, aligned to 16. */
void *arena_alloc(arena *a, size_t bytes);

/* As arena_alloc for count * bytes, overflow treated as out of memory. */
void *arena_array(arena *a, size_t count, size_t bytes);

void *arena_copy(arena *a, const void *from, size_t bytes);
char *arena_strdup(arena *a, const char *text);
char *arena_printf(arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Call release(object) in arena_finish(). */
void arena_defer(arena *a, void (*release)(void *), void *object);

/* Make room for one more element in a vector {items, n, capacity} of the arena:
 *     *ARENA_PUSH(a, list->items, list->n_items, list->capacity) = element; */
void *arena_grow(arena *a, void *items, size_t n, size_t *capacity, size_t bytes);
#define ARENA_PUSH(a, items, n, capacity) \
  ((items) = arena_grow((a), (items), (n), &(capacity), sizeof *(items)), &(items)[(n)++])

#endif
