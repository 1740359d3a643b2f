/* input_files.c - see input_files.h.
 *
 * All files are opened first, then the type of every input is settled, then the
 * numbers are written: an image is decoded once more where the channels that the
 * model wants are not its own.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/input_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "cli/pixels.h"
#include "io/array_file.h"
#include "io/image.h"
#include "io/json_arrays.h"

typedef enum source_kind { SOURCE_IMAGE, SOURCE_ARRAY, SOURCE_JSON, SOURCE_RAW } source_kind;

/* One file. */
typedef struct source {
  const char *path;
  source_kind kind;
  mapped_file file;   /* of images and raw numbers */
  image image;        /* with the channels of the file */
  array_file *arrays; /* where `array` lies */
  mxn_array array;
} source;

/* One input with its files. */
typedef struct input_files {
  char *name;
  char *paths;     /* heap; the sources' paths lie in it */
  source *sources; /* heap */
  size_t n;
  mxn_type known;         /* by --shape or by the model */
  bool has_shape;         /* by --shape */
  mxn_type candidates[2]; /* what it may be; where there are two, the model decides */
  size_t n_candidates, chosen;
} input_files;

typedef struct loader {
  const options *options;
  const mxn_model *model;
  pixel_settings pixels;
  input_files *inputs; /* heap */
  size_t n;
} loader;

/* Opening. */

static bool has_ending(const char *text, const char *ending) {
  const size_t n = strlen(text), m = strlen(ending);
  return n >= m && strcmp(text + n - m, ending) == 0;
}

static mxn_status open_array(source *s, const char *name, mxn_error *err) {
  s->kind = json_arrays_is(s->file.data, s->file.bytes) ? SOURCE_JSON : SOURCE_ARRAY;
  file_unmap(&s->file);
  TRY(array_file_load(s->path, &s->arrays, err));
  TRY(array_file_find(s->arrays, name, &s->array, err));
  if (s->array.tensor.type.n_dims >= 0) return MXN_OK;
  return error_set(err, MXN_ARGUMENT, "%s: input '%s': an array without a shape", s->path, name);
}

/* How the file begins: its first line, or its first bytes in hexadecimal. */
static const char *beginning(const mapped_file *f, char text[64]) {
  enum { MOST = 16 };
  const uint8_t *data = f->data;
  const size_t n = f->bytes < MOST ? f->bytes : MOST;
  size_t n_printable = 0;
  while (n_printable < n && data[n_printable] >= ' ' && data[n_printable] < 0x7f) n_printable++;
  if (n_printable == n || (n_printable > 0 && (data[n_printable] == '\n' || data[n_printable] == '\r')))
    return snprintf(text, 64, "'%.*s'", (int)n_printable, (const char *)data), text;
  for (size_t i = 0; i < n; i++) snprintf(text + 3 * i, 64 - 3 * i, "%02x ", data[i]);
  text[3 * n - 1] = '\0';
  return text;
}

static mxn_status unknown_kind(const source *s, mxn_error *err) {
  char text[64];
  const char *format = image_other_format(s->file.data, s->file.bytes);
  if (s->file.bytes == 0) return error_set(err, MXN_FORMAT, "%s: the file is empty", s->path);
  if (format)
    return error_set(err, MXN_UNSUPPORTED, "%s: an image in the format %s, expected JPEG or PNG", s->path, format);
  return error_set(err, MXN_FORMAT,
                   "%s: neither JPEG, PNG, .npy, .npz, JSON nor an array file of MXNet; it begins with %s", s->path,
                   beginning(&s->file, text));
}

static mxn_status open_source(source *s, const char *name, mxn_error *err) {
  TRY(file_map(s->path, &s->file, err));
  if (has_ending(s->path, ".raw") || has_ending(s->path, ".bin")) {
    s->kind = SOURCE_RAW;
    return MXN_OK;
  }
  if (array_file_is(s->file.data, s->file.bytes)) return open_array(s, name, err);
  if (!image_is(s->file.data, s->file.bytes)) return unknown_kind(s, err);
  s->kind = SOURCE_IMAGE;
  return image_decode(s->file.data, s->file.bytes, s->path, 0, &s->image, err);
}

