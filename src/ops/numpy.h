/* numpy.h - the families of MXNet's numpy operators, which rows of ops_numpy.def
 * refer to.
 *
 * Shapes follow numpy's semantics: () is a scalar, 0 is a size.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_OPS_NUMPY_H
#define MXN_OPS_NUMPY_H

#include "ops/infer.h"

/* numpy_elementwise.c. Element types are those that MXNet computes, what it
 * refuses is refused. */
mxn_status numpy_number_dtype(inference *x);          /* one for all, no booleans */
mxn_status numpy_float_dtype(inference *x);           /* one kind of float for all */
mxn_status numpy_integer_dtype(inference *x);         /* one kind of integer, or booleans, for all */
mxn_status numpy_predicate_dtype(inference *x);       /* one for all inputs; the output is bool */
mxn_status numpy_promoted_dtype(inference *x);        /* the more precise of two */
mxn_status numpy_promoted_number_dtype(inference *x); /* the same without booleans alone */
mxn_status numpy_true_divide_dtype(inference *x);     /* integers become float32 */
mxn_status numpy_bitwise_not_forward(const forward *f);
mxn_status numpy_around_forward(const forward *f);
mxn_status numpy_nan_to_num_forward(const forward *f);
mxn_status numpy_where_dtype(inference *x); /* all but the condition agree */
mxn_status numpy_where_forward(const forward *f);
mxn_status numpy_where_left_forward(const forward *f);  /* the scalar where the condition holds */
mxn_status numpy_where_right_forward(const forward *f); /* the scalar where it does not */
mxn_status numpy_where_scalars_dtype(inference *x);
mxn_status numpy_where_scalars_forward(const forward *f);

/* numpy_reduction.c. The attribute axis says what is reduced: None is all. */
mxn_status numpy_reduce_shape(inference *x);
mxn_status numpy_reduce_filled_shape(inference *x); /* an error where nothing would be reduced to a number */
mxn_status numpy_sum_dtype(inference *x);           /* attribute dtype, or the input's, or int64 for bool */
mxn_status numpy_mean_dtype(inference *x);          /* attribute dtype, or a float input's, or float32 */
mxn_status numpy_moments_dtype(inference *x);       /* attribute dtype, or the input's */
mxn_status numpy_reduce_forward(const forward *f);  /* folds the row's binary function */
mxn_status numpy_any_forward(const forward *f);
mxn_status numpy_all_forward(const forward *f);
mxn_status numpy_mean_forward(const forward *f);
mxn_status numpy_std_forward(const forward *f);
mxn_status numpy_var_forward(const forward *f);
uint32_t numpy_average_inputs(const node *n);
uint32_t numpy_average_outputs(const node *n);
mxn_status numpy_average_shape(inference *x);
mxn_status numpy_average_forward(const forward *f);
uint32_t numpy_percentile_inputs(const node *n);
mxn_status numpy_percentile_shape(inference *x);
mxn_status numpy_percentile_dtype(inference *x);
mxn_status numpy_percentile_forward(const forward *f);
mxn_status numpy_search_shape(inference *x);
mxn_status numpy_argmax_forward(const forward *f);
mxn_status numpy_argmin_forward(const forward *f);
mxn_status numpy_cumsum_shape(inference *x);
mxn_status numpy_cumsum_forward(const forward *f);

/* numpy_norm.c */
mxn_status numpy_norm_shape(inference *x);
mxn_status numpy_norm_dtype(inference *x);
mxn_status numpy_norm_forward(const forward *f);

/* numpy_creation.c */
mxn_status numpy_created_dtype(inference *x); /* attribute dtype */
mxn_status numpy_filled_shape(inference *x);  /* attribute shape */
mxn_status numpy_zeros_forward(const forward *f);
mxn_status numpy_ones_forward(const forward *f);
mxn_status numpy_identity_shape(inference *x);
mxn_status numpy_identity_forward(const forward *f);
mxn_status numpy_eye_shape(inference *x);
mxn_status numpy_eye_forward(const forward *f);
mxn_status numpy_full_like_dtype(inference *x);
mxn_status numpy_full_like_forward(const forward *f);
mxn_status numpy_arange_shape(inference *x);
mxn_status numpy_arange_forward(const forward *f);
mxn_status numpy_logspace_shape(inference *x);
mxn_status numpy_logspace_forward(const forward *f);
mxn_status numpy_indices_shape(inference *x);
mxn_status numpy_indices_forward(const forward *f);
mxn_status numpy_window_shape(inference *x);
mxn_status numpy_hanning_forward(const forward *f);
mxn_status numpy_hamming_forward(const forward *f);
mxn_status numpy_blackman_forward(const forward *f);

/* numpy_reshape.c: the elements stay in their order. */
mxn_status numpy_reshape_shape(inference *x);  /* one -1 */
mxn_status numpyx_reshape_shape(inference *x); /* the codes -1 to -6 */
mxn_status numpy_squeeze_shape(inference *x);
mxn_status numpy_atleast_1d_shape(inference *x);
mxn_status numpy_atleast_2d_shape(inference *x);
mxn_status numpy_atleast_3d_shape(inference *x);
mxn_status numpy_copy_all_forward(const forward *f); /* every input to its output */

