/* neuron_cc.c - see neuron_cc.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/neuron_cc.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/utf8.h"

extern char **environ;

#define COMPILER "neuron-cc"

/* Finding it. */

static bool is_executable(const char *path) {
  struct stat status;
  return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

static mxn_status use_given(const char *path, const char *source, const char **out_path, mxn_error *err) {
  if (!is_executable(path))
    return error_set(err, MXN_IO, "cannot run the compiler '%s' (%s): %s", path, source,
                     access(path, F_OK) == 0 ? "not an executable file" : strerror(errno));
  *out_path = path;
  return MXN_OK;
}

/* Beside the file `near`, or where an installation puts it. */
static const char *find_beside(arena *a, const char *near) {
  static const char *const folders[] = {"", "../libexec/mxneuron/", "../bin/"};
  char *resolved = near ? realpath(near, NULL) : NULL;
  const char *found = NULL;
  if (!resolved) return NULL;
  arena_defer(a, free, resolved);
  const char *slash = strrchr(resolved, '/');
  for (size_t i = 0; slash && !found && i < sizeof folders / sizeof *folders; i++) {
    const char *path = arena_printf(a, "%.*s/%s" COMPILER, (int)(slash - resolved), resolved, folders[i]);
    if (is_executable(path)) found = path;
  }
  return found;
}

static const char *find_in_path(arena *a) {
  const char *folder = getenv("PATH");
  while (folder && *folder) {
    const size_t bytes = strcspn(folder, ":");
    const char *path = arena_printf(a, "%.*s/" COMPILER, (int)bytes, folder);
    if (bytes > 0 && is_executable(path)) return path;
    folder += bytes + (folder[bytes] == ':');
  }
  return NULL;
}

mxn_status neuron_cc_find(arena *a, const char *given, const char **out_path, mxn_error *err) {
  const char *variable = getenv("MXNEURON_CC");
  Dl_info self = {0};
  if (given) return use_given(given, "option compiler", out_path, err);
  if (variable && *variable) return use_given(variable, "MXNEURON_CC", out_path, err);
  dladdr(COMPILER, &self);
  *out_path = find_beside(a, self.dli_fname);
  if (!*out_path) *out_path = find_beside(a, "/proc/self/exe");
  if (!*out_path) *out_path = find_in_path(a);
  if (*out_path) return MXN_OK;
  return error_set(err, MXN_IO,
                   "cannot find the compiler " COMPILER " beside mxneuron or in PATH; MXNEURON_CC can name it");
}

/* What it said: the end of it, which is where the reason stands. */

enum { SAID_BYTES = 2048, MAX_QUOTE_BYTES = 300 };

typedef struct child {
  pid_t pid;
  int fd; /* its stdout and stderr */
  size_t job;
  size_t n_said;
  char said[SAID_BYTES + 1];
} child;

static void keep_said(child *c, const char *text, size_t bytes) {
  if (bytes > SAID_BYTES) {
    text += bytes - SAID_BYTES;
    bytes = SAID_BYTES;
  }
  const size_t kept = c->n_said + bytes > SAID_BYTES ? SAID_BYTES - bytes : c->n_said;
  memmove(c->said, c->said + c->n_said - kept, kept);
  memcpy(c->said + kept, text, bytes);
  c->n_said = kept + bytes;
}

/* Printable, without line ends at the end, so that it can stand in a message. */
static void clean_said(child *c) {
  while (c->n_said > 0 && strchr("\r\n\t ", c->said[c->n_said - 1])) c->n_said--;
  for (size_t i = 0; i < c->n_said; i++)
    if ((unsigned char)c->said[i] < 0x20 && c->said[i] != '\n') c->said[i] = ' ';
  if (!utf8_is_text(c->said, c->n_said))
    for (size_t i = 0; i < c->n_said; i++)
      if ((unsigned char)c->said[i] >= 0x7f) c->said[i] = '?';
  c->said[c->n_said] = '\0';
}

static const char *last_line(const child *c) {
  const char *newline = strrchr(c->said, '\n');
  return newline ? newline + 1 : c->said;
}

/* "neuron-cc: UNSUPPORTED: message": true, and the two parts. */
static bool parse_failure(const char *line, mxn_status *out_status, const char **out_message) {
  static const char prefix[] = COMPILER ": ";
  static const struct {
    const char *name;
    mxn_status status;
  } names[] = {
#define X(name, number, text) {#name ": ", MXN_##name},
      MXN_STATUS_LIST(X)
#undef X
  };
  if (strncmp(line, prefix, strlen(prefix)) != 0) return false;
  line += strlen(prefix);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (names[i].status == MXN_OK || strncmp(line, names[i].name, strlen(names[i].name)) != 0) continue;
    *out_status = names[i].status;
    *out_message = line + strlen(names[i].name);
    return true;
  }
  return false;
}

