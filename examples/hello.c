/* hello.c - load an MXNet checkpoint, compile it, run it, print the answer.
 *
 *     hello PREFIX            (the demo: examples/demo/digits)
 *
 * The input is made up: image[y][x] = 16 on the diagonal, 0 elsewhere.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>

#include "mxneuron/executor.h"
#include "mxneuron/model.h"

enum { SIDE = 8 };

static mxn_status print_answer(mxn_executor *executor, const mxn_type *type, mxn_error *err) {
  float image[SIDE][SIDE] = {{0}};
  for (int i = 0; i < SIDE; i++) image[i][i] = 16;
  mxn_tensor input = {*type, image}, output;
  mxn_status status = mxn_executor_run(executor, &input, 1, &output, 1, err);
  if (status != MXN_OK) return status;
  const float *probability = output.data;
  printf("%s:", mxn_executor_output_name(executor, 0));
  for (int64_t i = 0; i < output.type.dims[1]; i++) printf(" %.3f", (double)probability[i]);
  printf("\n");
  return MXN_OK;
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: %s PREFIX\n", argv[0]);
    return 2;
  }
  const mxn_input input = {"data", {MXN_FLOAT32, 4, {1, 1, SIDE, SIDE}}};
  mxn_error err = {0};
  mxn_model *model = NULL, *compiled = NULL;
  mxn_executor *executor = NULL;

  mxn_status status = mxn_model_load(argv[1], 0, &model, &err);
  if (status == MXN_OK) status = mxn_compile(model, &input, 1, NULL, &compiled, &err);
  if (status == MXN_OK) status = mxn_executor_create(compiled, &input, 1, NULL, &executor, &err);
  if (status == MXN_OK) status = print_answer(executor, &input.type, &err);
  if (status != MXN_OK) fprintf(stderr, "%s: %s\n", argv[0], err.message);

  mxn_executor_destroy(executor);
  mxn_model_close(compiled);
  mxn_model_close(model);
  return status == MXN_OK ? 0 : 1;
}