/* A file's own name may have commas. */
static size_t split_paths(char *paths) {
  size_t n = 1;
  if (access(paths, F_OK) == 0) return 1;
  for (char *at = paths; (at = strchr(at, ',')) != NULL; at++) {
    *at = '\0';
    n++;
  }
  return n;
}

static mxn_status open_sources(input_files *in, mxn_error *err) {
  in->n = split_paths(in->paths);
  in->sources = calloc(in->n, sizeof *in->sources);
  if (!in->sources) return error_set(err, MXN_NOMEM, "out of memory");
  const char *path = in->paths;
  for (size_t i = 0; i < in->n; i++, path += strlen(path) + 1) {
    in->sources[i].path = path;
    TRY(open_source(&in->sources[i], in->name, err));
    if (in->sources[i].kind != in->sources[0].kind)
      return error_set(err, MXN_ARGUMENT, "input '%s': %s and %s are files of different kinds", in->name,
                       in->sources[0].path, path);
  }
  return MXN_OK;
}

static void finish(loader *l) {
  for (size_t i = 0; l->inputs && i < l->n; i++) {
    input_files *in = &l->inputs[i];
    for (size_t k = 0; in->sources && k < in->n; k++) {
      array_file_close(in->sources[k].arrays);
      image_finish(&in->sources[k].image);
      file_unmap(&in->sources[k].file);
    }
    free(in->sources);
    free(in->paths);
    free(in->name);
  }
  free(l->inputs);
}

/* Types. A dimension or a number of dimensions that is -1 is not known. */

static mxn_type batch_of(int64_t n, const mxn_type *item) {
  mxn_type type = *item;
  type.dims[0] = n;
  return type;
}

static int64_t item_elements(const mxn_type *type) {
  int64_t n = 1;
  for (int32_t i = 1; i < type->n_dims; i++)
    if (type->dims[i] < 0 || __builtin_mul_overflow(n, type->dims[i], &n)) return -1;
  return type->n_dims < 1 || n == 0 ? -1 : n;
}

static void add_candidate(input_files *in, const mxn_type *type) {
  in->candidates[in->n_candidates] = *type;
  in->candidates[in->n_candidates++].dtype = in->known.dtype;
}

static void note_resize(const source *s, size_t width, size_t height) {
  fprintf(stderr, "mxneuron run: %s: resized from %zux%zu to %zux%zu, for which the model was compiled\n", s->path,
          s->image.width, s->image.height, width, height);
}

/* Width and height: those asked for, those that the model was compiled for, or
 * those that all the images have. */
static mxn_status find_size(const loader *l, const input_files *in, size_t *out_width, size_t *out_height,
                            mxn_error *err) {
  const image_axes axes = pixel_axes(&l->pixels);
  const image *first = &in->sources[0].image;
  const bool is_known = is_compiled(l->model) && in->known.n_dims == 4 && in->known.dims[axes.height] > 0 &&
                        in->known.dims[axes.width] > 0;
  *out_width = l->pixels.width;
  *out_height = l->pixels.height;
  if (*out_width) return MXN_OK;
  *out_width = is_known ? (size_t)in->known.dims[axes.width] : first->width;
  *out_height = is_known ? (size_t)in->known.dims[axes.height] : first->height;
  for (size_t i = 0; i < in->n; i++) {
    const source *s = &in->sources[i];
    if (s->image.width == *out_width && s->image.height == *out_height) continue;
    if (!is_known)
      return error_set(err, MXN_ARGUMENT,
                       "input '%s': %s has %zux%zu pixels, %s has %zux%zu; --resize makes them equal", in->name,
                       in->sources[0].path, first->width, first->height, s->path, s->image.width, s->image.height);
    note_resize(s, *out_width, *out_height);
  }
  return MXN_OK;
}

