/* image.c - the _image_ operators. Images are (height, width, channels), or several
 * of them; tensors are (channels, height, width).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "ops/family.h"
#include "ops/number.h"

/* Dimensions from the last one: a batch may stand before them. */
typedef struct image {
  int64_t batch, height, width, channels;
  size_t pixel, row; /* bytes */
} image;

static image image_of(const mxn_type *t) {
  const int64_t *last = t->dims + t->n_dims - 3;
  image i = {t->n_dims > 3 ? t->dims[0] : 1, last[0], last[1], last[2], 0, 0};
  i.pixel = (size_t)i.channels * mxn_dtype_bytes(t->dtype);
  i.row = (size_t)i.width * i.pixel;
  return i;
}

static mxn_status check_dims(inference *x) {
  const int32_t n_dims = x->inputs[0]->n_dims;
  if (n_dims < 0 || n_dims == 3 || n_dims == 4) return MXN_OK;
  return infer_error(x, MXN_SHAPE, "data has %d dimensions, expected 3 or 4", n_dims);
}

/* Output 0 is data with another height and width. */
static mxn_status infer_size(inference *x, int64_t height, int64_t width) {
  mxn_type output = *x->inputs[0];
  output.dims[output.n_dims - 3] = height;
  output.dims[output.n_dims - 2] = width;
  return infer_output(x, 0, &output);
}

/* Crop. */

static mxn_status check_side(inference *x, const char *start, const char *length, int64_t size) {
  const int64_t from = op_int(x->node, start), n = op_int(x->node, length);
  if (from >= 0 && n > 0 && (size < 0 || from + n <= size)) return MXN_OK;
  return infer_error(x, MXN_SHAPE, "%s is %" PRId64 " and %s %" PRId64 ", expected a part of %" PRId64, start, from,
                     length, n, size);
}

mxn_status image_crop_shape(inference *x) {
  const mxn_type *data = x->inputs[0];
  TRY(check_dims(x));
  if (data->n_dims < 0) return MXN_OK;
  const int64_t channels = data->dims[data->n_dims - 1];
  if (channels >= 0 && channels != 1 && channels != 3)
    return infer_error(x, MXN_SHAPE, "data has %" PRId64 " channels, expected 1 or 3", channels);
  TRY(check_side(x, "y", "height", data->dims[data->n_dims - 3]));
  TRY(check_side(x, "x", "width", data->dims[data->n_dims - 2]));
  return infer_size(x, op_int(x->node, "height"), op_int(x->node, "width"));
}

mxn_status image_crop_forward(const forward *f) {
  const image in = image_of(&f->inputs[0].type), out = image_of(&f->outputs[0].type);
  const int64_t top = op_int(f->node, "y"), left = op_int(f->node, "x");
  const char *from = f->inputs[0].data;
  char *to = f->outputs[0].data;
  for (int64_t i = 0; i < out.batch * out.height; i++) {
    const int64_t row = i / out.height * in.height + top + i % out.height;
    memcpy(to + (size_t)i * out.row, from + (size_t)row * in.row + (size_t)left * in.pixel, out.row);
  }
  return MXN_OK;
}

/* Flips. */

static mxn_status check_channels(inference *x) {
  const mxn_type *data = x->inputs[0];
  const int64_t channels = data->n_dims < 3 ? -1 : data->dims[data->n_dims - 1];
  if (channels < 0 || channels == 1 || channels == 3) return MXN_OK;
  return infer_error(x, MXN_SHAPE, "data has %" PRId64 " channels, expected 1 or 3", channels);
}

mxn_status image_flip_shape(inference *x) {
  const int32_t n_dims = x->inputs[0]->n_dims;
  if (n_dims >= 0 && n_dims != 3) return infer_error(x, MXN_SHAPE, "data has %d dimensions, expected 3", n_dims);
  TRY(check_channels(x));
  return infer_same_shape(x);
}

mxn_status image_flip_left_right_forward(const forward *f) {
  const image in = image_of(&f->inputs[0].type);
  const char *from = f->inputs[0].data;
  char *to = f->outputs[0].data;
  for (int64_t i = 0; i < in.batch * in.height * in.width; i++) {
    const int64_t mirrored = i / in.width * in.width + in.width - 1 - i % in.width;
    if (in.pixel > 0) memcpy(to + (size_t)i * in.pixel, from + (size_t)mirrored * in.pixel, in.pixel);
  }
  return MXN_OK;
}

mxn_status image_flip_top_bottom_forward(const forward *f) {
  const image in = image_of(&f->inputs[0].type);
  const char *from = f->inputs[0].data;
  char *to = f->outputs[0].data;
  for (int64_t i = 0; i < in.batch * in.height; i++) {
    const int64_t mirrored = i / in.height * in.height + in.height - 1 - i % in.height;
    if (in.row > 0) memcpy(to + (size_t)i * in.row, from + (size_t)mirrored * in.row, in.row);
  }
  return MXN_OK;
}

