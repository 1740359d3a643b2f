/* specialize.c - wrappers around kernel templates, folded by LLVM.
 *
 * The bitcode of kernels/ is parsed once per target. Each specialisation adds
 *
 *     e<i>(x, buffers, at, lanes)              its expression, built from x_* calls
 *     k<i>(buffers, scratch, begin, end) {     the exported kernel
 *       k_<template>(buffers, scratch, begin, end, &shape<i>, e<i>); }
 *
 * with shape<i> a constant array. Everything else becomes internal, and
 * LLVM's passes inline, fold and unroll. SPDX-License-Identifier: Apache-2.0
 */
#include "codegen/specialize.h"

#include <llvm-c/BitReader.h>
#include <llvm-c/Core.h>
#include <llvm-c/Error.h>
#include <llvm-c/ErrorHandling.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

static const char triple[] = "x86_64-pc-linux-gnu";

typedef struct generator {
  const target *target;
  LLVMContextRef context;
  LLVMModuleRef module;
  LLVMBuilderRef builder;
  LLVMTargetMachineRef machine;
  LLVMTypeRef pointer, i64, f32, vector;
  mxn_error *err;
} generator;

static mxn_status llvm_error(generator *g, const char *what, char *message) {
  const mxn_status status = error_set(g->err, MXN_INTERNAL, "LLVM: %s: %s", what, message ? message : "no message");
  LLVMDisposeMessage(message);
  return status;
}

static mxn_status open_machine(generator *g) {
  LLVMInitializeX86TargetInfo();
  LLVMInitializeX86Target();
  LLVMInitializeX86TargetMC();
  LLVMInitializeX86AsmPrinter();
  LLVMTargetRef llvm_target;
  char *message = NULL;
  if (LLVMGetTargetFromTriple(triple, &llvm_target, &message)) return llvm_error(g, "no x86-64 target", message);
  g->machine = LLVMCreateTargetMachine(llvm_target, triple, g->target->name, "", LLVMCodeGenLevelAggressive,
                                       LLVMRelocPIC, LLVMCodeModelSmall);
  return g->machine ? MXN_OK : error_set(g->err, MXN_INTERNAL, "LLVM: no machine for %s", g->target->name);
}

static mxn_status open_module(generator *g) {
  g->context = LLVMContextCreate();
  g->builder = LLVMCreateBuilderInContext(g->context);
  const size_t bytes = (size_t)(g->target->bitcode_end - g->target->bitcode);
  LLVMMemoryBufferRef buffer =
      LLVMCreateMemoryBufferWithMemoryRangeCopy((const char *)g->target->bitcode, bytes, "kernels");
  const LLVMBool failed = LLVMParseBitcodeInContext2(g->context, buffer, &g->module);
  LLVMDisposeMemoryBuffer(buffer);
  if (failed) return error_set(g->err, MXN_INTERNAL, "LLVM: cannot read the kernels for %s", g->target->name);
  g->pointer = LLVMPointerTypeInContext(g->context, 0);
  g->i64 = LLVMInt64TypeInContext(g->context);
  g->f32 = LLVMFloatTypeInContext(g->context);
  g->vector = LLVMVectorType(g->f32, g->target->vector_floats);
  return MXN_OK;
}

static void generator_finish(generator *g) {
  if (g->builder) LLVMDisposeBuilder(g->builder);
  if (g->module) LLVMDisposeModule(g->module);
  if (g->machine) LLVMDisposeTargetMachine(g->machine);
  if (g->context) LLVMContextDispose(g->context);
}

/* A new function takes over what clang wrote on the templates (CPU, features,
 * no-builtins: without it loops would become calls of memset). */
static void copy_attributes(const generator *g, LLVMValueRef from, LLVMValueRef to) {
  static const char *const kept[] = {"target-cpu", "target-features", "no-builtins"};
  for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
    LLVMAttributeRef found =
        LLVMGetStringAttributeAtIndex(from, LLVMAttributeFunctionIndex, kept[i], (unsigned)strlen(kept[i]));
    if (found) LLVMAddAttributeAtIndex(to, LLVMAttributeFunctionIndex, found);
  }
  static const char *const widths[] = {"prefer-vector-width", "min-legal-vector-width"};
  for (size_t i = 0; i < 2; i++)
    LLVMAddAttributeAtIndex(
        to, LLVMAttributeFunctionIndex,
        LLVMCreateStringAttribute(g->context, widths[i], (unsigned)strlen(widths[i]), g->target->vector_bits, 3));
}

static LLVMValueRef find_function(generator *g, const char *prefix, const char *name) {
  char full[64];
  snprintf(full, sizeof full, "%s%s", prefix, name);
  LLVMValueRef f = LLVMGetNamedFunction(g->module, full);
  if (!f) error_set(g->err, MXN_INTERNAL, "the kernels for %s lack '%s'", g->target->name, full);
  return f;
}

static LLVMValueRef call(generator *g, LLVMValueRef f, LLVMValueRef *arguments, unsigned n) {
  return LLVMBuildCall2(g->builder, LLVMGlobalGetValueType(f), f, arguments, n, "");
}

