/* abi.h - the neuronbin: what the compiler writes and the runtime runs.
 *
 * A neuronbin is one subgraph compiled for one or more CPU targets. All numbers
 * are little-endian, all offsets are from its first byte, and every section
 * starts at a multiple of 64. In reading order:
 *
 *   1. mxn_neuronbin_header                    1024 bytes
 *   2. strings    NUL-terminated names; offset 0 is the empty string
 *   3. tensors    mxn_neuronbin_tensor[n_inputs + n_outputs]
 *   4. buffers    mxn_neuronbin_buffer[n_buffers], the operands of the steps
 *   5. steps      mxn_neuronbin_step[n_steps], run in this order
 *   6. targets    mxn_neuronbin_target[n_targets], best first
 *   7. kernels    mxn_neuronbin_kernel[n_targets][n_kernels]
 *   8. code       one position-independent block of machine code a target
 *   9. weights    packed once, read by the code of every target
 *
 * Sections 1 to 8 (bytes 0 to checked_bytes) are covered by `digest`; the
 * weights have their own. This header stands alone: it is the only thing that
 * compiler and runtime share.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXNEURON_ABI_H
#define MXNEURON_ABI_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define MXN_NEURONBIN_MAGIC "MXNEURON"
#define MXN_NEURONBIN_VERSION 1

/* Every section and every buffer in the arena starts at a multiple of this. */
#define MXN_ALIGNMENT 64

/* A kernel may read (never write) this many bytes past the end of a buffer in
 * the arena, the scratch or the weights: vector tails. Inputs and outputs
 * belong to the caller and are never over-read. */
#define MXN_OVER_READ_BYTES 64

#define MXN_NEURONBIN_MAX_DIMS 8
#define MXN_STEP_MAX_BUFFERS 16

/* A kernel: compute tasks [task_begin, task_end) of a step. `buffers` are the
 * step's operands in the plan's order; `scratch` is this worker's own, at least
 * the kernel's scratch_bytes, 64-byte aligned. Tasks write disjoint memory, so
 * any split over workers gives the same bits. */
typedef void (*mxn_kernel)(void *const *buffers, void *scratch, int64_t task_begin, int64_t task_end);

/* Where a buffer lies. */
typedef enum mxn_space {
  MXN_SPACE_ARENA = 0,   /* the session's activations */
  MXN_SPACE_WEIGHTS = 1, /* section 9 */
  MXN_SPACE_INPUT = 2,   /* the caller's array number `index` */
  MXN_SPACE_OUTPUT = 3,  /* the session's output number `index` */
} mxn_space;

typedef struct mxn_neuronbin_section {
  uint64_t offset;
  uint64_t bytes;
} mxn_neuronbin_section;

/* The fields at 168, 476 and 480 are where AWS's neuron_check_model tool looks
 * for core counts (struct format '168xI304xI64B'). */
