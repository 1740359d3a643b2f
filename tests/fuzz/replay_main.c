/* replay_main.c - a fuzz target without libFuzzer: every file given is one input.
 * Links with any NAME_fuzz.c; exit status 2 where a file cannot be read.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>

#include "base/file.h"
#include "fuzz/fuzz.h"

int main(int n_arguments, char **arguments) {
  for (int i = 1; i < n_arguments; i++) {
    mapped_file file;
    mxn_error err = {0};
    if (file_map(arguments[i], &file, &err) != MXN_OK) {
      fprintf(stderr, "%s\n", err.message);
      return 2;
    }
    (void)LLVMFuzzerTestOneInput(file.data, file.bytes);
    file_unmap(&file);
  }
  return 0;
}
