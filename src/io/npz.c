/* npz.c - see npz.h. The zip format: PKWARE's APPNOTE, 4.3; archives up to 4 GiB.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "io/npz.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/error.h"
#include "base/file.h"
#include "base/utf8.h"
#include "io/npy.h"

enum {
  LOCAL_BYTES = 30,    /* header of an entry */
  CENTRAL_BYTES = 46,  /* row of the directory */
  END_BYTES = 22,      /* end of the directory */
  MAX_COMMENT = 65535, /* behind it */
};
static const uint32_t local_magic = 0x04034b50, central_magic = 0x02014b50, end_magic = 0x06054b50;

static uint32_t u16(const uint8_t *p) { return (uint32_t)p[0] | (uint32_t)p[1] << 8; }
static uint32_t u32(const uint8_t *p) { return u16(p) | u16(p + 2) << 16; }

/* Reading. */

typedef struct archive {
  const uint8_t *data;
  size_t bytes;
  const char *path;
} archive;

static mxn_status malformed(const archive *z, const char *what, mxn_error *err) {
  return error_set(err, MXN_FORMAT, "%s: malformed archive: %s", z->path, what);
}

static const uint8_t *find_end(const archive *z) {
  for (size_t back = END_BYTES; back <= z->bytes && back <= END_BYTES + MAX_COMMENT; back++)
    if (u32(z->data + z->bytes - back) == end_magic) return z->data + z->bytes - back;
  return NULL;
}

/* Deflate cannot shrink anything further than this (zlib's technical details). */
enum { MAX_RATIO = 1032, DEFLATE_SLACK = 64, METHOD_STORED = 0, METHOD_DEFLATED = 8 };

static mxn_status inflate_all(const archive *z, const char *name, const uint8_t *from, size_t from_bytes, uint8_t *to,
                              size_t to_bytes, mxn_error *err) {
  z_stream stream = {
      .next_in = (uint8_t *)from, .avail_in = (uInt)from_bytes, .next_out = to, .avail_out = (uInt)to_bytes};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return error_set(err, MXN_NOMEM, "%s: out of memory", z->path);
  const int result = inflate(&stream, Z_FINISH);
  const size_t found = stream.total_out;
  inflateEnd(&stream);
  if (result == Z_STREAM_END && found == to_bytes) return MXN_OK;
  return error_set(err, MXN_FORMAT, "%s: array '%s' is damaged: %zu bytes of %zu could be unpacked", z->path, name,
                   found, to_bytes);
}

static mxn_status check_bytes(const archive *z, const char *name, const uint8_t *data, size_t bytes, uint32_t crc,
                              mxn_error *err) {
  if (crc32_z(0, data, bytes) == crc) return MXN_OK;
  return error_set(err, MXN_FORMAT, "%s: array '%s' is damaged: its checksum is wrong", z->path, name);
}

/* Unpack an entry into memory of its own. */
static mxn_status read_deflated(const archive *z, const char *name, const uint8_t *from, size_t from_bytes,
                                size_t to_bytes, uint32_t crc, uint8_t **out_data, mxn_error *err) {
  if (to_bytes > from_bytes * MAX_RATIO + DEFLATE_SLACK)
    return error_set(err, MXN_FORMAT, "%s: array '%s': %zu bytes cannot come from %zu compressed ones", z->path, name,
                     to_bytes, from_bytes);
  uint8_t *data = malloc(to_bytes ? to_bytes : 1);
  if (!data) return error_set(err, MXN_NOMEM, "%s: no memory for the %zu bytes of array '%s'", z->path, to_bytes, name);
  mxn_status status = inflate_all(z, name, from, from_bytes, data, to_bytes, err);
  if (status == MXN_OK) status = check_bytes(z, name, data, to_bytes, crc, err);
  *out_data = data;
  if (status == MXN_OK) return MXN_OK;
  free(data);
  *out_data = NULL;
  return status;
}