static mxn_status type_images(const loader *l, input_files *in, mxn_error *err) {
  const image_axes axes = pixel_axes(&l->pixels);
  const uint32_t own = in->sources[0].image.n_channels;
  const int64_t known = in->known.n_dims == 4 ? in->known.dims[axes.channels] : -1;
  mxn_type type = {.n_dims = 4};
  size_t width, height;
  char text[256];
  if (in->has_shape)
    return error_set(err, MXN_ARGUMENT, "--shape: input '%s' comes from an image, %s; expected --resize", in->name,
                     in->sources[0].path);
  if ((in->known.n_dims >= 0 && in->known.n_dims != 4) || (known >= 0 && known != 1 && known != 3))
    return error_set(err, MXN_ARGUMENT,
                     "%s: input '%s' is %s; expected 4 dimensions with 1 or 3 channels for an image (--layout %s)",
                     in->sources[0].path, in->name, type_text(&in->known, text), l->pixels.is_nhwc ? "NHWC" : "NCHW");
  TRY(find_size(l, in, &width, &height, err));
  type.dims[0] = (int64_t)in->n;
  type.dims[axes.width] = (int64_t)width;
  type.dims[axes.height] = (int64_t)height;
  type.dims[axes.channels] = known > 0 ? known : own;
  add_candidate(in, &type);
  type.dims[axes.channels] = own == 1 ? 3 : 1;
  if (known < 0) add_candidate(in, &type);
  return MXN_OK;
}

/* Files of one array each: dimension 0 adds up, the others are equal. */
static mxn_status join_arrays(const input_files *in, mxn_type *out, mxn_error *err) {
  char a[256], b[256];
  *out = in->sources[0].array.tensor.type;
  for (size_t i = 1; i < in->n; i++) {
    const mxn_type *type = &in->sources[i].array.tensor.type;
    const mxn_type comparable = batch_of(type->n_dims > 0 ? type->dims[0] : 0, out);
    if (type->n_dims < 1 || !same_shape(&comparable, type) ||
        __builtin_add_overflow(out->dims[0], type->dims[0], &out->dims[0]))
      return error_set(err, MXN_ARGUMENT, "input '%s': %s is %s, %s is %s; a batch needs equal shapes", in->name,
                       in->sources[0].path, type_text(&in->sources[0].array.tensor.type, a), in->sources[i].path,
                       type_text(type, b));
  }
  return MXN_OK;
}

static mxn_type one_item(const mxn_type *item) {
  mxn_type type = {.dtype = item->dtype, .n_dims = item->n_dims + 1, .dims = {1}};
  memcpy(type.dims + 1, item->dims, (size_t)item->n_dims * sizeof *item->dims);
  return type;
}

/* Numbers that are as many as some items of the known shape are these items; lists
 * that lack one dimension are one item. */
static mxn_status shape_numbers(const input_files *in, source *s, mxn_error *err) {
  mxn_type *type = &s->array.tensor.type;
  const mxn_type found = *type;
  const int64_t item = item_elements(&in->known), n = (int64_t)count_elements(&found);
  char a[256], b[256];
  if (item > 0 && found.n_dims != in->known.n_dims && n % item == 0) {
    *type = batch_of(n / item, &in->known);
    type->dtype = found.dtype;
  } else if (found.n_dims + 1 == in->known.n_dims) {
    *type = one_item(&found);
  }
  if (type->n_dims == in->known.n_dims && (!in->has_shape || same_shape(type, &in->known))) return MXN_OK;
  return error_set(err, MXN_ARGUMENT, "%s: expected numbers for input '%s' of %s, got %s", s->path, in->name,
                   type_text(&in->known, a), type_text(&found, b));
}

/* Of a model that says nothing: as they are, or each file is one item. */
static mxn_status type_numbers(input_files *in, mxn_error *err) {
  mxn_type found, items;
  const bool is_known = in->known.n_dims >= 0;
  for (size_t i = 0; is_known && i < in->n; i++) TRY(shape_numbers(in, &in->sources[i], err));
  TRY(join_arrays(in, &found, err));
  add_candidate(in, &found);
  const mxn_type *one = &in->sources[0].array.tensor.type;
  if (is_known || one->n_dims == MXN_MAX_DIMS || found.dims[0] != (int64_t)in->n * one->dims[0]) return MXN_OK;
  items = one_item(one);
  items.dims[0] = (int64_t)in->n;
  add_candidate(in, &items);
  return MXN_OK;
}

/* A name that the model does not have says more than a shape that is missing. */
static mxn_status unknown_shape(const loader *l, const input_files *in, mxn_error *err) {
  const mxn_input named = {in->name, {.dtype = MXN_DTYPE_UNKNOWN, .n_dims = -1}};
  TRY(mxn_model_infer(l->model, &named, 1, NULL, NULL, err));
  return error_set(err, MXN_ARGUMENT,
                   "%s: the shape of input '%s' is not known, expected --shape %s=SHAPE for raw numbers",
                   in->sources[0].path, in->name, in->name);
}

