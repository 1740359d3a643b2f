/* load.c - the model that PREFIX stands for.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/error.h"
#include "cli/commands.h"

static bool is_file(const char *path) {
  struct stat status;
  return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

static bool has_symbol(const char *prefix) {
  char *path;
  if (asprintf(&path, "%s-symbol.json", prefix) < 0) return true;
  const bool has = is_file(path);
  free(path);
  return has;
}

mxn_status load_model(const options *o, mxn_model **out_model, mxn_error *err) {
  if (is_file(o->prefix) && !has_symbol(o->prefix)) return mxn_model_load_program(o->prefix, out_model, err);
  return mxn_model_load(o->prefix, (int)o->epoch, out_model, err);
}
