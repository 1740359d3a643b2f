/* hello_rt.c - an inference host on libmxneuron-rt alone: runs a compiled model
 * on one raw float32 input, or on zeros, and prints the largest outputs.
 *
 *     hello_rt MODEL-0000.params [INPUT.f32]
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>

#include "mxneuron/program.h"

/* Print what an array is and count its elements. */
static size_t describe(const char *what, const char *name, const mxn_type *type) {
  size_t n = 1;
  printf("%s %s: %s", what, name, mxn_dtype_name(type->dtype));
  for (int32_t d = 0; d < type->n_dims; n *= (size_t)type->dims[d++]) printf(" %lld", (long long)type->dims[d]);
  return printf("\n"), n;
}

/* The five largest values, each below the one before. */
static void print_top(const float *values, size_t n) {
  for (size_t rank = 0, last = n, best; rank < 5; rank++, last = best) {
    best = n;
    for (size_t i = 0; i < n; i++)
      if ((last == n || values[i] < values[last]) && (best == n || values[i] > values[best])) best = i;
    if (best == n) return;
    printf("  [%zu] %g\n", best, (double)values[best]);
  }
}

int main(int argc, char **argv) {
  mxn_error err = {0};
  mxn_program *program = NULL;
  mxn_session *session = NULL;
  mxn_tensor in = {0}, out;
  FILE *file = NULL;
  const char *problem = "usage: hello_rt MODEL-0000.params [INPUT.f32]";
  if (argc < 2 || argc > 3) goto done;
  problem = err.message;
  if (mxn_program_open(argv[1], NULL, &program, &err) != MXN_OK) goto done;
  if (mxn_session_create(program, 0, &session, &err) != MXN_OK) goto done;
  problem = "expected a model with one input and one output, both float32";
  if (mxn_program_n_inputs(program) != 1 || mxn_program_n_outputs(program) != 1) goto done;
  in.type = *mxn_program_input_type(program, 0);
  if (in.type.dtype != MXN_FLOAT32 || mxn_program_output_type(program, 0)->dtype != MXN_FLOAT32) goto done;
  const size_t n = describe("input", mxn_program_input_name(program, 0), &in.type);
  problem = "INPUT.f32: cannot read as many numbers as the input has";
  if (!(in.data = calloc(n, sizeof(float)))) goto done;
  if (argc == 3 && (!(file = fopen(argv[2], "rb")) || fread(in.data, sizeof(float), n, file) != n)) goto done;
  problem = mxn_session_run(session, &in, 1, &out, 1, &err) != MXN_OK ? err.message : NULL;
  if (!problem) print_top(out.data, describe("output", mxn_program_output_name(program, 0), &out.type));
done:
  if (problem) fprintf(stderr, "hello_rt: %s\n", problem);
  if (file) fclose(file);
  free(in.data);
  mxn_session_destroy(session);
  mxn_program_close(program);
  return problem != NULL;
}