typedef struct mxn_neuronbin_header {
  char magic[8];                 /*   0 MXN_NEURONBIN_MAGIC, without NUL */
  uint32_t version;              /*   8 MXN_NEURONBIN_VERSION */
  uint32_t header_bytes;         /*  12 sizeof(mxn_neuronbin_header) */
  uint64_t total_bytes;          /*  16 all sections; trailing padding is not counted */
  uint64_t checked_bytes;        /*  24 */
  uint8_t digest[32];            /*  32 SHA-256 of bytes [0, checked_bytes), this field as zeros */
  uint8_t weights_digest[32];    /*  64 SHA-256 of the weights section */
  uint32_t n_inputs;             /*  96 */
  uint32_t n_outputs;            /* 100 */
  uint32_t n_buffers;            /* 104 */
  uint32_t n_steps;              /* 108 */
  uint32_t n_targets;            /* 112 */
  uint32_t n_kernels;            /* 116 */
  uint64_t arena_bytes;          /* 120 activations of one session, without MXN_OVER_READ_BYTES */
  uint64_t flops;                /* 128 of one run: 2 per multiply-add */
  uint32_t n_operators;          /* 136 operators of the framework that were compiled */
  uint32_t reserved0[1];         /* 140 zero */
  uint64_t weights_checksum;     /* 144 of the weights section, see base/checksum.h; 0: none */
  uint32_t reserved4[4];         /* 152 zero */
  uint32_t n_cores;              /* 168 NeuronCores (pipeline stages) that it uses */
  uint32_t reserved1[1];         /* 172 zero */
  mxn_neuronbin_section strings; /* 176 */
  mxn_neuronbin_section tensors; /* 192 */
  mxn_neuronbin_section buffers; /* 208 */
  mxn_neuronbin_section steps;   /* 224 */
  mxn_neuronbin_section targets; /* 240 */
  mxn_neuronbin_section kernels; /* 256 */
  mxn_neuronbin_section code;    /* 272 */
  mxn_neuronbin_section weights; /* 288 */
  char compiler[64];             /* 304 "mxneuron 0.1.0", NUL-padded */
  uint32_t reserved2[27];        /* 368 zero */
  uint32_t n_requested_cores;    /* 476 */
  uint8_t cores_per_node[64];    /* 480 */
  uint32_t reserved3[120];       /* 544 zero */
} mxn_neuronbin_header;

/* An input or output of the program, in the framework's layout. */
typedef struct mxn_neuronbin_tensor {
  uint32_t name; /* offset into strings */
  int32_t dtype; /* mxn_dtype */
  int32_t n_dims;
  int32_t batch_axis; /* 0 where the batch is proven to be dimension 0; -1: none */
  int64_t dims[MXN_NEURONBIN_MAX_DIMS];
} mxn_neuronbin_tensor;

typedef struct mxn_neuronbin_buffer {
  uint32_t space;  /* mxn_space */
  uint32_t index;  /* of the input or output; 0 elsewhere */
  uint64_t offset; /* bytes from the start of the space, a multiple of 4 */
  uint64_t bytes;  /* what the kernel may touch, from offset on */
} mxn_neuronbin_buffer;

typedef struct mxn_neuronbin_step {
  uint32_t kernel;       /* row of the kernels table */
  uint32_t first_buffer; /* into buffers */
  uint32_t n_buffers;    /* at most MXN_STEP_MAX_BUFFERS */
  uint32_t name;         /* offset into strings: the operators it computes */
  uint64_t flops;
} mxn_neuronbin_step;

typedef struct mxn_neuronbin_target {
  uint32_t name;              /* offset into strings: "x86-64-v3" */
  uint32_t level;             /* of the x86-64 psABI: 3 or 4 */
  mxn_neuronbin_section code; /* inside the code section */
} mxn_neuronbin_target;

typedef struct mxn_neuronbin_kernel {
  uint64_t entry; /* bytes from the start of the target's code */
  uint32_t n_tasks;
  uint32_t scratch_bytes; /* per worker */
} mxn_neuronbin_kernel;

static_assert(sizeof(mxn_neuronbin_header) == 1024, "header layout");
static_assert(offsetof(mxn_neuronbin_header, weights_checksum) == 144, "checksum of the weights");
static_assert(offsetof(mxn_neuronbin_header, n_cores) == 168, "core count for neuron_check_model");
static_assert(offsetof(mxn_neuronbin_header, n_requested_cores) == 476, "requested cores");
static_assert(offsetof(mxn_neuronbin_header, cores_per_node) == 480, "cores per node");
static_assert(sizeof(mxn_neuronbin_tensor) == 80, "tensor layout");
static_assert(sizeof(mxn_neuronbin_buffer) == 24, "buffer layout");
static_assert(sizeof(mxn_neuronbin_step) == 24, "step layout");
static_assert(sizeof(mxn_neuronbin_target) == 24, "target layout");
static_assert(sizeof(mxn_neuronbin_kernel) == 16, "kernel layout");

#endif
