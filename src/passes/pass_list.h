/* pass_list.h - the names of all passes, in their order.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_PASSES_PASS_LIST_H
#define MXN_PASSES_PASS_LIST_H

#define MXN_PASS_LIST(X) \
  X(canonicalize)        \
  X(fold)                \
  X(fuse)                \
  X(layout)

#endif
