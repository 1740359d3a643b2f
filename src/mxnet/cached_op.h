/* cached_op.h - _CachedOp, which keeps its subgraph as the JSON text of an attribute.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_MXNET_CACHED_OP_H
#define MXN_MXNET_CACHED_OP_H

#define CACHED_OP "_CachedOp"
#define CACHED_OP_GRAPH "subgraph"

#endif