static mxn_status type_raw(const loader *l, input_files *in, mxn_error *err) {
  const int64_t item = item_elements(&in->known);
  char text[256];
  size_t item_bytes, n_items = 0;
  if (item < 0 || __builtin_mul_overflow((size_t)item, mxn_dtype_bytes(in->known.dtype), &item_bytes))
    return unknown_shape(l, in, err);
  for (size_t i = 0; i < in->n; i++) {
    const size_t bytes = in->sources[i].file.bytes, n = bytes / item_bytes;
    const bool is_whole = in->known.dims[0] > 0 && (in->has_shape || in->n == 1);
    if (is_whole && (bytes % item_bytes || n != (size_t)in->known.dims[0]))
      return error_set(err, MXN_ARGUMENT, "%s: expected %zu bytes for input '%s' of %s, got %zu", in->sources[i].path,
                       item_bytes * (size_t)in->known.dims[0], in->name, type_text(&in->known, text), bytes);
    if (bytes == 0 || bytes % item_bytes)
      return error_set(err, MXN_ARGUMENT, "%s: expected a multiple of %zu bytes for input '%s' of %s, got %zu",
                       in->sources[i].path, item_bytes, in->name, type_text(&in->known, text), bytes);
    n_items += n;
  }
  const mxn_type type = batch_of((int64_t)n_items, &in->known);
  add_candidate(in, &type);
  return MXN_OK;
}

static mxn_status type_arrays(input_files *in, mxn_error *err) {
  mxn_type type;
  if (in->has_shape)
    return error_set(err, MXN_ARGUMENT, "--shape: input '%s' has the shape of its file, %s", in->name,
                     in->sources[0].path);
  TRY(join_arrays(in, &type, err));
  add_candidate(in, &type);
  return MXN_OK;
}

static mxn_status find_candidates(const loader *l, input_files *in, mxn_error *err) {
  switch (in->sources[0].kind) {
    case SOURCE_IMAGE: return type_images(l, in, err);
    case SOURCE_ARRAY: return type_arrays(in, err);
    case SOURCE_JSON: return type_numbers(in, err);
    case SOURCE_RAW: return type_raw(l, in, err);
  }
  return MXN_OK;
}

/* Whether the model takes the inputs with the types chosen now. */
static bool binds(const loader *l, mxn_input *inputs) {
  bound_model b;
  mxn_error ignored = {0};
  for (size_t i = 0; i < l->n; i++)
    inputs[i] = (mxn_input){l->inputs[i].name, l->inputs[i].candidates[l->inputs[i].chosen]};
  const input_set set = {.inputs = inputs, .n = l->n};
  if (bind_model(l->model, &set, &l->options->outputs, 1, &b, &ignored) != MXN_OK) return false;
  bound_finish(&b);
  return true;
}

/* Count through the candidates as digits; false after the last combination. */
static bool next_choice(loader *l) {
  for (size_t i = 0; i < l->n; i++) {
    if (++l->inputs[i].chosen < l->inputs[i].n_candidates) return true;
    l->inputs[i].chosen = 0;
  }
  return false;
}

/* Where nothing fits, the first choice stays and binding it says what is wrong. */
static mxn_status choose_types(loader *l, mxn_error *err) {
  enum { MAX_TRIALS = 16 };
  bool is_open = false;
  for (size_t i = 0; i < l->n; i++) is_open |= l->inputs[i].n_candidates > 1;
  if (!is_open) return MXN_OK;
  mxn_input *inputs = calloc(l->n, sizeof *inputs);
  if (!inputs) return error_set(err, MXN_NOMEM, "out of memory");
  bool fits = false;
  for (int i = 0; i < MAX_TRIALS && !fits; i++) {
    fits = binds(l, inputs);
    if (!fits && !next_choice(l)) break;
  }
  free(inputs);
  for (size_t i = 0; i < l->n && !fits; i++) l->inputs[i].chosen = 0;
  return MXN_OK;
}

/* Numbers. */

