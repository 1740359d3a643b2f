/* linalg.h - linear algebra over the matrices of the last two dimensions.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_OPS_LINALG_H
#define MXN_OPS_LINALG_H

#include "ops/infer.h"

/* linalg.c: shapes, products, triangles, diagonals. */
mxn_status linalg_gemm_shape(inference *x); /* of gemm and gemm2 */
mxn_status linalg_gemm_forward(const forward *f);
mxn_status linalg_square_shape(inference *x);   /* square matrices, and the output is like them */
mxn_status linalg_triangle_shape(inference *x); /* of trmm and trsm */
mxn_status linalg_trmm_forward(const forward *f);
mxn_status linalg_trsm_forward(const forward *f);
mxn_status linalg_syrk_shape(inference *x);
mxn_status linalg_syrk_forward(const forward *f);
mxn_status linalg_sumlogdiag_shape(inference *x);
mxn_status linalg_sumlogdiag_forward(const forward *f);
mxn_status linalg_extractdiag_shape(inference *x);
mxn_status linalg_extractdiag_forward(const forward *f);
mxn_status linalg_makediag_shape(inference *x);
mxn_status linalg_makediag_forward(const forward *f);
mxn_status linalg_extracttrian_shape(inference *x);
mxn_status linalg_extracttrian_forward(const forward *f);
mxn_status linalg_maketrian_shape(inference *x);
mxn_status linalg_maketrian_forward(const forward *f);

/* factor.c: factorizations and what follows from them. */
mxn_status linalg_potrf_forward(const forward *f);
mxn_status linalg_potri_forward(const forward *f);
mxn_status linalg_gelqf_shape(inference *x);
mxn_status linalg_gelqf_forward(const forward *f);
mxn_status linalg_syevd_shape(inference *x);
mxn_status linalg_syevd_forward(const forward *f);
mxn_status linalg_inverse_forward(const forward *f);
mxn_status linalg_det_shape(inference *x); /* of det and slogdet */
mxn_status linalg_det_forward(const forward *f);
mxn_status linalg_slogdet_forward(const forward *f);
mxn_status linalg_eigh_shape(inference *x); /* of eigh and eigvalsh, eig and eigvals */
mxn_status linalg_eigh_dtype(inference *x);
mxn_status linalg_eigh_forward(const forward *f);
mxn_status linalg_svd_shape(inference *x);
mxn_status linalg_svd_forward(const forward *f);
mxn_status linalg_pinv_shape(inference *x); /* with rcond as an attribute or an input */
mxn_status linalg_pinv_forward(const forward *f);
mxn_status linalg_solve_shape(inference *x);
mxn_status linalg_solve_forward(const forward *f);
mxn_status linalg_tensorinv_shape(inference *x);
mxn_status linalg_tensorinv_forward(const forward *f);
mxn_status linalg_tensorsolve_shape(inference *x);
mxn_status linalg_tensorsolve_dtype(inference *x);
mxn_status linalg_tensorsolve_forward(const forward *f);

/* eigen.c */
mxn_status linalg_eig_forward(const forward *f); /* of eig and eigvals */

/* Matrices of one tensor, in float64. */
typedef struct matrices {
  double *data; /* [count][rows][columns] */
  int64_t count, rows, columns;
} matrices;

matrices linalg_load(arena *a, const mxn_tensor *t);
matrices linalg_empty(arena *a, int64_t count, int64_t rows, int64_t columns);
void linalg_store(mxn_tensor *t, const double *data);

/* Singular values, the largest first: A = UT diag(values) V. a: [m][n] with m <= n
 * becomes V; ut: [m][m]; room: [m][m + n] */
void linalg_singular(double *a, int64_t m, int64_t n, double *ut, double *values, double *room);

/* An error unless the tensor is known to be of matrices, or not known at all. */
mxn_status linalg_expect_matrices(inference *x, uint32_t input, bool is_square);

#endif
