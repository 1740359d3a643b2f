/* random.h - random numbers, and densities of their distributions.
 *
 * Numbers have MXNet's distributions, not its bits. Each run of an operator takes
 * the next stream of one sequence for the process, which MXNEURON_SEED seeds (0
 * where it is not set, as MXNet does), so that a program that runs its operators
 * in one order gets the same numbers again. Threads: any.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_OPS_RANDOM_H
#define MXN_OPS_RANDOM_H

#include "ops/infer.h"

/* _random_*: parameters are attributes, and the shape is one or that of an input. */
mxn_status random_shape(inference *x);
mxn_status random_dtype(inference *x);
mxn_status random_forward(const forward *f);
mxn_status randint_dtype(inference *x);
mxn_status randint_forward(const forward *f);

/* _sample_*: parameters are inputs; `shape` numbers for each element of them. */
mxn_status sample_shape(inference *x);
mxn_status sample_dtype(inference *x);
mxn_status sample_forward(const forward *f);

uint32_t multinomial_outputs(const node *n);
mxn_status multinomial_shape(inference *x);
mxn_status multinomial_dtype(inference *x);
mxn_status multinomial_forward(const forward *f);

mxn_status shuffle_forward(const forward *f); /* along the first dimension */

/* Dropout draws with mode always alone. */
mxn_status dropout_shape(inference *x);
mxn_status dropout_forward(const forward *f);

/* _random_pdf_*: densities, exact. */
mxn_status pdf_shape(inference *x);
mxn_status pdf_forward(const forward *f);

/* numpy_random.c: _npi_uniform and the like. */
uint32_t numpy_random_inputs(const node *n);
mxn_status numpy_random_shape(inference *x);
mxn_status numpy_random_n_shape(inference *x);
mxn_status numpy_random_dtype(inference *x);
mxn_status numpy_random_chosen_dtype(inference *x);
mxn_status numpy_random_forward(const forward *f);
uint32_t numpy_bernoulli_inputs(const node *n);
mxn_status numpy_bernoulli_forward(const forward *f);
uint32_t numpy_choice_inputs(const node *n);
mxn_status numpy_choice_shape(inference *x);
mxn_status numpy_choice_dtype(inference *x); /* of choice and multinomial */
mxn_status numpy_choice_forward(const forward *f);
uint32_t numpy_multinomial_inputs(const node *n);
mxn_status numpy_multinomial_shape(inference *x);
mxn_status numpy_multinomial_forward(const forward *f);
uint32_t zipfian_outputs(const node *n); /* _sample_unique_zipfian */
mxn_status zipfian_shape(inference *x);
mxn_status zipfian_dtype(inference *x);
mxn_status zipfian_forward(const forward *f);

#endif
