/* left_out.h - printing which operators are not compiled, and why.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_CLI_LEFT_OUT_H
#define MXN_CLI_LEFT_OUT_H

#include <stdio.h>

#include "mxneuron/model.h"

/* A line for each reason, with the operators that it keeps out. */
void print_left_out(FILE *out, const mxn_left_out *list, size_t n);

#endif
