/* conformance_run.c - cases in processes of their own, some at a time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/conformance.h"

enum { SECONDS_PER_CASE = 60 };

/* The processes that run; pid 0: a free place. */
typedef struct worker {
  pid_t pid;
  size_t index; /* of its case */
} worker;

static void fail_crashed(conformance_result *r, int status) {
  r->verdict = CASE_FAILED;
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
    snprintf(r->message, sizeof r->message, "hangs: more than %d seconds", SECONDS_PER_CASE);
  else if (WIFSIGNALED(status))
    snprintf(r->message, sizeof r->message, "crashes: signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
  else
    snprintf(r->message, sizeof r->message, "its process ended with status %d", WEXITSTATUS(status));
}

static mxn_status start(const conformance_settings *s, const conformance_case *c, conformance_result *r, pid_t *out_pid,
                        mxn_error *err) {
  *out_pid = fork();
  if (*out_pid < 0) return error_set(err, MXN_IO, "cannot start a process: %s", strerror(errno));
  if (*out_pid > 0) return MXN_OK;
  signal(SIGALRM, SIG_DFL);
  alarm(SECONDS_PER_CASE);
  conformance_run_case(s, c, r);
  _exit(0);
}

static bool reap(worker *workers, uint32_t n_jobs, conformance_result *results) {
  int status;
  const pid_t pid = wait(&status);
  if (pid < 0) return errno == EINTR;
  for (uint32_t i = 0; i < n_jobs; i++) {
    if (workers[i].pid != pid) continue;
    workers[i].pid = 0;
    conformance_result *r = &results[workers[i].index];
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || r->verdict == CASE_NOT_RUN) fail_crashed(r, status);
  }
  return true;
}

static worker *find_free(worker *workers, uint32_t n_jobs) {
  for (uint32_t i = 0; i < n_jobs; i++)
    if (workers[i].pid == 0) return &workers[i];
  return NULL;
}

static bool is_any_running(const worker *workers, uint32_t n_jobs) {
  for (uint32_t i = 0; i < n_jobs; i++)
    if (workers[i].pid != 0) return true;
  return false;
}

mxn_status conformance_run_all(const conformance_settings *s, const conformance_case *cases, size_t n, uint32_t n_jobs,
                               conformance_result *results, mxn_error *err) {
  worker *workers = calloc(n_jobs, sizeof *workers);
  mxn_status status = MXN_OK;
  if (!workers) return error_set(err, MXN_NOMEM, "out of memory");
  for (size_t i = 0; i < n && status == MXN_OK;) {
    worker *w = find_free(workers, n_jobs);
    if (w) {
      w->index = i;
      status = start(s, &cases[i], &results[i], &w->pid, err);
      if (w->pid < 0) w->pid = 0;
      i++;
    } else if (!reap(workers, n_jobs, results)) {
      break;
    }
  }
  while (is_any_running(workers, n_jobs) && reap(workers, n_jobs, results)) continue;
  free(workers);
  return status;
}