static LLVMValueRef constant_i64(const generator *g, int64_t x) { return LLVMConstInt(g->i64, (uint64_t)x, 1); }

static LLVMValueRef splat(const generator *g, float x) {
  LLVMValueRef lanes[64];
  for (uint32_t i = 0; i < g->target->vector_floats; i++) lanes[i] = LLVMConstReal(g->f32, (double)x);
  return LLVMConstVector(lanes, g->target->vector_floats);
}

/* x_load(buffers, buffer, sum(at[i] * stride[i]), stride[3], lanes) */
static LLVMValueRef emit_load(generator *g, LLVMValueRef function, const expression_term *term) {
  LLVMValueRef load = find_function(g, "x_", "load");
  if (!load) return NULL;
  LLVMValueRef at = LLVMGetParam(function, 2), offset = constant_i64(g, 0);
  for (int i = 0; i < 4; i++) {
    if (!term->stride[i]) continue;
    LLVMValueRef index = constant_i64(g, i);
    LLVMValueRef place = LLVMBuildGEP2(g->builder, g->i64, at, &index, 1, "");
    LLVMValueRef position = LLVMBuildLoad2(g->builder, g->i64, place, "");
    offset =
        LLVMBuildAdd(g->builder, offset, LLVMBuildMul(g->builder, position, constant_i64(g, term->stride[i]), ""), "");
  }
  LLVMValueRef arguments[5] = {LLVMGetParam(function, 1), constant_i64(g, term->buffer), offset,
                               constant_i64(g, term->stride[3]), LLVMGetParam(function, 3)};
  return call(g, load, arguments, 5);
}

static LLVMValueRef emit_term(generator *g, LLVMValueRef function, const expression_term *term, LLVMValueRef *values) {
  if (term->opcode == EXPRESSION_VALUE) return LLVMGetParam(function, 0);
  if (term->opcode == EXPRESSION_CONSTANT) return splat(g, term->constant);
  if (term->opcode == EXPRESSION_LOAD) return emit_load(g, function, term);
  uint32_t n_operands = 0;
  const char *name = expression_function(term->opcode, &n_operands);
  LLVMValueRef f = find_function(g, "x_", name);
  if (!f) return NULL;
  LLVMValueRef operands[2] = {values[term->operand[0]], values[term->operand[1]]};
  return call(g, f, operands, n_operands);
}

static LLVMValueRef new_function(generator *g, const char *prefix, size_t index, LLVMTypeRef type,
                                 LLVMValueRef attributes_of) {
  char name[32];
  snprintf(name, sizeof name, "%s%zu", prefix, index);
  LLVMValueRef f = LLVMAddFunction(g->module, name, type);
  copy_attributes(g, attributes_of, f);
  LLVMPositionBuilderAtEnd(g->builder, LLVMAppendBasicBlockInContext(g->context, f, ""));
  return f;
}

/* e<index>: the expression as one function; NULL on error. */
static LLVMValueRef emit_expression(generator *g, size_t index, const expression *e, LLVMValueRef attributes_of) {
  LLVMTypeRef parameters[4] = {g->vector, g->pointer, g->pointer, g->i64};
  LLVMValueRef f = new_function(g, "e", index, LLVMFunctionType(g->vector, parameters, 4, 0), attributes_of);
  const unsigned inline_kind = LLVMGetEnumAttributeKindForName("alwaysinline", 12);
  LLVMAddAttributeAtIndex(f, LLVMAttributeFunctionIndex, LLVMCreateEnumAttribute(g->context, inline_kind, 0));
  LLVMValueRef values[EXPRESSION_MAX_TERMS];
  for (uint32_t i = 0; i < e->n_terms; i++)
    if (!(values[i] = emit_term(g, f, &e->terms[i], values))) return NULL;
  LLVMBuildRet(g->builder, values[e->n_terms - 1]);
  return f;
}

/* The shape struct as a constant array of i64. */
static LLVMValueRef emit_shape(generator *g, const specialisation *s) {
  enum { MAX_WORDS = sizeof(kernel_shape) / 8 };
  LLVMValueRef words[MAX_WORDS];
  int64_t numbers[MAX_WORDS];
  const unsigned n = (unsigned)(kernel_shape_bytes(s->kernel) / 8);
  memcpy(numbers, &s->shape, n * 8);
  for (unsigned i = 0; i < n; i++) words[i] = constant_i64(g, numbers[i]);
  LLVMValueRef global = LLVMAddGlobal(g->module, LLVMArrayType2(g->i64, n), "shape");
  LLVMSetInitializer(global, LLVMConstArray2(g->i64, words, n));
  LLVMSetGlobalConstant(global, 1);
  LLVMSetLinkage(global, LLVMInternalLinkage);
  return global;
}

