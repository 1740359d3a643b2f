/* mxnet_message.c - see mxnet_message.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "compat/mxnet_message.h"

#include <stdio.h>

#include "compat/mxnet_abi.h"

static _Thread_local char message[MXN_ERROR_MESSAGE_BYTES + 256];

int _msgSize(void) { return message[0] != '\0'; }

void _msgGet(int index, const char **out_message) {
  (void)index;
  *out_message = message;
}

static const char *advice(mxn_status status) {
  switch (status) {
    case MXN_VERSION: return "; compile the model again with this version of mxneuron";
    case MXN_TARGET: return "; compile the model again for the CPU that runs it";
    case MXN_FORMAT:
      return "; load the parameters from the compiled checkpoint again (MXNet averages the copies of several contexts "
             "in Module.get_params(), which destroys a neuronbin)";
    default: return "";
  }
}

int mxnet_answer(mxn_status status, const mxn_error *err) {
  message[0] = '\0';
  if (status == MXN_OK) return MXNET_SUCCESS;
  snprintf(message, sizeof message, "%s%s", err->message, advice(status));
  return MXNET_FAILURE;
}