static mxn_status convert(const input_files *in, const source *s, const void *from, mxn_dtype dtype, char *to, size_t n,
                          mxn_error *err) {
  const size_t lost = first_lost_number(from, dtype, in->known.dtype, n);
  if (lost < n)
    return error_set(err, MXN_ARGUMENT, "%s: input '%s' is %s, which cannot hold number %zu of %s: %.9g", s->path,
                     in->name, mxn_dtype_name(in->known.dtype), lost, mxn_dtype_name(dtype),
                     number_at(from, dtype, lost));
  if (convert_numbers(from, dtype, to, in->known.dtype, n, err) == MXN_OK) return MXN_OK;
  return error_prefix(err, MXN_UNSUPPORTED, "%s: input '%s'", s->path, in->name);
}

/* Make the image what the model wants of it. */
static mxn_status prepare_image(source *s, uint32_t n_channels, size_t width, size_t height, mxn_error *err) {
  if (s->image.n_channels != n_channels) {
    image_finish(&s->image);
    TRY(image_decode(s->file.data, s->file.bytes, s->path, n_channels, &s->image, err));
  }
  if (s->image.width == width && s->image.height == height) return MXN_OK;
  image resized;
  TRY(image_resize(&s->image, width, height, &resized, err));
  image_finish(&s->image);
  s->image = resized;
  return MXN_OK;
}

static mxn_status fill_image(const loader *l, const input_files *in, source *s, char *to, size_t n, mxn_error *err) {
  const image_axes axes = pixel_axes(&l->pixels);
  const mxn_type *type = &in->candidates[in->chosen];
  const uint32_t n_channels = (uint32_t)type->dims[axes.channels];
  TRY(pixel_settings_check(&l->pixels, n_channels, s->path, err));
  TRY(prepare_image(s, n_channels, (size_t)type->dims[axes.width], (size_t)type->dims[axes.height], err));
  float *numbers = calloc(n, sizeof *numbers);
  if (!numbers) return error_set(err, MXN_NOMEM, "%s: no memory for %zu numbers", s->path, n);
  pixels_put(&l->pixels, &s->image, numbers);
  const mxn_status status = convert(in, s, numbers, MXN_FLOAT32, to, n, err);
  free(numbers);
  return status;
}

static mxn_status fill_source(const loader *l, const input_files *in, source *s, char **to, mxn_error *err) {
  const size_t size = mxn_dtype_bytes(in->known.dtype);
  const void *from = s->kind == SOURCE_RAW ? (const void *)s->file.data : s->array.tensor.data;
  const mxn_dtype dtype = s->kind == SOURCE_RAW ? in->known.dtype : s->array.tensor.type.dtype;
  size_t n;
  mxn_status status;
  if (s->kind == SOURCE_IMAGE) {
    n = count_elements(&in->candidates[in->chosen]) / in->n;
    status = fill_image(l, in, s, *to, n, err);
  } else {
    n = s->kind == SOURCE_RAW ? s->file.bytes / size : count_elements(&s->array.tensor.type);
    status = convert(in, s, from, dtype, *to, n, err);
  }
  *to += n * size;
  return status;
}

static mxn_status fill_input(const loader *l, input_set *set, size_t i, mxn_error *err) {
  const input_files *in = &l->inputs[i];
  TRY(inputs_add(set, i, in->name, &in->candidates[in->chosen], err));
  char *to = set->tensors[i].data;
  for (size_t k = 0; k < in->n; k++) TRY(fill_source(l, in, &in->sources[k], &to, err));
  return MXN_OK;
}

/* The options. */

/* The number of the first --input of that name, or how many there are. */
static size_t find_input(const options *o, const char *name, size_t name_bytes) {
  size_t i = 0;
  while (i < o->inputs.n && (strncmp(o->inputs.items[i], name, name_bytes) || o->inputs.items[i][name_bytes] != '='))
    i++;
  return i;
}

static mxn_status check_inputs(const options *o, mxn_error *err) {
  for (size_t i = 0; i < o->inputs.n; i++) {
    const char *text = o->inputs.items[i], *equals = strchr(text, '=');
    if (!equals || equals == text || !equals[1] || equals[1] == ',' || strstr(equals, ",,") || has_ending(text, ","))
      return error_set(err, MXN_ARGUMENT, "--input: expected NAME=FILE or NAME=FILE,FILE,..., got '%.200s'", text);
    if (find_input(o, text, (size_t)(equals - text)) < i)
      return error_set(err, MXN_ARGUMENT, "--input: '%.*s' is given twice; a batch is NAME=FILE,FILE,...",
                       (int)(equals - text), text);
  }
  return MXN_OK;
}