static mxn_status crashed(const child *c, const char *how, int number, const char *detail, mxn_error *err) {
  const char *quote = c->said + (c->n_said > MAX_QUOTE_BYTES ? c->n_said - MAX_QUOTE_BYTES : 0);
  while ((*quote & 0xc0) == 0x80) quote++;
  return error_set(err, MXN_INTERNAL, COMPILER " %s %d%s; it said: %s", how, number, detail,
                   *quote ? quote : "nothing");
}

static mxn_status judge(child *c, int wait_status, mxn_error *err) {
  mxn_status status = MXN_INTERNAL;
  const char *message = NULL;
  clean_said(c);
  if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0) return MXN_OK;
  if (WIFSIGNALED(wait_status)) {
    char detail[64];
    snprintf(detail, sizeof detail, " (%s)", strsignal(WTERMSIG(wait_status)));
    return crashed(c, "was ended by signal", WTERMSIG(wait_status), detail, err);
  }
  if (WEXITSTATUS(wait_status) == 1 && parse_failure(last_line(c), &status, &message))
    return error_set(err, status, "%s", message);
  return crashed(c, "ended with exit status", WEXITSTATUS(wait_status), "", err);
}

/* Running it. */

enum { MAX_ARGUMENTS = 20, MAX_PROCESSES = 256, CANCEL_INTERVAL_MS = 100 };

static void fill_arguments(const neuron_cc_options *o, const neuron_cc_job *job, const char **argv) {
  const char *const pairs[][2] = {
      {"--graph", job->graph_path},
      {"--weights", job->weights_path},
      {"--output", job->output_path},
      {"--targets", o->targets},
      {"--neuroncore-pipeline-cores", o->pipeline_cores},
      {"--dump", job->dump_path ? o->dump : NULL},
      {"--dump-path", o->dump ? job->dump_path : NULL},
  };
  size_t n = 0;
  argv[n++] = o->compiler;
  argv[n++] = "subgraph";
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    if (!pairs[i][1]) continue;
    argv[n++] = pairs[i][0];
    argv[n++] = pairs[i][1];
  }
  argv[n] = NULL;
}

/* Signals as a fresh process has them, whatever the application does with its own. */
static int set_signals(posix_spawnattr_t *attributes) {
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  int failure = posix_spawnattr_setsigmask(attributes, &none);
  if (!failure) failure = posix_spawnattr_setsigdefault(attributes, &all);
  if (!failure) failure = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  return failure;
}

static int spawn(const char *const *argv, int output, pid_t *out_pid) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  int failure = posix_spawn_file_actions_init(&actions);
  if (failure) return failure;
  failure = posix_spawnattr_init(&attributes);
  if (failure) {
    posix_spawn_file_actions_destroy(&actions);
    return failure;
  }
  failure = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  if (!failure) failure = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  if (!failure) failure = posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  if (!failure) failure = set_signals(&attributes);
  if (!failure) failure = posix_spawn(out_pid, argv[0], &actions, &attributes, (char *const *)argv, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return failure;
}

static mxn_status start(const neuron_cc_options *o, const neuron_cc_job *jobs, size_t job, child *c, mxn_error *err) {
  const char *argv[MAX_ARGUMENTS];
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return error_set(err, MXN_IO, "cannot start %s: %s", o->compiler, strerror(errno));
  fill_arguments(o, &jobs[job], argv);
  const int failure = spawn(argv, ends[1], &c->pid);
  close(ends[1]);
  if (failure) {
    close(ends[0]);
    return error_set(err, MXN_IO, "cannot start %s: %s", o->compiler, strerror(failure));
  }
  c->fd = ends[0];
  c->job = job;
  c->n_said = 0;
  return MXN_OK;
}

/* Where the application ignores SIGCHLD there is nothing to wait for: the file
 * that must be there then tells. */
