/* file.c - see file.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

static mxn_status map_descriptor(int fd, const char *path, mapped_file *out_file, mxn_error *err) {
  struct stat status;
  if (fstat(fd, &status) != 0) return error_set_system(err, path, "read", errno);
  if (!S_ISREG(status.st_mode)) return error_set(err, MXN_IO, "%s: cannot read: not a regular file", path);
  if (status.st_size == 0) return MXN_OK;
  const size_t bytes = (size_t)status.st_size;
  void *data = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, fd, 0);
  if (data == MAP_FAILED) return error_set_system(err, path, "map", errno);
  *out_file = (mapped_file){data, bytes};
  return MXN_OK;
}

mxn_status file_map(const char *path, mapped_file *out_file, mxn_error *err) {
  *out_file = (mapped_file){NULL, 0};
  /* Without O_NONBLOCK a named pipe would wait for its writer. */
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return error_set_system(err, path, "open", errno);
  const mxn_status status = map_descriptor(fd, path, out_file, err);
  close(fd);
  return status;
}

void file_unmap(mapped_file *file) {
  if (file->data) munmap((void *)file->data, file->bytes);
  *file = (mapped_file){NULL, 0};
}

enum { BUFFER_BYTES = 64 << 10 };

struct file_writer {
  int fd;
  int failure; /* errno of the first error, or 0 */
  file_lifetime lifetime;
  char *path, *temporary;
  size_t buffered;
  uint8_t buffer[BUFFER_BYTES];
};

/* A rename would put a file in the place of a device, a pipe or a socket. What a
 * folder does, rename() says. */
static bool is_special(const char *path) {
  struct stat status;
  return stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

/* A new file "PATH.tmp-PID-N" with the permissions that the umask leaves, which
 * mkstemp would not give. */
static int open_temporary(file_writer *w, size_t bytes) {
  static atomic_uint counter;
  for (int attempt = 0; attempt < 100; attempt++) {
    snprintf(w->temporary, bytes, "%s.tmp-%ld-%u", w->path, (long)getpid(), atomic_fetch_add(&counter, 1));
    w->fd = open(w->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (w->fd >= 0) return 0;
    if (errno != EEXIST) return errno;
  }
  return EEXIST;
}

static void destroy_writer(file_writer *w) {
  free(w->path);
  free(w->temporary);
  free(w);
}

mxn_status file_writer_open(const char *path, file_lifetime lifetime, file_writer **out_writer, mxn_error *err) {
  *out_writer = NULL;
  if (is_special(path)) return error_set(err, MXN_IO, "%s: cannot write: not a regular file", path);
  file_writer *w = calloc(1, sizeof *w);
  if (!w) return error_set(err, MXN_NOMEM, "%s: out of memory", path);
  w->lifetime = lifetime;
  const size_t bytes = strlen(path) + 48;
  w->path = strdup(path);
  w->temporary = malloc(bytes);
  const int failure = w->path && w->temporary ? open_temporary(w, bytes) : ENOMEM;
  if (failure) {
    destroy_writer(w);
    return error_set_system(err, path, "create", failure);
  }
  *out_writer = w;
  return MXN_OK;
}

static void write_through(file_writer *w, const uint8_t *data, size_t bytes) {
  while (bytes > 0 && !w->failure) {
    const ssize_t n = write(w->fd, data, bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      w->failure = errno;
      return;
    }
    data += n;
    bytes -= (size_t)n;
  }
}

static void flush_buffer(file_writer *w) {
  write_through(w, w->buffer, w->buffered);
  w->buffered = 0;
}

void file_writer_write(file_writer *writer, const void *data, size_t bytes) {
  if (bytes == 0) return;
  if (bytes > sizeof writer->buffer - writer->buffered) flush_buffer(writer);
  if (bytes > sizeof writer->buffer) {
    write_through(writer, data, bytes);
    return;
  }
  memcpy(writer->buffer + writer->buffered, data, bytes);
  writer->buffered += bytes;
}

/* So that the new name survives a crash of the machine. The file is in place
 * already: an error here is no error of the write. */
static void sync_folder(const char *path) {
  const char *slash = strrchr(path, '/');
  char *folder = slash == path ? strdup("/") : slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
  if (!folder) return;
  const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  free(folder);
  if (fd < 0) return;
  (void)fsync(fd);
  close(fd);
}

mxn_status file_writer_commit(file_writer *writer, mxn_error *err) {
  flush_buffer(writer);
  const bool is_kept = writer->lifetime == FILE_KEPT;
  if (!writer->failure && is_kept && fsync(writer->fd) != 0) writer->failure = errno;
  if (close(writer->fd) != 0 && !writer->failure) writer->failure = errno;
  if (!writer->failure && rename(writer->temporary, writer->path) != 0) writer->failure = errno;
  mxn_status status = MXN_OK;
  if (writer->failure) {
    unlink(writer->temporary);
    status = error_set_system(err, writer->path, "write", writer->failure);
  } else if (is_kept) {
    sync_folder(writer->path);
  }
  destroy_writer(writer);
  return status;
}

void file_writer_abandon(file_writer *writer) {
  if (!writer) return;
  close(writer->fd);
  unlink(writer->temporary);
  destroy_writer(writer);
}
