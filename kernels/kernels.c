/* kernels.c - all templates in one translation unit: the bitcode that neuron-cc
 * embeds, and what unit tests compile natively.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "expression.h"

#include "conv2d.c"
#include "copy.c"
#include "depthwise2d.c"
#include "loop.c"
#include "pool2d.c"
#include "reduce.c"
#include "softmax.c"
#include "softmax_axis.c"
