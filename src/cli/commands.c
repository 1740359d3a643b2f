/* commands.c - the list of commands. SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"

#include <stddef.h>

const command *const mxneuron_commands[] = {
    &compile_command,     &run_command, &verify_command, &bench_command, &inspect_command, &list_operators_command,
    &conformance_command, NULL,
};
