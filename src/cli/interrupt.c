/* interrupt.c - see interrupt.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/interrupt.h"

#include <signal.h>
#include <stddef.h>

static const int held[] = {SIGINT, SIGTERM, SIGHUP};
enum { N_HELD = sizeof held / sizeof *held };

static struct sigaction before[N_HELD];
static volatile sig_atomic_t came; /* number of the signal, or 0 */

static void note(int number) { came = number; }

bool was_interrupted(void *unused) {
  (void)unused;
  return came != 0;
}

/* What nohup or a shell ignores stays ignored. */
void interrupts_hold(void) {
  struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESETHAND};
  sigemptyset(&action.sa_mask);
  came = 0;
  for (size_t i = 0; i < N_HELD; i++) {
    sigaction(held[i], NULL, &before[i]);
    if (before[i].sa_handler != SIG_IGN) sigaction(held[i], &action, NULL);
  }
}

void interrupts_release(void) {
  for (size_t i = 0; i < N_HELD; i++) sigaction(held[i], &before[i], NULL);
  if (came) raise(came);
}
