/* interrupt.h - Ctrl-C while files are being made.
 *
 * Between interrupts_hold() and interrupts_release() SIGINT, SIGTERM and SIGHUP end
 * nothing: work is stopped by was_interrupted(), its temporary files go, and the
 * release then ends the process by the signal, as a shell expects. The second
 * signal ends it at once. Holds do not nest.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_CLI_INTERRUPT_H
#define MXN_CLI_INTERRUPT_H

#include <stdbool.h>

void interrupts_hold(void);
void interrupts_release(void);

/* Whether a signal came since interrupts_hold(); for mxn_compile_options. */
bool was_interrupted(void *unused);

#endif
