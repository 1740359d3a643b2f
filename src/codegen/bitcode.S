/* bitcode.S - the kernel templates of each target as data of neuron-cc, see
 * bitcode.h. The build hands over the two files (meson.build, bitcode_object).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
.macro bitcode name, file
  .balign 64
  .globl mxn_bitcode_\name\()_start, mxn_bitcode_\name\()_end
  .hidden mxn_bitcode_\name\()_start, mxn_bitcode_\name\()_end
mxn_bitcode_\name\()_start:
  .incbin "\file"
mxn_bitcode_\name\()_end:
.endm

  .section .rodata
  bitcode v3, kernels_v3.bc
  bitcode v4, kernels_v4.bc

  .section .note.GNU-stack, "", @progbits