/* To a tensor of float32 from 0 to 1. */

mxn_status image_to_tensor_shape(inference *x) {
  const mxn_type *data = x->inputs[0];
  TRY(check_dims(x));
  if (data->n_dims < 0) return MXN_OK;
  mxn_type output = *data;
  int64_t *to = output.dims + output.n_dims - 3;
  const int64_t *from = data->dims + data->n_dims - 3;
  to[0] = from[2];
  to[1] = from[0];
  to[2] = from[1];
  return infer_output(x, 0, &output);
}

mxn_status image_to_tensor_dtype(inference *x) { return infer_output_dtype(x, 0, MXN_FLOAT32); }

mxn_status image_to_tensor_forward(const forward *f) {
  const image in = image_of(&f->inputs[0].type);
  const int64_t plane = in.height * in.width;
  for (int64_t i = 0; i < in.batch * in.channels * plane; i++) {
    double x;
    load_doubles(&f->inputs[0],
                 i / plane / in.channels * plane * in.channels + i % plane * in.channels + i / plane % in.channels, 1,
                 &x);
    x /= 255;
    store_doubles(&f->outputs[0], i, 1, &x);
  }
  return MXN_OK;
}

/* Normalize a tensor: (x - mean) / std, for each channel. */

mxn_status image_normalize_shape(inference *x) {
  static const char *const names[] = {"mean", "std"};
  const mxn_type *data = x->inputs[0];
  TRY(check_dims(x));
  TRY(infer_same_shape(x));
  if (data->n_dims < 0) return MXN_OK;
  const int64_t channels = data->dims[data->n_dims - 3];
  if (channels >= 0 && channels != 1 && channels != 3)
    return infer_error(x, MXN_SHAPE, "data has %" PRId64 " channels, expected 1 or 3", channels);
  for (int i = 0; i < 2 && channels >= 0; i++) {
    const int64_t n = op_numbers_of(x->node, names[i]).n;
    if (n != 1 && n != channels)
      return infer_error(x, MXN_SHAPE, "%s has %" PRId64 " values, expected 1 or %" PRId64, names[i], n, channels);
  }
  return MXN_OK;
}

mxn_status image_normalize_forward(const forward *f) {
  const mxn_type *t = &f->inputs[0].type;
  const int64_t *last = t->dims + t->n_dims - 3, plane = last[1] * last[2];
  const op_numbers mean = op_numbers_of(f->node, "mean"), std = op_numbers_of(f->node, "std");
  const int64_t planes = last[0] * (t->n_dims > 3 ? t->dims[0] : 1);
  double *x = arena_array(f->scratch, (size_t)plane, sizeof *x);
  for (int64_t i = 0; i < planes; i++) {
    const int64_t c = i % last[0];
    load_doubles(&f->inputs[0], i * plane, plane, x);
    for (int64_t k = 0; k < plane; k++) x[k] = (x[k] - mean.v[mean.n > 1 ? c : 0]) / std.v[std.n > 1 ? c : 0];
    store_doubles(&f->outputs[0], i * plane, plane, x);
  }
  return MXN_OK;
}

/* Resize: image_resize.c does it. */

static int64_t kept_ratio(int64_t side, int64_t short_side, int64_t size) {
  return side <= short_side ? size : side * size / short_side;
}

mxn_status image_resize_shape(inference *x) {
  const mxn_type *data = x->inputs[0];
  const op_tuple size = op_tuple_of(x->node, "size");
  TRY(check_dims(x));
  if ((size.n != 1 && size.n != 2) || size.v[0] < 1 || size.v[size.n - 1] < 1 || size.v[0] > INT32_MAX ||
      size.v[size.n - 1] > INT32_MAX)
    return infer_error(x, MXN_SHAPE, "size has %d values, expected one or two of at least 1", size.n < 0 ? 0 : size.n);
  if (data->n_dims < 0) return MXN_OK;
  const int64_t height = data->dims[data->n_dims - 3], width = data->dims[data->n_dims - 2];
  if (height == 0 || width == 0)
    return infer_error(x, MXN_SHAPE, "data is %" PRId64 " by %" PRId64 ", expected at least 1 by 1", height, width);
  if (size.n == 2) return infer_size(x, size.v[1], size.v[0]);
  if (!op_bool(x->node, "keep_ratio")) return infer_size(x, size.v[0], size.v[0]);
  if (height < 0 || width < 0) return MXN_OK;
  const int64_t shorter = height < width ? height : width;
  if (shorter < 1 || height > INT32_MAX || width > INT32_MAX)
    return infer_error(x, MXN_SHAPE, "data is %" PRId64 " by %" PRId64, height, width);
  return infer_size(x, kept_ratio(height, shorter, size.v[0]), kept_ratio(width, shorter, size.v[0]));
}

