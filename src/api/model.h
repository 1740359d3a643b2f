/* model.h - making models. SPDX-License-Identifier: Apache-2.0 */
#ifndef MXN_API_MODEL_H
#define MXN_API_MODEL_H

#include "mxneuron/model.h"

/* An empty model, or NULL where memory is short. The caller sets the recovery
 * point of its arena. */
mxn_model *model_create(void);

#endif
