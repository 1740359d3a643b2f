/* passes_memory_test.c - the memory plan: storages that live at the same time do
 * not share a byte, and the arena stays near its lower bound.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "passes/pass.h"

enum { MAX_STORAGES = 60, N_STEPS = 40 };

static uint32_t random_state;
static uint32_t random_below(uint32_t n) {
  random_state = random_state * 1664525u + 1013904223u;
  return (random_state >> 8) % n;
}

static void random_storages(compile *c, size_t n) {
  for (size_t i = 0; i < n; i++) {
    const uint64_t bytes = 4 * (uint64_t)(1 + random_below(5000));
    const uint32_t number = compile_add_storage(c, random_below(8) ? MXN_SPACE_ARENA : MXN_SPACE_WEIGHTS, 0, bytes);
    storage *s = &c->storages[number];
    s->first_step = random_below(N_STEPS);
    s->last_step = s->first_step + random_below(6);
  }
}

static int overlap(const storage *a, const storage *b) {
  const int in_time = a->space == MXN_SPACE_WEIGHTS || (a->first_step <= b->last_step && b->first_step <= a->last_step);
  return a->space == b->space && in_time && a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
}

/* The most bytes that live at one step: no plan can need less. */
static uint64_t lower_bound(const compile *c) {
  uint64_t most = 0;
  for (uint32_t step = 0; step < N_STEPS + 6; step++) {
    uint64_t live = 0;
    for (size_t i = 0; i < c->n_storages; i++) {
      const storage *s = &c->storages[i];
      if (s->space == MXN_SPACE_ARENA && s->first_step <= step && step <= s->last_step) live += s->bytes;
    }
    most = live > most ? live : most;
  }
  return most;
}

static void check_plan(uint32_t seed) {
  arena a;
  arena_init(&a);
  if (setjmp(a.recovery)) fail_msg("out of memory");
  compile c = {.arena = &a};
  random_state = seed;
  random_storages(&c, 1 + random_below(MAX_STORAGES));
  plan_memory(&c);
  for (size_t i = 0; i < c.n_storages; i++) {
    const storage *s = &c.storages[i];
    assert_int_equal(s->offset % MXN_ALIGNMENT, 0);
    assert_true(s->offset + s->bytes <= (s->space == MXN_SPACE_ARENA ? c.arena_bytes : c.weights_bytes));
    for (size_t k = 0; k < i; k++) assert_false(overlap(s, &c.storages[k]));
  }
  assert_true(c.arena_bytes <= 2 * lower_bound(&c) + MAX_STORAGES * MXN_ALIGNMENT);
  arena_finish(&a);
}

static void test_no_two_live_storages_overlap(void **state) {
  (void)state;
  for (uint32_t seed = 1; seed <= 500; seed++) check_plan(seed);
}

static void test_unused_storages_take_no_room(void **state) {
  (void)state;
  arena a;
  arena_init(&a);
  if (setjmp(a.recovery)) fail_msg("out of memory");
  compile c = {.arena = &a};
  compile_add_storage(&c, MXN_SPACE_ARENA, 0, 4096);
  plan_memory(&c);
  assert_int_equal(c.arena_bytes, 0);
  arena_finish(&a);
}

/* Residual blocks: sums that live for four steps, each with an inner value of the same size. */
static void test_residual_blocks_take_two_places(void **state) {
  (void)state;
  static const uint32_t lifetimes[][2] = {{0, 4}, {1, 2}, {4, 8}, {5, 6}, {8, 12}, {9, 10}, {12, 16}};
  arena a;
  arena_init(&a);
  if (setjmp(a.recovery)) fail_msg("out of memory");
  compile c = {.arena = &a};
  for (size_t i = 0; i < sizeof lifetimes / sizeof *lifetimes; i++) {
    const uint32_t number = compile_add_storage(&c, MXN_SPACE_ARENA, 0, 4096);
    storage *s = &c.storages[number];
    s->first_step = lifetimes[i][0];
    s->last_step = lifetimes[i][1];
  }
  plan_memory(&c);
  assert_int_equal(c.arena_bytes, 2 * 4096);
  arena_finish(&a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_no_two_live_storages_overlap),
      cmocka_unit_test(test_residual_blocks_take_two_places),
      cmocka_unit_test(test_unused_storages_take_no_room),
  };
  return cmocka_run_group_tests_name("passes_memory", tests, NULL, NULL);
}
