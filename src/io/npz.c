/* npz.c - see npz.h. The zip format: PKWARE's APPNOTE, 4.3; archives up to 4 GiB.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "io/npz.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* The data of the entry whose directory row this is. */
static mxn_status read_entry(const archive *z, const uint8_t *row, const char *name, mxn_tensor *out, mxn_error *err) {
  const uint64_t size = u32(row + 24), at = u32(row + 42);
  if (u16(row + 10) != 0)
    return error_set(err, MXN_UNSUPPORTED, "%s: array '%s' is compressed; write the file with numpy.savez", z->path,
                     name);
  if (at + LOCAL_BYTES > z->bytes || u32(z->data + at) != local_magic)
    return malformed(z, "an entry is not where the directory says", err);
  const uint64_t start = at + LOCAL_BYTES + u16(z->data + at + 26) + u16(z->data + at + 28);
  if (start + size > z->bytes) return malformed(z, "an entry ends behind the file", err);
  char label[256];
  snprintf(label, sizeof label, "%s: array '%s'", z->path, name);
  return npy_read(z->data + start, (size_t)size, label, out, err);
}

/* "data.npy" is called data. */
static char *entry_name(const uint8_t *text, size_t bytes) {
  static const char suffix[] = ".npy";
  if (!utf8_is_text((const char *)text, bytes)) return NULL;
  if (bytes > strlen(suffix) && memcmp(text + bytes - strlen(suffix), suffix, strlen(suffix)) == 0)
    bytes -= strlen(suffix);
  return strndup((const char *)text, bytes);
}

static mxn_status read_row(const archive *z, uint64_t *at, mxn_array *out, mxn_error *err) {
  const uint8_t *row = z->data + *at;
  if (*at + CENTRAL_BYTES > z->bytes || u32(row) != central_magic) return malformed(z, "its directory is broken", err);
  const uint64_t next = *at + CENTRAL_BYTES + u16(row + 28) + u16(row + 30) + u16(row + 32);
  if (next > z->bytes) return malformed(z, "its directory ends behind the file", err);
  char *name = entry_name(row + CENTRAL_BYTES, u16(row + 28));
  if (!name) return malformed(z, "a name is not UTF-8", err);
  out->name = name;
  *at = next;
  return read_entry(z, row, name, &out->tensor, err);
}

mxn_status npz_read(const uint8_t *data, size_t bytes, const char *path, mxn_array **out_arrays, size_t *out_n,
                    mxn_error *err) {
  const archive z = {data, bytes, path};
  const uint8_t *end = bytes >= END_BYTES ? find_end(&z) : NULL;
  if (!end) return malformed(&z, "it has no directory", err);
  const size_t n = u16(end + 10);
  mxn_array *arrays = calloc(n ? n : 1, sizeof *arrays);
  if (!arrays) return error_set(err, MXN_NOMEM, "%s: out of memory", path);
  uint64_t at = u32(end + 16);
  mxn_status status = MXN_OK;
  for (size_t i = 0; i < n && status == MXN_OK; i++) status = read_row(&z, &at, &arrays[i], err);
  if (status != MXN_OK) {
    npz_free(arrays, n);
    return status;
  }
  *out_arrays = arrays;
  *out_n = n;
  return MXN_OK;
}

void npz_free(mxn_array *arrays, size_t n) {
  for (size_t i = 0; arrays && i < n; i++) free((char *)arrays[i].name);
  free(arrays);
}

/* Writing. */

/* CRC-32 of IEEE 802.3, bit by bit: outputs are small. */
static uint32_t crc32(uint32_t crc, const void *data, size_t bytes) {
  const uint8_t *p = data;
  crc = ~crc;
  for (size_t i = 0; i < bytes; i++) {
    crc ^= p[i];
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (0xedb88320u & -(crc & 1));
  }
  return ~crc;
}

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

static mxn_status fill_entry(const mxn_array *array, entry *e, mxn_error *err) {
  const mxn_type *type = &array->tensor.type;
  TRY(npy_header(type, e->header, &e->header_bytes, err));
  snprintf(e->name, sizeof e->name, "%.250s.npy", array->name);
  e->data = array->tensor.data;
  e->data_bytes = mxn_dtype_bytes(type->dtype);
  for (int32_t i = 0; i < type->n_dims; i++) e->data_bytes *= (size_t)type->dims[i];
  e->crc = crc32(crc32(0, e->header, e->header_bytes), e->data, e->data_bytes);
  return MXN_OK;
}

static mxn_status write_all(file_writer *w, const mxn_array *arrays, entry *entries, size_t n, const char *path,
                            mxn_error *err) {
  uint64_t offset = 0, directory;
  for (size_t i = 0; i < n; i++) {
    TRY(fill_entry(&arrays[i], &entries[i], err));
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
  mxn_status status = file_writer_open(path, &w, err);
  if (status == MXN_OK) status = write_all(w, arrays, entries, n, path, err);
  if (status == MXN_OK)
    status = file_writer_commit(w, err);
  else
    file_writer_abandon(w);
  free(entries);
  return status;
}
