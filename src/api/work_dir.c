/* work_dir.c - see work_dir.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/work_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

/* Files only: neither we nor neuron-cc make folders in it. */
static void remove_folder(const char *path) {
  DIR *folder = opendir(path);
  if (!folder) return;
  for (const struct dirent *entry; (entry = readdir(folder));) unlinkat(dirfd(folder), entry->d_name, 0);
  closedir(folder);
  rmdir(path);
}

void work_dir_close(work_dir *dir) {
  if (dir->path && dir->is_temporary) remove_folder(dir->path);
  dir->path = NULL;
}

static void release(void *dir) { work_dir_close(dir); }

static mxn_status use_wanted(const char *wanted, mxn_error *err) {
  struct stat status;
  if (mkdir(wanted, 0777) == 0) return MXN_OK;
  const int failure = errno;
  if (failure == EEXIST && stat(wanted, &status) == 0 && S_ISDIR(status.st_mode)) return MXN_OK;
  return error_set(err, MXN_IO, "%s: cannot make the folder: %s", wanted, strerror(failure));
}

static mxn_status make_temporary(arena *a, const char **out_path, mxn_error *err) {
  const char *parent = getenv("TMPDIR");
  char *path = arena_printf(a, "%s/mxneuron-XXXXXX", parent && *parent ? parent : P_tmpdir);
  if (!mkdtemp(path)) return error_set_system(err, path, "make a folder", errno);
  *out_path = path;
  return MXN_OK;
}

mxn_status work_dir_open(arena *a, const char *wanted, work_dir **out_dir, mxn_error *err) {
  work_dir *dir = arena_alloc(a, sizeof *dir);
  arena_defer(a, release, dir);
  dir->is_temporary = !wanted;
  if (wanted)
    TRY(use_wanted(wanted, err));
  else
    TRY(make_temporary(a, &wanted, err));
  dir->path = wanted;
  *out_dir = dir;
  return MXN_OK;
}