mxn_status image_resize_dtype(inference *x) {
  TRY(infer_data_dtype(x));
  const mxn_dtype dtype = x->inputs[0]->dtype;
  if (dtype == MXN_DTYPE_UNKNOWN || dtype == MXN_UINT8 || dtype == MXN_FLOAT32 || dtype == MXN_FLOAT64 ||
      dtype == MXN_INT32)
    return MXN_OK;
  return infer_error(x, MXN_UNSUPPORTED, "data is %s, expected uint8, int32, float32 or float64",
                     mxn_dtype_name(dtype));
}

mxn_status image_cv_resize_shape(inference *x) {
  const mxn_type *data = x->inputs[0];
  if (data->n_dims < 0) return MXN_OK;
  if (data->n_dims != 3) return infer_error(x, MXN_SHAPE, "src has %d dimensions, expected 3", data->n_dims);
  if (data->dims[0] == 0 || data->dims[1] == 0)
    return infer_error(x, MXN_SHAPE, "src is %" PRId64 " by %" PRId64 ", expected at least 1 by 1", data->dims[0],
                       data->dims[1]);
  return infer_size(x, op_int(x->node, "h"), op_int(x->node, "w"));
}

/* A border around an image. */

enum { CONSTANT, REPLICATE, REFLECT, WRAP, REFLECT_101, N_BORDERS };

mxn_status image_border_shape(inference *x) {
  static const char *const margins[] = {"top", "bot", "left", "right"};
  const mxn_type *data = x->inputs[0];
  const int64_t type = op_int(x->node, "type");
  mxn_type output = *data;
  if (type < 0 || type >= N_BORDERS)
    return infer_error(x, MXN_ARGUMENT, "type is %" PRId64 ", expected 0 to %d", type, N_BORDERS - 1);
  if (op_numbers_of(x->node, "values").n > 4) return infer_error(x, MXN_ARGUMENT, "values are more than 4");
  for (int i = 0; i < 4; i++)
    if (op_int(x->node, margins[i]) < 0)
      return infer_error(x, MXN_ARGUMENT, "%s is %" PRId64 ", expected at least 0", margins[i],
                         op_int(x->node, margins[i]));
  if (data->n_dims < 0) return MXN_OK;
  if (data->n_dims != 3) return infer_error(x, MXN_SHAPE, "src has %d dimensions, expected 3", data->n_dims);
  for (int d = 0; d < 2; d++) {
    const int64_t margin = op_int(x->node, margins[2 * d]) + op_int(x->node, margins[2 * d + 1]);
    if (data->dims[d] == 0) return infer_error(x, MXN_SHAPE, "src is empty");
    if (data->dims[d] > INT32_MAX) return infer_error(x, MXN_SHAPE, "src has %" PRId64 " rows", data->dims[d]);
    if (data->dims[d] > 0) output.dims[d] += margin;
  }
  if (type == CONSTANT && data->dims[2] > 4)
    return infer_error(x, MXN_SHAPE, "src has %" PRId64 " channels, expected 1 to 4", data->dims[2]);
  return infer_output(x, 0, &output);
}

mxn_status image_border_dtype(inference *x) {
  TRY(infer_data_dtype(x));
  const mxn_dtype dtype = x->inputs[0]->dtype;
  if (dtype == MXN_DTYPE_UNKNOWN || dtype == MXN_UINT8 || dtype == MXN_INT32 || dtype == MXN_FLOAT32 ||
      dtype == MXN_FLOAT64)
    return MXN_OK;
  return infer_error(x, MXN_SHAPE, "src is %s, expected uint8, int32, float32 or float64", mxn_dtype_name(dtype));
}

/* Which of `size` pixels stands at i, that may be outside; -1: none. */
static int64_t behind_border(int64_t i, int64_t size, int64_t type) {
  if (i >= 0 && i < size) return i;
  if (type == CONSTANT) return -1;
  if (type == REPLICATE || size == 1) return i < 0 ? 0 : size - 1;
  const int64_t period = type == WRAP ? size : type == REFLECT ? 2 * size : 2 * size - 2;
  const int64_t at = (i % period + period) % period;
  return at < size ? at : type == REFLECT ? period - 1 - at : period - at;
}

mxn_status image_border_forward(const forward *f) {
  const image in = image_of(&f->inputs[0].type), out = image_of(&f->outputs[0].type);
  const int64_t type = op_int(f->node, "type"), top = op_int(f->node, "top"), left = op_int(f->node, "left");
  const op_numbers values = op_numbers_of(f->node, "values");
  for (int64_t i = 0; i < out.height * out.width; i++) {
    const int64_t row = behind_border(i / out.width - top, in.height, type);
    const int64_t column = behind_border(i % out.width - left, in.width, type);
    for (int64_t c = 0; c < out.channels; c++) {
      double x = values.n > 0 ? (c < values.n ? values.v[c] : 0) : c < 3 ? op_float(f->node, "value") : 0;
      if (row >= 0 && column >= 0) load_doubles(&f->inputs[0], (row * in.width + column) * in.channels + c, 1, &x);
      store_doubles(&f->outputs[0], i * out.channels + c, 1, &x);
    }
  }
  return MXN_OK;
}