static int wait_for(pid_t pid) {
  int wait_status = 0;
  while (waitpid(pid, &wait_status, 0) < 0)
    if (errno != EINTR) return 0;
  return wait_status;
}

/* Read what is there; false at the end. */
static bool listen_to(child *c) {
  char text[4096];
  const ssize_t bytes = read(c->fd, text, sizeof text);
  if (bytes > 0) keep_said(c, text, (size_t)bytes);
  return bytes > 0 || (bytes < 0 && (errno == EINTR || errno == EAGAIN));
}

static mxn_status finish(child *c, const neuron_cc_job *jobs, mxn_error *err) {
  const neuron_cc_job *job = &jobs[c->job];
  close(c->fd);
  mxn_status status = judge(c, wait_for(c->pid), err);
  if (status == MXN_OK && access(job->output_path, R_OK) != 0)
    status = error_set(err, MXN_INTERNAL, COMPILER " ended well but wrote no neuronbin; it said: %.*s", MAX_QUOTE_BYTES,
                       *c->said ? c->said : "nothing");
  /* What the compiler says by itself names the node. */
  return status == MXN_INTERNAL ? error_prefix(err, status, "node '%s'", job->name) : status;
}

static void end_all(child *children, size_t n) {
  for (size_t i = 0; i < n; i++) kill(children[i].pid, SIGKILL);
  for (size_t i = 0; i < n; i++) {
    close(children[i].fd);
    wait_for(children[i].pid);
  }
}

typedef struct pool {
  const neuron_cc_options *options;
  const neuron_cc_job *jobs;
  size_t n_jobs, n_started, n_done;
  child *children;
  struct pollfd *polled;
  size_t n_running, capacity;
} pool;

static mxn_status fill_pool(pool *p, mxn_error *err) {
  while (p->n_running < p->capacity && p->n_started < p->n_jobs) {
    TRY(start(p->options, p->jobs, p->n_started, &p->children[p->n_running], err));
    p->n_running++;
    p->n_started++;
  }
  return MXN_OK;
}

static mxn_status check_cancelled(const pool *p, mxn_error *err) {
  const neuron_cc_options *o = p->options;
  if (!o->is_cancelled || !o->is_cancelled(o->cancel_context)) return MXN_OK;
  return error_set(err, MXN_CANCELLED, "cancelled after %zu of %zu subgraphs", p->n_done, p->n_jobs);
}

static mxn_status serve_pool(pool *p, mxn_error *err) {
  for (size_t i = 0; i < p->n_running; i++) p->polled[i] = (struct pollfd){p->children[i].fd, POLLIN, 0};
  const int timeout = p->options->is_cancelled ? CANCEL_INTERVAL_MS : -1;
  const int failure = poll(p->polled, p->n_running, timeout) < 0 ? errno : 0;
  TRY(check_cancelled(p, err)); /* which may change errno */
  if (failure)
    return failure == EINTR ? MXN_OK : error_set(err, MXN_IO, "cannot wait for " COMPILER ": %s", strerror(failure));
  for (size_t i = p->n_running; i-- > 0;) {
    if (!p->polled[i].revents || listen_to(&p->children[i])) continue;
    const mxn_status status = finish(&p->children[i], p->jobs, err);
    p->children[i] = p->children[--p->n_running];
    if (status != MXN_OK) return status;
    p->n_done++;
    if (p->options->progress) p->options->progress(p->options->progress_context, p->n_done, p->n_jobs);
  }
  return MXN_OK;
}

mxn_status neuron_cc_run(arena *a, const neuron_cc_options *options, const neuron_cc_job *jobs, size_t n,
                         mxn_error *err) {
  size_t capacity = options->n_processes < n ? options->n_processes : n;
  if (capacity > MAX_PROCESSES) capacity = MAX_PROCESSES;
  /* All memory before the first process: running out of it must leave none. */
  pool p = {.options = options,
            .jobs = jobs,
            .n_jobs = n,
            .children = arena_array(a, capacity, sizeof *p.children),
            .polled = arena_array(a, capacity, sizeof *p.polled),
            .capacity = capacity};
  mxn_status status = MXN_OK;
  while (status == MXN_OK && p.n_done < n) {
    status = fill_pool(&p, err);
    if (status == MXN_OK) status = serve_pool(&p, err);
  }
  end_all(p.children, p.n_running);
  return status;
}
