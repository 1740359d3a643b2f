/* exif.c - the one entry of EXIF data that changes an image: see codec.h.
 *
 * EXIF 2.3, 4.5.2: "Exif", two zeros, then a TIFF file, whose first directory has
 * rows of 12 bytes: tag, type, count, value.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "io/codec.h"

typedef struct tiff {
  const uint8_t *data;
  size_t bytes;
  bool is_big_endian;
} tiff;

static uint32_t read16(const tiff *t, size_t at) {
  const uint8_t *p = t->data + at;
  return t->is_big_endian ? (uint32_t)p[0] << 8 | p[1] : (uint32_t)p[1] << 8 | p[0];
}

static uint32_t read32(const tiff *t, size_t at) {
  const uint32_t first = read16(t, at), second = read16(t, at + 2);
  return t->is_big_endian ? first << 16 | second : second << 16 | first;
}

int exif_orientation(const uint8_t *data, size_t bytes) {
  enum { PREFIX = 6, HEADER = 8, ROW = 12, ORIENTATION = 0x112, SHORT = 3, UPRIGHT = 1, LAST = 8 };
  if (bytes < PREFIX + HEADER || memcmp(data, "Exif\0", PREFIX) != 0) return UPRIGHT;
  const tiff t = {data + PREFIX, bytes - PREFIX, data[PREFIX] == 'M'};
  const size_t directory = read32(&t, 4);
  if (directory > t.bytes - 2) return UPRIGHT;
  const size_t n_rows = read16(&t, directory), n_there = (t.bytes - directory - 2) / ROW;
  for (size_t i = 0; i < n_rows && i < n_there; i++) {
    const size_t row = directory + 2 + i * ROW;
    if (read16(&t, row) != ORIENTATION || read16(&t, row + 2) != SHORT) continue;
    const uint32_t value = read16(&t, row + 8);
    return value >= UPRIGHT && value <= LAST ? (int)value : UPRIGHT;
  }
  return UPRIGHT;
}
