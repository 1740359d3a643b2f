/* order.h - operators that sort: topk, sort, argsort; and _histogram.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_OPS_ORDER_H
#define MXN_OPS_ORDER_H

#include "ops/operator.h"

uint32_t topk_outputs(const node *n);
const char *const *topk_output_names(const node *n);
mxn_status topk_shape(inference *x);
mxn_status topk_dtype(inference *x);
mxn_status topk_forward(const forward *f);
mxn_status sort_shape(inference *x);
mxn_status sort_dtype(inference *x);
mxn_status sort_forward(const forward *f);
mxn_status argsort_dtype(inference *x);
mxn_status argsort_forward(const forward *f);
uint32_t histogram_inputs(const node *n);
mxn_status histogram_shape(inference *x);
mxn_status histogram_dtype(inference *x);
mxn_status histogram_forward(const forward *f);

#endif
