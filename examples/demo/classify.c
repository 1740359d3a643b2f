/* classify.c - load a compiled digit classifier and try it on images that it was
 * not trained on.
 *
 *     classify PREFIX IMAGES.params
 *
 * IMAGES.params holds `data` (N, 1, 8, 8) and `label` (N,), float32. Images go
 * through one at a time, as they would in a service.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "mxneuron/executor.h"
#include "mxneuron/model.h"

enum { SIDE = 8, PIXELS = SIDE * SIDE, CLASSES = 10, SHOWN = 8 };

typedef struct image_set {
  const float *data;
  const float *label;
  size_t n;
} image_set;

typedef struct answer {
  int digit;
  float probability;
} answer;

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* The arrays `data` and `label` of a file, as floats; false where they are not what this program reads. */
static bool find_images(const mxn_arrays *arrays, image_set *out_images) {
  *out_images = (image_set){0};
  size_t n_labels = 0;
  for (size_t i = 0; i < mxn_arrays_n(arrays); i++) {
    mxn_array a = mxn_arrays_get(arrays, i);
    const mxn_type *type = &a.tensor.type;
    if (type->dtype != MXN_FLOAT32) continue;
    if (strcmp(a.name, "data") == 0 && type->n_dims == 4 && type->dims[1] * type->dims[2] * type->dims[3] == PIXELS) {
      out_images->data = a.tensor.data;
      out_images->n = (size_t)type->dims[0];
    } else if (strcmp(a.name, "label") == 0 && type->n_dims == 1) {
      out_images->label = a.tensor.data;
      n_labels = (size_t)type->dims[0];
    }
  }
  return out_images->data != NULL && out_images->label != NULL && out_images->n > 0 && out_images->n == n_labels;
}

static answer best_class(const float *probabilities) {
  answer best = {0, probabilities[0]};
  for (int i = 1; i < CLASSES; i++)
    if (probabilities[i] > best.probability) best = (answer){i, probabilities[i]};
  return best;
}

static mxn_status classify(mxn_executor *executor, const mxn_type *type, const float *pixels, answer *out_answer,
                           mxn_error *err) {
  mxn_tensor input = {*type, (void *)pixels}, output;
  mxn_status status = mxn_executor_run(executor, &input, 1, &output, 1, err);
  if (status == MXN_OK) *out_answer = best_class(output.data);
  return status;
}

/* The first images side by side; pixels are 0 to 16. */
static void draw(const image_set *images, const answer *answers, size_t n) {
  static const char shades[] = " .:-=+*#@";
  for (size_t row = 0; row < SIDE; row++) {
    for (size_t i = 0; i < n; i++) {
      for (size_t column = 0; column < SIDE; column++) {
        int level = (int)images->data[i * PIXELS + row * SIDE + column] / 2;
        putchar(shades[level < 0 ? 0 : level > 8 ? 8 : level]);
      }
      putchar(i + 1 < n ? ' ' : '\n');
    }
  }
  for (size_t i = 0; i < n; i++)
    printf("%d %3.0f %%%s", answers[i].digit, 100.0 * (double)answers[i].probability, i + 1 < n ? "   " : "\n");
}

static mxn_status try_all(mxn_executor *executor, const mxn_type *type, const image_set *images, mxn_error *err) {
  answer first[SHOWN], now;
  size_t n_shown = images->n < SHOWN ? images->n : SHOWN, n_right = 0;
  double begin = now_ms();
  for (size_t i = 0; i < images->n; i++) {
    mxn_status status = classify(executor, type, images->data + i * PIXELS, &now, err);
    if (status != MXN_OK) return status;
    if (i < n_shown) first[i] = now;
    n_right += now.digit == (int)images->label[i];
  }
  double each_us = (now_ms() - begin) * 1e3 / (double)images->n;
  draw(images, first, n_shown);
  printf("\n%zu of %zu held-out images right (%.2f %%), %.1f microseconds an image\n", n_right, images->n,
         100.0 * (double)n_right / (double)images->n, each_us);
  return MXN_OK;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: %s PREFIX IMAGES.params\n", argv[0]);
    return 2;
  }
  mxn_error err = {0};
  mxn_model *model = NULL;
  mxn_arrays *arrays = NULL;
  mxn_executor *executor = NULL;
  image_set images;
  mxn_input input = {"data", {MXN_FLOAT32, 4, {1, 1, SIDE, SIDE}}};
  int code = 1;
  double begin = now_ms();

  if (mxn_model_load(argv[1], 0, &model, &err) != MXN_OK) goto out;
  if (mxn_executor_create(model, &input, 1, NULL, &executor, &err) != MXN_OK) goto out;
  printf("Loaded in %.1f ms.\n\n", now_ms() - begin);
  if (mxn_arrays_load(argv[2], &arrays, &err) != MXN_OK) goto out;
  if (!find_images(arrays, &images)) {
    snprintf(err.message, sizeof err.message, "%s: expected float32 arrays data (N, 1, 8, 8) and label (N,)", argv[2]);
    goto out;
  }
  if (try_all(executor, &input.type, &images, &err) == MXN_OK) code = 0;

out:
  if (code != 0) fprintf(stderr, "%s: %s\n", argv[0], err.message);
  mxn_executor_destroy(executor);
  mxn_arrays_close(arrays);
  mxn_model_close(model);
  return code;
}
