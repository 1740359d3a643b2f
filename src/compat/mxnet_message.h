/* mxnet_message.h - errors on their way to MXNet, which makes MXNetErrors of them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_COMPAT_MXNET_MESSAGE_H
#define MXN_COMPAT_MXNET_MESSAGE_H

#include "mxneuron/status.h"

/* What a function that MXNet calls answers. The message, with what the user can do, is kept for
 * this thread until its next answer; MXNet asks for it after each call. */
int mxnet_answer(mxn_status status, const mxn_error *err);

#endif