/* View the .npy file of an entry, or unpack it: then *out_data is heap. */
static mxn_status find_entry(const archive *z, const uint8_t *row, const char *name, const uint8_t **out_file,
                             uint8_t **out_data, mxn_error *err) {
  const uint32_t method = u16(row + 10), crc = u32(row + 16);
  const uint64_t packed = u32(row + 20), size = u32(row + 24), at = u32(row + 42);
  if (method != METHOD_STORED && method != METHOD_DEFLATED)
    return error_set(err, MXN_UNSUPPORTED, "%s: array '%s': compression %u, expected none (0) or deflate (8)", z->path,
                     name, method);
  if (u16(row + 8) & 1) return error_set(err, MXN_UNSUPPORTED, "%s: array '%s' is encrypted", z->path, name);
  if (at + LOCAL_BYTES > z->bytes || u32(z->data + at) != local_magic)
    return malformed(z, "an entry is not where the directory says", err);
  const uint64_t start = at + LOCAL_BYTES + u16(z->data + at + 26) + u16(z->data + at + 28);
  if (start + packed > z->bytes) return malformed(z, "an entry ends behind the file", err);
  if (method == METHOD_STORED && packed != size) return malformed(z, "a stored entry has two sizes", err);
  *out_file = z->data + start;
  if (method == METHOD_STORED) return check_bytes(z, name, *out_file, (size_t)size, crc, err);
  TRY(read_deflated(z, name, z->data + start, (size_t)packed, (size_t)size, crc, out_data, err));
  *out_file = *out_data;
  return MXN_OK;
}

/* The array of the entry whose directory row this is. */
static mxn_status read_entry(const archive *z, const uint8_t *row, const char *name, mxn_tensor *out, void **out_buffer,
                             mxn_error *err) {
  const uint8_t *file = NULL;
  uint8_t *unpacked = NULL;
  void *reordered = NULL;
  char label[256];
  snprintf(label, sizeof label, "%s: array '%s'", z->path, name);
  TRY(find_entry(z, row, name, &file, &unpacked, err));
  const mxn_status status = npy_read(file, u32(row + 24), label, out, &reordered, err);
  if (reordered) free(unpacked);
  *out_buffer = reordered ? reordered : unpacked;
  return status;
}

/* "data.npy" is called data. */
static char *entry_name(const uint8_t *text, size_t bytes) {
  static const char suffix[] = ".npy";
  if (!utf8_is_text((const char *)text, bytes)) return NULL;
  if (bytes > strlen(suffix) && memcmp(text + bytes - strlen(suffix), suffix, strlen(suffix)) == 0)
    bytes -= strlen(suffix);
  return strndup((const char *)text, bytes);
}

static mxn_status read_row(const archive *z, uint64_t *at, mxn_array *out, void **out_buffer, mxn_error *err) {
  const uint8_t *row = z->data + *at;
  if (*at + CENTRAL_BYTES > z->bytes || u32(row) != central_magic) return malformed(z, "its directory is broken", err);
  const uint64_t next = *at + CENTRAL_BYTES + u16(row + 28) + u16(row + 30) + u16(row + 32);
  if (next > z->bytes) return malformed(z, "its directory ends behind the file", err);
  char *name = entry_name(row + CENTRAL_BYTES, u16(row + 28));
  if (!name) return malformed(z, "a name is not UTF-8", err);
  out->name = name;
  *at = next;
  return read_entry(z, row, name, &out->tensor, out_buffer, err);
}

mxn_status npz_read(const uint8_t *data, size_t bytes, const char *path, array_list *out_arrays, mxn_error *err) {
  const archive z = {data, bytes, path};
  const uint8_t *end = bytes >= END_BYTES ? find_end(&z) : NULL;
  if (!end) return malformed(&z, "it has no directory", err);
  array_list list;
  TRY(array_list_init(&list, u16(end + 10), path, err));
  uint64_t at = u32(end + 16);
  mxn_status status = MXN_OK;
  for (size_t i = 0; i < list.n && status == MXN_OK; i++)
    status = read_row(&z, &at, &list.arrays[i], &list.buffers[i], err);
  if (status == MXN_OK)
    *out_arrays = list;
  else
    array_list_finish(&list);
  return status;
}

/* Writing. */

/* An entry as header and directory row both describe it. */
typedef struct entry {
  char name[256];
  char header[NPY_HEADER_BYTES];
  size_t header_bytes, data_bytes;
  const void *data;
  uint32_t crc, offset;
} entry;

