/* utf8.c - see utf8.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

static bool is_continuation(uint8_t byte) { return (byte & 0xC0) == 0x80; }

/* Bytes of the character that starts with `byte`; 0 where none does. */
static size_t sequence_bytes(uint8_t byte) {
  if (byte < 0x80) return 1;
  if (byte >= 0xC2 && byte < 0xE0) return 2;
  if (byte >= 0xE0 && byte < 0xF0) return 3;
  if (byte >= 0xF0 && byte < 0xF5) return 4;
  return 0;
}

/* The second byte of some leads has a narrower range: overlong forms,
 * surrogates and numbers above U+10FFFF are out. */
static bool second_is_fine(uint8_t lead, uint8_t second) {
  if (lead == 0xE0) return second >= 0xA0;
  if (lead == 0xED) return second < 0xA0;
  if (lead == 0xF0) return second >= 0x90;
  if (lead == 0xF4) return second < 0x90;
  return true;
}

/* Bytes of the well-formed character at s[0], of `bytes` at most; 0 where there is none. */
static size_t character_bytes(const uint8_t *s, size_t bytes) {
  const size_t n = sequence_bytes(s[0]);
  if (n == 0 || n > bytes || s[0] == 0) return 0;
  for (size_t k = 1; k < n; k++)
    if (!is_continuation(s[k])) return 0;
  return n > 1 && !second_is_fine(s[0], s[1]) ? 0 : n;
}

bool utf8_is_text(const char *text, size_t bytes) {
  for (size_t i = 0, n; i < bytes; i += n)
    if ((n = character_bytes((const uint8_t *)text + i, bytes - i)) == 0) return false;
  return true;
}

static bool is_control(char c) { return ((unsigned char)c < 0x20 && c != '\t' && c != '\n') || c == 0x7F; }

void utf8_make_printable(char *text) {
  const size_t bytes = strlen(text);
  for (size_t i = 0; i < bytes;) {
    const size_t n = character_bytes((const uint8_t *)text + i, bytes - i);
    if (n == 0 || is_control(text[i])) text[i] = '?';
    i += n ? n : 1;
  }
}

size_t utf8_cut(const char *text, size_t bytes) {
  const uint8_t *s = (const uint8_t *)text;
  size_t start = bytes; /* of the last character */
  while (start > 0 && bytes - start < 3 && is_continuation(s[start - 1])) start--;
  if (start == 0) return bytes;
  start--;
  return sequence_bytes(s[start]) > bytes - start ? start : bytes;
}