static mxn_status emit_kernel(generator *g, size_t index, const specialisation *s) {
  LLVMValueRef kernel = find_function(g, "k_", kernel_name(s->kernel));
  if (!kernel) return MXN_INTERNAL;
  LLVMValueRef e = emit_expression(g, index, s->expression, kernel);
  if (!e) return MXN_INTERNAL;
  LLVMTypeRef parameters[4] = {g->pointer, g->pointer, g->i64, g->i64};
  LLVMTypeRef type = LLVMFunctionType(LLVMVoidTypeInContext(g->context), parameters, 4, 0);
  LLVMValueRef f = new_function(g, "k", index, type, kernel);
  LLVMValueRef arguments[6] = {LLVMGetParam(f, 0), LLVMGetParam(f, 1), LLVMGetParam(f, 2),
                               LLVMGetParam(f, 3), emit_shape(g, s),   e};
  call(g, kernel, arguments, 6);
  LLVMBuildRetVoid(g->builder);
  return MXN_OK;
}

/* Only the wrappers k<i> stay visible; the rest may vanish once inlined. */
static void hide_templates(generator *g) {
  for (LLVMValueRef f = LLVMGetFirstFunction(g->module); f; f = LLVMGetNextFunction(f)) {
    size_t length;
    const char *name = LLVMGetValueName2(f, &length);
    const int is_wrapper = name[0] == 'k' && name[1] != '_';
    if (!is_wrapper && !LLVMIsDeclaration(f)) LLVMSetLinkage(f, LLVMInternalLinkage);
  }
}

/* Of LLVM's O1 what kernels need, in its order; the code is as fast, and the passes take 1.5 instead of 2.2 seconds
 * (ResNet-50, both targets). Kernels are vectors already, so that O3 does no more for them. */
static const char passes[] =
    /* Templates that are used, before they are inlined many times. */
    "globaldce,function(sroa,instcombine<no-verify-fixpoint>,simplifycfg),always-inline,globaldce,"
    /* Shapes are constants now. */
    "function(sroa,early-cse<memssa>,simplifycfg,instcombine<no-verify-fixpoint>,simplifycfg,reassociate,"
    "loop-mssa(loop-instsimplify,loop-rotate,licm<allowspeculation>),simplifycfg,instcombine<no-verify-fixpoint>,"
    "loop(loop-unroll-full),sroa,sccp,bdce,instcombine<no-verify-fixpoint>,simplifycfg,"
    "instcombine<no-verify-fixpoint>),"
    /* The loops that remain: before the unrolling, where O1 has it, indvars takes a fifth of the time. */
    "function(simplifycfg<hoist-common-insts;sink-common-insts;no-keep-loops>,vector-combine,loop(indvars),"
    "loop-unroll<O1>,instcombine<no-verify-fixpoint>,loop-mssa(licm<allowspeculation>),instsimplify,div-rem-pairs,"
    "simplifycfg),"
    /* Vectors of the lanes of a block that is not full. */
    "function(slp-vectorizer),globaldce";

static mxn_status optimize(generator *g) {
  LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
  LLVMErrorRef error = LLVMRunPasses(g->module, passes, g->machine, options);
  LLVMDisposePassBuilderOptions(options);
  if (!error) return MXN_OK;
  char *message = LLVMGetErrorMessage(error);
  const mxn_status status = error_set(g->err, MXN_INTERNAL, "LLVM: passes: %s", message);
  LLVMDisposeErrorMessage(message);
  return status;
}

static mxn_status emit_object(generator *g, arena *a, size_t n, linked_code *out_code, uint64_t *out_entries) {
  char *message = NULL;
  LLVMMemoryBufferRef object = NULL;
  if (LLVMTargetMachineEmitToMemoryBuffer(g->machine, g->module, LLVMObjectFile, &message, &object))
    return llvm_error(g, "code generation", message);
  const uint8_t *bytes = (const uint8_t *)LLVMGetBufferStart(object);
  mxn_status status = link_object(a, bytes, out_code, g->err);
  for (size_t i = 0; status == MXN_OK && i < n; i++) {
    char name[32];
    snprintf(name, sizeof name, "k%zu", i);
    status = link_find(bytes, name, &out_entries[i], g->err);
  }
  LLVMDisposeMemoryBuffer(object);
  return status;
}

mxn_status specialize(arena *a, const target *t, const specialisation *kernels, size_t n, linked_code *out_code,
                      uint64_t *out_entries, mxn_error *err) {
  mxn_error local = {0};
  generator g = {.target = t, .err = &local};
  mxn_status status = open_machine(&g);
  if (status == MXN_OK) status = open_module(&g);
  for (size_t i = 0; status == MXN_OK && i < n; i++) status = emit_kernel(&g, i, &kernels[i]);
  if (status == MXN_OK) {
    hide_templates(&g);
    status = optimize(&g);
  }
  if (status == MXN_OK) status = emit_object(&g, a, n, out_code, out_entries);
  generator_finish(&g);
  return status == MXN_OK ? MXN_OK : error_set(err, status, "%s", local.message);
}

void specialize_on_fatal_error(void (*report)(const char *reason)) { LLVMInstallFatalErrorHandler(report); }
