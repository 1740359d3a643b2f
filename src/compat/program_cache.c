/* program_cache.c - see program_cache.h.
 *
 * Most recently used programs come first in the list. One lock protects it; opening a
 * program holds the lock, so that no program is opened twice, reading weights does not.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "compat/program_cache.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "mxneuron/abi.h"

enum {
  MAX_PROGRAMS = 64,
  MAX_CHECKED = 16, /* arrays that one program remembers */
};
static const uint64_t max_idle_bytes = UINT64_C(1) << 30;

typedef struct cached_program {
  struct cached_program *next;
  mxn_neuronbin_header header;
  mxn_program *program;
  uint64_t session_bytes; /* but for copies of arrays */
  ready_session *idle;
  size_t n_running;
  neuronbin_array checked[MAX_CHECKED];
  size_t n_checked; /* in all; the last ones are kept */
} cached_program;

static struct {
  pthread_mutex_t lock;
  cached_program *first;
  size_t n_programs;
  uint64_t idle_bytes;
} cache = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Fork. A child that was made while another thread held the lock has a list of which
 * nothing is known; it begins with an empty one. Taking the lock before a fork could
 * wait for MXNet's threads, which MXNet stops before a fork. */
static void repair_in_child(void) {
  if (pthread_mutex_trylock(&cache.lock) == 0) {
    pthread_mutex_unlock(&cache.lock);
    return;
  }
  cache.first = NULL;
  cache.n_programs = 0;
  cache.idle_bytes = 0;
  pthread_mutex_init(&cache.lock, NULL);
}

static void watch_fork(void) { pthread_atfork(NULL, NULL, repair_in_child); }

static void lock(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, watch_fork);
  pthread_mutex_lock(&cache.lock);
}

static void unlock(void) { pthread_mutex_unlock(&cache.lock); }

/* Sessions. */

static uint64_t bytes_of(const ready_session *s) { return s->owner->session_bytes + s->copy_bytes; }

static void destroy_session(ready_session *s) {
  if (!s) return;
  mxn_session_destroy(s->session);
  free(s->inputs);
  free(s->outputs);
  free(s->input_names);
  free(s->input_of);
  free(s->matched);
  free(s->copy);
  free(s);
}

static bool alloc_session(ready_session *s, const mxn_program *program) {
  const size_t n = mxn_program_n_inputs(program);
  s->program = program;
  s->inputs = calloc(n + 1, sizeof *s->inputs);
  s->outputs = calloc(mxn_program_n_outputs(program) + 1, sizeof *s->outputs);
  s->input_names = calloc(n + 1, sizeof *s->input_names);
  s->input_of = calloc(n + 1, sizeof *s->input_of);
  for (size_t i = 0; i < n && s->input_names; i++) s->input_names[i] = mxn_program_input_name(program, i);
  return s->inputs && s->outputs && s->input_names && s->input_of;
}

static mxn_status create_session(cached_program *owner, ready_session **out_session, mxn_error *err) {
  ready_session *s = calloc(1, sizeof *s);
  mxn_status status = MXN_OK;
  if (s) s->owner = owner;
  if (!s || !alloc_session(s, owner->program)) status = error_set(err, MXN_NOMEM, "out of memory for a session");
  if (status == MXN_OK) status = mxn_session_create(owner->program, 0, &s->session, err);
  if (status == MXN_OK)
    *out_session = s;
  else
    destroy_session(s);
  return status;
}

/* One that reads the array already, or any; NULL where all run. */
static ready_session *take_idle(cached_program *p, const neuronbin_array *array) {
  ready_session **best = &p->idle;
  for (ready_session **s = &p->idle; *s; s = &(*s)->next)
    if ((*s)->weights.data == array->data) best = s;
  ready_session *taken = *best;
  if (!taken) return NULL;
  *best = taken->next;
  cache.idle_bytes -= bytes_of(taken);
  return taken;
}

/* Bounds. */

static void destroy_idle(cached_program *p) {
  while (p->idle) {
    ready_session *s = p->idle;
    p->idle = s->next;
    cache.idle_bytes -= bytes_of(s);
    destroy_session(s);
  }
}

static void destroy_program(cached_program *p) {
  destroy_idle(p);
  mxn_program_close(p->program);
  free(p);
}

/* The last program in the list that `condition` holds for, but not the first of all. */
static cached_program **find_last(bool (*condition)(const cached_program *)) {
  cached_program **found = NULL;
  for (cached_program **p = &cache.first; *p; p = &(*p)->next)
    if (p != &cache.first && condition(*p)) found = p;
  return found;
}

static bool has_idle(const cached_program *p) { return p->idle != NULL; }
static bool is_unused(const cached_program *p) { return p->n_running == 0; }

static void keep_bounds(void) {
  cached_program **last;
  while (cache.idle_bytes > max_idle_bytes && (last = find_last(has_idle))) destroy_idle(*last);
  while (cache.n_programs > MAX_PROGRAMS && (last = find_last(is_unused))) {
    cached_program *p = *last;
    *last = p->next;
    cache.n_programs--;
    destroy_program(p);
  }
}

/* Programs. */

/* Found programs become the first. */
static cached_program *find_program(const mxn_neuronbin_header *header) {
  for (cached_program **at = &cache.first; *at; at = &(*at)->next) {
    cached_program *p = *at;
    if (memcmp(p->header.digest, header->digest, sizeof header->digest) != 0) continue;
    *at = p->next;
    p->next = cache.first;
    cache.first = p;
    return p;
  }
  return NULL;
}

