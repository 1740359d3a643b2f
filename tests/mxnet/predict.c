/* predict.c - MXNet's own C predict API on a compiled checkpoint.
 *
 *     predict EXTENSION.so PREFIX N C H W THREADS <data >outputs
 *
 * data is N*C*H*W float32 numbers. The outputs are those of a predictor made for the
 * batch, of one made for one sample and reshaped, and of a predictor in each of THREADS
 * threads, one after another.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <mxnet/c_predict_api.h>

extern int MXLoadLib(const char *path, unsigned verbose);
extern int MXNotifyShutdown(void);

enum { N_DIMS = 4, MAX_THREADS = 16, CPU = 1 };

static char *symbol;
static void *params;
static int params_bytes;
static uint32_t shape[N_DIMS];
static float *data;

static void check(int status, const char *what) {
  if (status == 0) return;
  fprintf(stderr, "%s: %s\n", what, MXGetLastError());
  exit(1);
}

static void *read_file(const char *prefix, const char *suffix, size_t *out_bytes) {
  char path[1024];
  snprintf(path, sizeof path, "%s%s", prefix, suffix);
  FILE *file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END) != 0) exit(2);
  const size_t bytes = (size_t)ftell(file);
  char *content = calloc(1, bytes + 1);
  rewind(file);
  if (!content || fread(content, 1, bytes, file) != bytes) exit(2);
  fclose(file);
  *out_bytes = bytes;
  return content;
}

static uint32_t n_numbers(const uint32_t *dims, uint32_t n_dims) {
  uint32_t n = 1;
  for (uint32_t i = 0; i < n_dims; i++) n *= dims[i];
  return n;
}

static PredictorHandle create(uint32_t batch) {
  const char *keys[] = {"data"};
  const uint32_t begins[] = {0, N_DIMS}, dims[N_DIMS] = {batch, shape[1], shape[2], shape[3]};
  PredictorHandle predictor;
  check(MXPredCreate(symbol, params, params_bytes, CPU, 0, 1, keys, begins, dims, &predictor), "MXPredCreate");
  return predictor;
}

static PredictorHandle reshape(PredictorHandle old) {
  const char *keys[] = {"data"};
  const uint32_t begins[] = {0, N_DIMS};
  PredictorHandle predictor;
  check(MXPredReshape(1, keys, begins, shape, old, &predictor), "MXPredReshape");
  return predictor;
}

/* The first output, on the heap. */
static float *run(PredictorHandle predictor, uint32_t *out_n) {
  uint32_t *dims, n_dims;
  check(MXPredSetInput(predictor, "data", data, n_numbers(shape, N_DIMS)), "MXPredSetInput");
  check(MXPredForward(predictor), "MXPredForward");
  check(MXPredGetOutputShape(predictor, 0, &dims, &n_dims), "MXPredGetOutputShape");
  *out_n = n_numbers(dims, n_dims);
  float *output = calloc(*out_n, sizeof *output);
  if (!output) exit(2);
  check(MXPredGetOutput(predictor, 0, output, *out_n), "MXPredGetOutput");
  return output;
}

static void print(PredictorHandle predictor) {
  uint32_t n;
  float *output = run(predictor, &n);
  if (fwrite(output, sizeof *output, n, stdout) != n) exit(2);
  free(output);
}

static void *run_often(void *predictor) {
  uint32_t n;
  for (int i = 0; i < 20; i++) free(run(predictor, &n));
  return NULL;
}

static void run_in_threads(int n_threads) {
  PredictorHandle predictors[MAX_THREADS];
  pthread_t threads[MAX_THREADS];
  for (int i = 0; i < n_threads; i++) predictors[i] = create(shape[0]);
  for (int i = 0; i < n_threads; i++) check(pthread_create(&threads[i], NULL, run_often, predictors[i]), "thread");
  for (int i = 0; i < n_threads; i++) pthread_join(threads[i], NULL);
  for (int i = 0; i < n_threads; i++) {
    print(predictors[i]);
    MXPredFree(predictors[i]);
  }
}

int main(int argc, char **argv) {
  size_t bytes;
  if (argc != 8) return 2;
  for (int i = 0; i < N_DIMS; i++) shape[i] = (uint32_t)strtoul(argv[3 + i], NULL, 10);
  const int n_threads = atoi(argv[7]);
  if (n_threads > MAX_THREADS) return 2;
  symbol = read_file(argv[2], "-symbol.json", &bytes);
  params = read_file(argv[2], "-0000.params", &bytes);
  params_bytes = (int)bytes;
  data = calloc(n_numbers(shape, N_DIMS), sizeof *data);
  if (!data || fread(data, sizeof *data, n_numbers(shape, N_DIMS), stdin) != n_numbers(shape, N_DIMS)) return 2;
  check(MXLoadLib(argv[1], false), "MXLoadLib");

  PredictorHandle whole = create(shape[0]), one = create(1), reshaped = reshape(one);
  print(whole);
  print(reshaped);
  run_in_threads(n_threads);
  MXPredFree(reshaped);
  MXPredFree(one);
  /* With a predictor open. MXNet's threads may still be deleting, and abort a process that ends
   * without this, whatever operators it ran; Python's MXNet calls it at exit. */
  check(MXNotifyShutdown(), "MXNotifyShutdown");
  return 0;
}