static void put16(uint8_t *p, uint32_t number) {
  p[0] = (uint8_t)number;
  p[1] = (uint8_t)(number >> 8);
}
static void put32(uint8_t *p, uint32_t number) {
  put16(p, number);
  put16(p + 2, number >> 16);
}

/* The 26 bytes that both records share, from "version needed" to "extra length". */
static void put_common(uint8_t *p, const entry *e) {
  const uint32_t size = (uint32_t)(e->header_bytes + e->data_bytes);
  put16(p, 20);
  put32(p + 6, 0x00210000); /* 1 January 1980, so that equal arrays give equal files */
  put32(p + 10, e->crc);
  put32(p + 14, size);
  put32(p + 18, size);
  put16(p + 22, (uint32_t)strlen(e->name));
}

static void write_entry(file_writer *w, const entry *e) {
  uint8_t record[LOCAL_BYTES] = {0};
  put32(record, local_magic);
  put_common(record + 4, e);
  file_writer_write(w, record, sizeof record);
  file_writer_write(w, e->name, strlen(e->name));
  file_writer_write(w, e->header, e->header_bytes);
  file_writer_write(w, e->data, e->data_bytes);
}

static void write_row(file_writer *w, const entry *e) {
  uint8_t record[CENTRAL_BYTES] = {0};
  put32(record, central_magic);
  put16(record + 4, 20);
  put_common(record + 6, e);
  put32(record + 42, e->offset);
  file_writer_write(w, record, sizeof record);
  file_writer_write(w, e->name, strlen(e->name));
}

static void write_end(file_writer *w, size_t n, uint64_t offset, uint64_t bytes) {
  uint8_t record[END_BYTES] = {0};
  put32(record, end_magic);
  put16(record + 8, (uint32_t)n);
  put16(record + 10, (uint32_t)n);
  put32(record + 12, (uint32_t)bytes);
  put32(record + 16, (uint32_t)offset);
  file_writer_write(w, record, sizeof record);
}

static mxn_status fill_entry(const mxn_array *array, const char *path, entry *e, mxn_error *err) {
  const mxn_type *type = &array->tensor.type;
  TRY(npy_header(type, path, e->header, &e->header_bytes, err));
  snprintf(e->name, sizeof e->name, "%.250s.npy", array->name);
  e->data = array->tensor.data;
  e->data_bytes = mxn_dtype_bytes(type->dtype);
  for (int32_t i = 0; i < type->n_dims; i++) e->data_bytes *= (size_t)type->dims[i];
  e->crc = (uint32_t)crc32_z(0, (const Bytef *)e->header, e->header_bytes);
  if (e->data_bytes > 0) e->crc = (uint32_t)crc32_z(e->crc, e->data, e->data_bytes); /* NULL would start anew */
  return MXN_OK;
}

static mxn_status write_all(file_writer *w, const mxn_array *arrays, entry *entries, size_t n, const char *path,
                            mxn_error *err) {
  uint64_t offset = 0, directory;
  for (size_t i = 0; i < n; i++) {
    TRY(fill_entry(&arrays[i], path, &entries[i], err));
    entries[i].offset = (uint32_t)offset;
    offset += LOCAL_BYTES + strlen(entries[i].name) + entries[i].header_bytes + entries[i].data_bytes;
    if (offset > UINT32_MAX || n > UINT16_MAX)
      return error_set(err, MXN_UNSUPPORTED, "%s: arrays of more than 4 GiB do not fit an .npz file", path);
    write_entry(w, &entries[i]);
  }
  directory = offset;
  for (size_t i = 0; i < n; i++) {
    write_row(w, &entries[i]);
    offset += CENTRAL_BYTES + strlen(entries[i].name);
  }
  write_end(w, n, directory, offset - directory);
  return MXN_OK;
}

mxn_status npz_write(const char *path, const mxn_array *arrays, size_t n, mxn_error *err) {
  entry *entries = calloc(n ? n : 1, sizeof *entries);
  file_writer *w = NULL;
  if (!entries) return error_set(err, MXN_NOMEM, "%s: out of memory", path);
  mxn_status status = file_writer_open(path, FILE_KEPT, &w, err);
  if (status == MXN_OK) status = write_all(w, arrays, entries, n, path, err);
  if (status == MXN_OK)
    status = file_writer_commit(w, err);
  else
    file_writer_abandon(w);
  free(entries);
  return status;
}
