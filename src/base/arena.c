/* arena.c - blocks that grow with the arena, bump allocation inside.
 *
 * A request that fills more than a quarter of the usual block gets a block of
 * its own, behind the current one, so that the rest of that stays in use.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* With AddressSanitizer only what was asked for can be touched: what lies between two
 * allocations is as foreign as what lies behind a block. */
#ifndef __has_feature
#define __has_feature(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
enum { GAP_BYTES = 16 };
void __asan_poison_memory_region(const volatile void *at, size_t bytes);
void __asan_unpoison_memory_region(const volatile void *at, size_t bytes);
static void forbid(void *at, size_t bytes) { __asan_poison_memory_region(at, bytes); }
static void permit(void *at, size_t bytes) { __asan_unpoison_memory_region(at, bytes); }
#else
enum { GAP_BYTES = 0 };
static void forbid(void *at, size_t bytes) { (void)at, (void)bytes; }
static void permit(void *at, size_t bytes) { (void)at, (void)bytes; }
#endif

enum { ALIGNMENT = 16, FIRST_BLOCK_BYTES = 16 << 10, LAST_BLOCK_BYTES = 1 << 20 };

typedef struct arena_block {
  struct arena_block *next;
  size_t used, bytes;
  _Alignas(ALIGNMENT) unsigned char data[];
} arena_block;

typedef struct arena_deferred {
  struct arena_deferred *next;
  void (*release)(void *);
  void *object;
} arena_deferred;

void arena_init(arena *a) { memset(a, 0, sizeof *a); }

void arena_finish(arena *a) {
  for (arena_deferred *d = a->deferred; d; d = d->next) d->release(d->object);
  for (arena_block *b = a->block; b;) {
    arena_block *next = b->next;
    free(b);
    b = next;
  }
  a->block = NULL;
  a->deferred = NULL;
}

static _Noreturn void out_of_memory(arena *a) { longjmp(a->recovery, 1); }

static arena_block *create_block(size_t bytes) {
  arena_block *b = calloc(1, sizeof *b + bytes);
  if (!b) return NULL;
  b->bytes = bytes;
  forbid(b->data, bytes);
  return b;
}

static void *own_block(arena *a, size_t bytes) {
  arena_block *b = create_block(bytes);
  if (!b) return NULL;
  b->used = bytes;
  b->next = a->block->next;
  a->block->next = b;
  return b->data;
}

static arena_block *next_block(arena *a) {
  size_t bytes = a->block ? a->block->bytes * 2 : FIRST_BLOCK_BYTES;
  if (bytes > LAST_BLOCK_BYTES) bytes = LAST_BLOCK_BYTES;
  arena_block *b = create_block(bytes);
  if (!b) return NULL;
  b->next = a->block;
  return a->block = b;
}

/* `bytes` is a multiple of ALIGNMENT. */
static void *take(arena *a, size_t bytes) {
  arena_block *b = a->block;
  if (!b && !(b = next_block(a))) return NULL;
  if (bytes > b->bytes - b->used) {
    if (bytes > b->bytes / 4) return own_block(a, bytes);
    if (!(b = next_block(a))) return NULL;
  }
  void *p = b->data + b->used;
  b->used += bytes;
  return p;
}

static void *try_alloc(arena *a, size_t bytes) {
  if (bytes > SIZE_MAX / 2) return NULL;
  void *p = take(a, (bytes + GAP_BYTES + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1));
  if (p) permit(p, bytes);
  return p;
}

void *arena_alloc(arena *a, size_t bytes) {
  void *p = try_alloc(a, bytes);
  if (!p) out_of_memory(a);
  return p;
}

void *arena_array(arena *a, size_t count, size_t bytes) {
  size_t total;
  if (__builtin_mul_overflow(count, bytes, &total)) out_of_memory(a);
  return arena_alloc(a, total);
}

void *arena_copy(arena *a, const void *from, size_t bytes) {
  void *to = arena_alloc(a, bytes);
  if (bytes) memcpy(to, from, bytes);
  return to;
}

char *arena_strdup(arena *a, const char *text) { return arena_copy(a, text, strlen(text) + 1); }

char *arena_printf(arena *a, const char *format, ...) {
  va_list arguments, again;
  va_start(arguments, format);
  va_copy(again, arguments);
  const int needed = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  char *text = needed < 0 ? NULL : try_alloc(a, (size_t)needed + 1);
  if (text) vsnprintf(text, (size_t)needed + 1, format, again);
  va_end(again);
  if (!text) out_of_memory(a);
  return text;
}

void arena_defer(arena *a, void (*release)(void *), void *object) {
  arena_deferred *d = try_alloc(a, sizeof *d);
  if (!d) {
    release(object);
    out_of_memory(a);
  }
  *d = (arena_deferred){a->deferred, release, object};
  a->deferred = d;
}

void *arena_grow(arena *a, void *items, size_t n, size_t *capacity, size_t bytes) {
  if (n < *capacity) return items;
  const size_t larger = *capacity ? *capacity * 2 : 8;
  void *grown = arena_array(a, larger, bytes);
  if (n) memcpy(grown, items, n * bytes);
  *capacity = larger;
  return grown;
}
