/* bitcode.h - the kernel templates as unoptimised LLVM bitcode, embedded by
 * bitcode.S, one for each target. SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_CODEGEN_BITCODE_H
#define MXN_CODEGEN_BITCODE_H

extern const unsigned char mxn_bitcode_v3_start[], mxn_bitcode_v3_end[];
extern const unsigned char mxn_bitcode_v4_start[], mxn_bitcode_v4_end[];

#endif
