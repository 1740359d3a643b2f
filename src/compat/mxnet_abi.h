/* mxnet_abi.h - MXNet's interface for extension libraries, as C sees it: API version 11
 * (MXNet 1.9), what include/mxnet/lib_api.h of MXNet says in C++.
 *
 * MXLoadLib() looks every function below up by name, and each must be there. Only C types
 * cross: MXNet takes the callbacks of an operator as opaque pointers, looks whether they
 * are NULL and hands them back as first argument of ours, without calling them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_COMPAT_MXNET_ABI_H
#define MXN_COMPAT_MXNET_ABI_H

#include <stddef.h>
#include <stdint.h>

#define MXNET_EXTENSION_VERSION 11 /* compared with == */

/* What functions that return an int answer. */
enum { MXNET_FAILURE = 0, MXNET_SUCCESS = 1 };

typedef int (*mxnet_callback)(void);

/* Attributes of a node, or options of a pass: `n` keys with their values. */
#define MXNET_ATTRIBUTES const char *const *keys, const char *const *values, int n_attributes
#define MXNET_PASS_ATTRIBUTES keys, values, n_attributes

/* Arrays of an operator; shapes are of n_dims numbers each. Device ids are those of contexts. */
#define MXNET_ARRAYS(kind)                                                                                           \
  const int64_t *const *kind##_shapes, const int *kind##_n_dims, void *const *kind##_data, const int *kind##_dtypes, \
      const size_t *kind##_versions, const char *const *kind##_devices, const int *kind##_device_ids, int n_##kind

/* Allocators and random states that we have no use for. */
typedef void (*mxnet_unused_function)(void);
#define MXNET_RESOURCES                                                                                      \
  mxnet_unused_function cpu_malloc, void *cpu_context, mxnet_unused_function gpu_malloc, void *gpu_context,  \
      void *stream, mxnet_unused_function sparse_malloc, void *sparse_context, const int *in_storage,        \
      const int *out_storage, void *const *in_indices, void *const *out_indices, void *const *in_row_starts, \
      void *const *out_row_starts, const int64_t *in_n_indices, const int64_t *out_n_indices,                \
      const int64_t *in_n_row_starts, const int64_t *out_n_row_starts, void *random_cpu, void *random_gpu

/* Arrays that a graph pass is given. */
#define MXNET_PARAMETERS(kind)                                                                                  \
  const char *const *kind##_names, int n_##kind, void *const *kind##_data, const int64_t *const *kind##_shapes, \
      const int *kind##_n_dims, const int *kind##_dtypes, const size_t *kind##_versions,                        \
      const char *const *kind##_devices, const int *kind##_device_ids

/* Makes an array that MXNet adds to those of the caller; its memory goes to *out_data. */
typedef void (*mxnet_new_array)(const void *context, const int64_t *shape, int n_dims, const char *device,
                                int device_id, int dtype, const char *name, int is_argument, void **out_data);

#define MXNET_EXPORT __attribute__((visibility("default")))

/* MXNet chose the names. NOLINTBEGIN(bugprone-reserved-identifier) */

/* The library. Messages are asked for after most calls, by the thread that called. */
MXNET_EXPORT int _opVersion(void);
MXNET_EXPORT int initialize(int mxnet_version);
MXNET_EXPORT int _msgSize(void);
MXNET_EXPORT void _msgGet(int index, const char **out_message);

/* Operators. Without functions that create a state, an operator has none. */
MXNET_EXPORT int _opRegSize(void);
MXNET_EXPORT void _opRegGet(int index, const char **out_name, int *out_is_subgraph, const char ***out_forward_contexts,
                            mxnet_callback **out_forward, int *out_n_forward, const char ***out_backward_contexts,
                            mxnet_callback **out_backward, int *out_n_backward, const char ***out_state_contexts,
                            mxnet_callback **out_state, int *out_n_state, mxnet_callback *out_parse,
                            mxnet_callback *out_type, mxnet_callback *out_storage, mxnet_callback *out_shape,
                            mxnet_callback *out_mutate);
MXNET_EXPORT void _opCallFree(void *memory);
MXNET_EXPORT int _opCallParseAttrs(mxnet_callback callback, MXNET_ATTRIBUTES, int *out_n_inputs, int *out_n_outputs);
MXNET_EXPORT int _opCallInferShape(mxnet_callback callback, MXNET_ATTRIBUTES, unsigned **in_shapes, int *in_n_dims,
                                   int n_in, unsigned ***out_in_shapes, int **out_in_n_dims, unsigned ***out_shapes,
                                   int **out_n_dims, int n_out);
MXNET_EXPORT int _opCallInferType(mxnet_callback callback, MXNET_ATTRIBUTES, int *in_dtypes, int n_in, int *out_dtypes,
                                  int n_out);
MXNET_EXPORT int _opCallFCompute(mxnet_callback callback, MXNET_ATTRIBUTES, MXNET_ARRAYS(in), MXNET_ARRAYS(out),
                                 MXNET_RESOURCES);
/* Functions that are looked up, and never called for a library of stateless operators
 * of dense arrays without partitioners: their parameters do not matter. */
#define MXNET_UNCALLED_LIST(X) \
  X(_opCallInferSType)         \
  X(_opCallMutateInputs)       \
  X(_opCallCreateOpState)      \
  X(_opCallDestroyOpState)     \
  X(_opCallFStatefulCompute)   \
  X(_partRegGetCount)          \
  X(_partRegGet)               \
  X(_partCallSupportedOps)     \
  X(_partCallCreateSelector)   \
  X(_partCallSelect)           \
  X(_partCallSelectInput) X(_partCallSelectOutput) X(_partCallFilter) X(_partCallReset) X(_partCallReviewSubgraph)

#define MXNET_DECLARE_UNCALLED(name) MXNET_EXPORT int name(void);
MXNET_UNCALLED_LIST(MXNET_DECLARE_UNCALLED)
#undef MXNET_DECLARE_UNCALLED
MXNET_EXPORT int _partRegSize(void);

/* Graph passes. */
MXNET_EXPORT int _passRegSize(void);
MXNET_EXPORT void _passRegGet(int index, mxnet_callback *out_pass, const char **out_name);
MXNET_EXPORT int _passCallGraphPass(mxnet_callback callback, const char *json, char **out_json, MXNET_ATTRIBUTES,
                                    const char *pass, MXNET_PARAMETERS(arg), MXNET_PARAMETERS(aux),
                                    mxnet_new_array new_array, const void *new_array_context);

/* NOLINTEND(bugprone-reserved-identifier) */

#endif