/* numpy_join.c: blocks along an axis. */
mxn_status numpy_concatenate_shape(inference *x);
mxn_status numpy_stack_shape(inference *x);
mxn_status numpy_vstack_shape(inference *x);
mxn_status numpy_hstack_shape(inference *x);
mxn_status numpy_dstack_shape(inference *x);
mxn_status numpy_column_stack_shape(inference *x);
mxn_status numpy_concatenate_forward(const forward *f);
mxn_status numpy_stack_forward(const forward *f);
mxn_status numpy_vstack_forward(const forward *f);
mxn_status numpy_hstack_forward(const forward *f);
mxn_status numpy_dstack_forward(const forward *f);
mxn_status numpy_column_stack_forward(const forward *f);
uint32_t numpy_split_outputs(const node *n);
mxn_status numpy_hsplit_shape(inference *x);
mxn_status numpy_dsplit_shape(inference *x);
mxn_status numpy_hsplit_forward(const forward *f);
mxn_status numpy_dsplit_forward(const forward *f);

/* numpy_move.c: elements change their places. */
mxn_status numpy_moveaxis_shape(inference *x);
mxn_status numpy_moveaxis_forward(const forward *f);
mxn_status numpy_broadcast_to_shape(inference *x);
mxn_status numpy_broadcast_to_forward(const forward *f);
mxn_status numpy_flip_shape(inference *x);
mxn_status numpy_flip_forward(const forward *f);
mxn_status numpy_rot90_shape(inference *x);
mxn_status numpy_rot90_forward(const forward *f);
mxn_status numpy_roll_shape(inference *x);
mxn_status numpy_roll_forward(const forward *f);
mxn_status numpy_pad_shape(inference *x);
mxn_status numpy_pad_forward(const forward *f);

/* numpy_diagonal.c */
mxn_status numpy_diag_shape(inference *x);
mxn_status numpy_diag_forward(const forward *f);
mxn_status numpy_diagflat_shape(inference *x);
mxn_status numpy_diagflat_forward(const forward *f);
mxn_status numpy_diagonal_shape(inference *x);
mxn_status numpy_diagonal_forward(const forward *f);
mxn_status numpy_trace_shape(inference *x);
mxn_status numpy_trace_forward(const forward *f);
mxn_status numpy_tril_shape(inference *x);
mxn_status numpy_tril_forward(const forward *f);
mxn_status numpy_diag_indices_from_shape(inference *x);
mxn_status numpy_diag_indices_from_forward(const forward *f);

/* numpy_contraction.c: sums of products over common axes. */
mxn_status numpy_dot_shape(inference *x);
mxn_status numpy_dot_forward(const forward *f);
mxn_status numpy_matmul_shape(inference *x);
mxn_status numpy_matmul_forward(const forward *f);
mxn_status numpy_tensordot_shape(inference *x);
mxn_status numpy_tensordot_forward(const forward *f);
mxn_status numpy_tensordot_int_axes_shape(inference *x);
mxn_status numpy_tensordot_int_axes_forward(const forward *f);
mxn_status numpy_einsum_shape(inference *x);
mxn_status numpy_einsum_forward(const forward *f);

/* numpy_edit.c: elements taken out, put in, or compared with their neighbours. */
uint32_t numpy_delete_inputs(const node *n);
mxn_status numpy_delete_shape(inference *x);
mxn_status numpy_delete_forward(const forward *f);
uint32_t numpy_insert_inputs(const node *n);
uint32_t numpy_insert_array_inputs(const node *n);
mxn_status numpy_insert_index_shape(inference *x);
mxn_status numpy_insert_slice_shape(inference *x);
mxn_status numpy_insert_array_shape(inference *x);
mxn_status numpy_insert_index_forward(const forward *f);
mxn_status numpy_insert_slice_forward(const forward *f);
mxn_status numpy_insert_array_forward(const forward *f);
mxn_status numpy_diff_shape(inference *x);
mxn_status numpy_diff_forward(const forward *f);
uint32_t numpy_ediff1d_inputs(const node *n);
mxn_status numpy_ediff1d_shape(inference *x);
mxn_status numpy_ediff1d_forward(const forward *f);
mxn_status numpy_polyval_shape(inference *x);
mxn_status numpy_polyval_forward(const forward *f);
mxn_status numpy_share_memory_shape(inference *x);
mxn_status numpy_share_memory_dtype(inference *x);
mxn_status numpy_share_memory_forward(const forward *f);

/* numpy_select.c: what depends on which elements there are. */
mxn_status numpy_index_dtype(inference *x); /* the output is int64 */
mxn_status numpy_nonzero_shape(inference *x);
mxn_status numpy_nonzero_forward(const forward *f);
uint32_t numpy_bincount_inputs(const node *n);
mxn_status numpy_bincount_shape(inference *x);
mxn_status numpy_bincount_dtype(inference *x);
mxn_status numpy_bincount_forward(const forward *f);
uint32_t numpy_unique_outputs(const node *n);
mxn_status numpy_unique_shape(inference *x);
mxn_status numpy_unique_dtype(inference *x);
mxn_status numpy_unique_forward(const forward *f);
mxn_status numpy_mask_assign_shape(inference *x);
mxn_status numpy_mask_assign_dtype(inference *x);
mxn_status numpy_mask_assign_tensor_forward(const forward *f);
mxn_status numpy_mask_assign_scalar_forward(const forward *f);
mxn_status numpy_constraint_check_shape(inference *x);
mxn_status numpy_constraint_check_dtype(inference *x);
mxn_status numpy_constraint_check_forward(const forward *f);

#endif