static mxn_status check_shapes(const options *o, mxn_error *err) {
  input_set shapes;
  mxn_status status = inputs_parse_shapes(&shapes, "--shape", &o->shapes, err);
  for (size_t i = 0; i < shapes.n && status == MXN_OK; i++) {
    const char *name = shapes.inputs[i].name;
    if (find_input(o, name, strlen(name)) == o->inputs.n)
      status = error_set(err, MXN_ARGUMENT, "--shape: expected the name of an --input, got '%s'", name);
  }
  inputs_finish(&shapes);
  return status;
}

mxn_status input_files_check(const options *o, mxn_error *err) {
  pixel_settings ignored;
  TRY(check_inputs(o, err));
  TRY(check_shapes(o, err));
  return pixel_settings_parse(o, &ignored, err);
}

/* What --shape says of an input. */
static void apply_shapes(const loader *l, const input_set *shapes) {
  for (size_t i = 0; i < shapes->n; i++) {
    const char *name = shapes->inputs[i].name;
    input_files *in = &l->inputs[find_input(l->options, name, strlen(name))];
    in->known = shapes->inputs[i].type;
    in->has_shape = true;
  }
}

/* MXNet makes float32 of numbers where nothing else is said. */
static mxn_type known_type(const mxn_model *model, const char *name) {
  mxn_type type = {.dtype = MXN_FLOAT32, .n_dims = -1};
  for (size_t i = 0; i < mxn_model_n_inputs(model); i++)
    if (!strcmp(mxn_model_input_name(model, i), name)) type = *mxn_model_input_type(model, i);
  if (type.dtype == MXN_DTYPE_UNKNOWN) type.dtype = MXN_FLOAT32;
  return type;
}

static mxn_status open_inputs(loader *l, mxn_error *err) {
  for (size_t i = 0; i < l->n; i++) {
    const char *text = l->options->inputs.items[i], *equals = strchr(text, '=');
    input_files *in = &l->inputs[i];
    in->name = strndup(text, (size_t)(equals - text));
    in->paths = strdup(equals + 1);
    if (!in->name || !in->paths) return error_set(err, MXN_NOMEM, "out of memory");
    in->known = known_type(l->model, in->name);
    TRY(open_sources(in, err));
  }
  return MXN_OK;
}

static mxn_status check_use_of_options(const loader *l, mxn_error *err) {
  const char *given = pixel_option_given(l->options);
  bool has_image = false;
  for (size_t i = 0; i < l->n; i++) has_image |= l->inputs[i].sources[0].kind == SOURCE_IMAGE;
  if (!given || has_image) return MXN_OK;
  return error_set(err, MXN_ARGUMENT, "%s is for images, but no input is a JPEG or a PNG", given);
}

static mxn_status load(loader *l, const input_set *shapes, input_set *set, mxn_error *err) {
  l->inputs = calloc(l->n + 1, sizeof *l->inputs);
  if (!l->inputs) return error_set(err, MXN_NOMEM, "out of memory");
  TRY(open_inputs(l, err));
  TRY(check_use_of_options(l, err));
  apply_shapes(l, shapes);
  for (size_t i = 0; i < l->n; i++) TRY(find_candidates(l, &l->inputs[i], err));
  TRY(choose_types(l, err));
  for (size_t i = 0; i < l->n; i++) TRY(fill_input(l, set, i, err));
  return MXN_OK;
}

mxn_status input_files_load(const options *o, const mxn_model *model, input_set *set, mxn_error *err) {
  loader l = {.options = o, .model = model, .n = o->inputs.n};
  TRY(inputs_init(set, o->inputs.n, err));
  TRY(pixel_settings_parse(o, &l.pixels, err));
  input_set shapes;
  mxn_status status = inputs_parse_shapes(&shapes, "--shape", &o->shapes, err);
  if (status == MXN_OK) status = load(&l, &shapes, set, err);
  inputs_finish(&shapes);
  finish(&l);
  return status;
}