static mxn_status open_program(const neuronbin_array *array, const char *outputs, mxn_program **out, mxn_error *err) {
  char label[160];
  snprintf(label, sizeof label, "_neuron_subgraph_op (%s)", outputs);
  return mxn_program_open_detached(array->data, array->bytes, label, out, err);
}

static mxn_status add_program(const neuronbin_array *array, const char *outputs, const mxn_neuronbin_header *header,
                              cached_program **out_program, mxn_error *err) {
  cached_program *p = calloc(1, sizeof *p);
  mxn_program_info info;
  if (!p) return error_set(err, MXN_NOMEM, "out of memory for a program");
  const mxn_status status = open_program(array, outputs, &p->program, err);
  if (status != MXN_OK) {
    free(p);
    return status;
  }
  mxn_program_get_info(p->program, &info);
  p->session_bytes = info.arena_bytes + info.scratch_bytes;
  p->header = *header;
  p->next = cache.first;
  cache.first = p;
  cache.n_programs++;
  *out_program = p;
  return MXN_OK;
}

/* Arrays that were read as a whole. */

static bool is_same(const neuronbin_array *a, const neuronbin_array *b) {
  return a->data == b->data && a->bytes == b->bytes && a->version == b->version && a->n_binds == b->n_binds;
}

static bool is_checked(const cached_program *p, const neuronbin_array *array, const mxn_neuronbin_header *header) {
  if (memcmp(header, &p->header, sizeof *header) != 0) return false;
  for (size_t i = 0; i < MAX_CHECKED && i < p->n_checked; i++)
    if (is_same(&p->checked[i], array)) return true;
  return false;
}

/* Sessions and arrays. */

/* Whether weights can be read where they are. Arrays that are too short are refused later. */
static bool is_usable_in_place(const neuronbin_array *array, const mxn_neuronbin_header *header) {
  return array->bytes < header->total_bytes ||
         ((uintptr_t)array->data % MXN_ALIGNMENT == 0 && array->bytes - header->total_bytes >= MXN_OVER_READ_BYTES);
}

/* Copy the array to where a session can use it. */
static mxn_status copy_array(cached_program *p, ready_session *s, const neuronbin_array *array, mxn_error *err) {
  const size_t bytes =
      (p->header.total_bytes + MXN_OVER_READ_BYTES + MXN_ALIGNMENT - 1) / MXN_ALIGNMENT * MXN_ALIGNMENT;
  if (!s->copy) s->copy = aligned_alloc(MXN_ALIGNMENT, bytes);
  if (!s->copy) return error_set(err, MXN_NOMEM, "out of memory for %zu bytes of weights", bytes);
  s->copy_bytes = bytes;
  memcpy(s->copy, array->data, p->header.total_bytes);
  memset((char *)s->copy + p->header.total_bytes, 0, bytes - p->header.total_bytes);
  return MXN_OK;
}

static mxn_status use_array(cached_program *p, ready_session *s, const neuronbin_array *array, mxn_error *err) {
  s->weights = (neuronbin_array){0};
  if (is_usable_in_place(array, &p->header)) {
    TRY(mxn_session_use_weights(s->session, array->data, array->bytes, err));
  } else {
    TRY(copy_array(p, s, array, err));
    TRY(mxn_session_use_weights(s->session, s->copy, s->copy_bytes, err));
  }
  s->weights = *array;
  return MXN_OK;
}

/* Make the session read the array. The program cannot go away: it runs. */
static mxn_status prepare(cached_program *p, ready_session **session, const neuronbin_array *array, bool is_known,
                          mxn_error *err) {
  if (!*session) TRY(create_session(p, session, err));
  ready_session *s = *session;
  s->is_checking = !is_known;
  if (!is_known || !is_same(&s->weights, array)) TRY(use_array(p, s, array, err));
  return is_known ? MXN_OK : mxn_session_check_weights(s->session, err);
}

/* A right run has checked the array, too. */
static void finish_run(cached_program *p, ready_session *session, bool is_right) {
  lock();
  p->n_running--;
  if (session && session->is_checking && is_right) p->checked[p->n_checked++ % MAX_CHECKED] = session->weights;
  if (session) {
    session->next = p->idle;
    p->idle = session;
    cache.idle_bytes += bytes_of(session);
  }
  keep_bounds();
  unlock();
}

mxn_status program_cache_take(const neuronbin_array *array, const char *outputs, ready_session **out_session,
                              mxn_error *err) {
  mxn_neuronbin_header header = {0};
  *out_session = NULL;
  if (array->bytes < sizeof header)
    return error_set(err, MXN_FORMAT, "_neuron_subgraph_op (%s): neuronbin: expected at least %zu bytes, got %zu",
                     outputs, sizeof header, array->bytes);
  memcpy(&header, array->data, sizeof header);
  mxn_status status = MXN_OK;
  lock();
  cached_program *p = find_program(&header);
  if (!p) status = add_program(array, outputs, &header, &p, err);
  if (status != MXN_OK) {
    unlock();
    return status;
  }
  p->n_running++;
  ready_session *session = take_idle(p, array);
  const bool is_known = is_checked(p, array, &header);
  unlock();
  status = prepare(p, &session, array, is_known, err);
  if (status == MXN_OK)
    *out_session = session;
  else
    finish_run(p, session, false);
  return status;
}

void program_cache_give_back(ready_session *session, bool is_right) { finish_run(session->owner, session, is_right); }
