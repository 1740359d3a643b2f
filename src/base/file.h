/* file.h - whole files: mapped for reading, replaced at once when written.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_BASE_FILE_H
#define MXN_BASE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "mxneuron/status.h"

typedef struct mapped_file {
  const uint8_t *data; /* NULL for an empty file */
  size_t bytes;
} mapped_file;

/* Map a regular file read-only (MAP_PRIVATE). Messages name the path. Whoever
 * makes the file shorter meanwhile ends the process (SIGBUS); a file that is
 * replaced by rename stays as it was. */
MXN_MUST_CHECK mxn_status file_map(const char *path, mapped_file *out_file, mxn_error *err);
void file_unmap(mapped_file *file); /* also for one that is all zero */

/* A file that is passed to another process of this run is not synced: nobody looks for it after a crash. */
typedef enum file_lifetime { FILE_KEPT, FILE_PASSED } file_lifetime;

/* A file being written under a temporary name beside `path`, which is a regular
 * file or none. */
typedef struct file_writer file_writer;
MXN_MUST_CHECK mxn_status file_writer_open(const char *path, file_lifetime lifetime, file_writer **out_writer,
                                           mxn_error *err);
/* Append; the first error sticks and comes out of file_writer_commit(). */
void file_writer_write(file_writer *writer, const void *data, size_t bytes);
/* Flush, sync what is kept, rename to `path`; frees the writer. On error the temporary file
 * is removed and `path` is as it was. */
MXN_MUST_CHECK mxn_status file_writer_commit(file_writer *writer, mxn_error *err);
/* Give up: remove the temporary file and free the writer. NULL is fine. */
void file_writer_abandon(file_writer *writer);

#endif
