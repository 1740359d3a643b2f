/* cpu.c - which of the compiled targets this CPU can run.
 *
 * A feature counts only if the operating system saves the registers that it
 * uses (XCR0), which a virtual machine or an old kernel may not do.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "runtime/cpu.h"

#include <cpuid.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum { EAX, EBX, ECX, EDX, N_REGISTERS };

/* Bits of XCR0. */
enum { XCR0_AVX = 0x06, XCR0_AVX512 = 0xe6, CPUID_OSXSAVE = 27 };

/* X(name, level, CPUID leaf, register, bit, XCR0 bits) */
#define FEATURE_LIST(X)                     \
  X("AVX", 3, 1, ECX, 28, XCR0_AVX)         \
  X("AVX2", 3, 7, EBX, 5, XCR0_AVX)         \
  X("BMI1", 3, 7, EBX, 3, 0)                \
  X("BMI2", 3, 7, EBX, 8, 0)                \
  X("F16C", 3, 1, ECX, 29, XCR0_AVX)        \
  X("FMA", 3, 1, ECX, 12, XCR0_AVX)         \
  X("LZCNT", 3, 0x80000001, ECX, 5, 0)      \
  X("MOVBE", 3, 1, ECX, 22, 0)              \
  X("AVX512F", 4, 7, EBX, 16, XCR0_AVX512)  \
  X("AVX512BW", 4, 7, EBX, 30, XCR0_AVX512) \
  X("AVX512CD", 4, 7, EBX, 28, XCR0_AVX512) \
  X("AVX512DQ", 4, 7, EBX, 17, XCR0_AVX512) \
  X("AVX512VL", 4, 7, EBX, 31, XCR0_AVX512)

typedef struct cpu_feature {
  const char *name;
  uint32_t level, leaf, reg, bit, xcr0;
} cpu_feature;

static const cpu_feature features[] = {
#define FEATURE_ROW(name, level, leaf, reg, bit, xcr0) {name, level, leaf, reg, bit, xcr0},
    FEATURE_LIST(FEATURE_ROW)
#undef FEATURE_ROW
};
enum { N_FEATURES = sizeof features / sizeof *features };

static bool has_bit(uint32_t leaf, uint32_t reg, uint32_t bit) {
  uint32_t r[N_REGISTERS] = {0};
  if (!__get_cpuid_count(leaf, 0, &r[EAX], &r[EBX], &r[ECX], &r[EDX])) return false;
  return r[reg] >> bit & 1;
}

static uint32_t enabled_state(void) {
  if (!has_bit(1, ECX, CPUID_OSXSAVE)) return 0;
  uint32_t low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

static bool has_feature(const cpu_feature *f, uint32_t xcr0) {
  return (xcr0 & f->xcr0) == f->xcr0 && has_bit(f->leaf, f->reg, f->bit);
}

bool cpu_has_level(uint32_t level) {
  const uint32_t xcr0 = enabled_state();
  for (size_t i = 0; i < N_FEATURES; i++) {
    if (features[i].level <= level && !has_feature(&features[i], xcr0)) return false;
  }
  return true;
}

/* Append "name" or ", name"; what does not fit is cut off. */
static void append_name(char *text, size_t text_bytes, const char *name) {
  const size_t length = strlen(text);
  snprintf(text + length, text_bytes - length, "%s%s", length > 0 ? ", " : "", name);
}

const char *cpu_missing(uint32_t level, char *text, size_t text_bytes) {
  const uint32_t xcr0 = enabled_state();
  text[0] = '\0';
  for (size_t i = 0; i < N_FEATURES; i++) {
    if (features[i].level <= level && !has_feature(&features[i], xcr0)) append_name(text, text_bytes, features[i].name);
  }
  return text;
}

static const char *target_name(const neuronbin *bin, uint32_t target) {
  return bin->strings + bin->targets[target].name;
}

static const char *list_targets(const neuronbin *bin, char *text, size_t text_bytes) {
  text[0] = '\0';
  for (uint32_t i = 0; i < bin->header->n_targets; i++) append_name(text, text_bytes, target_name(bin, i));
  return text;
}

enum { TEXT_BYTES = 160 };

/* What the CPU lacks for a target, and what else there is. */
static mxn_status refuse_target(const neuronbin *bin, const char *label, const char *who, uint32_t target,
                                mxn_error *err) {
  char missing[TEXT_BYTES], all[TEXT_BYTES];
  return error_set(err, MXN_TARGET, "%s: %s'%s' needs CPU features that are missing: %s; compiled for: %s", label, who,
                   target_name(bin, target), cpu_missing(bin->targets[target].level, missing, sizeof missing),
                   list_targets(bin, all, sizeof all));
}

static mxn_status choose_named(const neuronbin *bin, const char *label, const char *name, uint32_t *out_target,
                               mxn_error *err) {
  char all[TEXT_BYTES];
  for (uint32_t i = 0; i < bin->header->n_targets; i++) {
    if (strcmp(target_name(bin, i), name) != 0) continue;
    *out_target = i;
    return cpu_has_level(bin->targets[i].level) ? MXN_OK : refuse_target(bin, label, "MXNEURON_ISA: ", i, err);
  }
  return error_set(err, MXN_TARGET, "%s: MXNEURON_ISA: expected one of the compiled targets (%s), got '%s'", label,
                   list_targets(bin, all, sizeof all), name);
}

mxn_status cpu_choose_target(const neuronbin *bin, const char *label, uint32_t *out_target, mxn_error *err) {
  const char *name = getenv("MXNEURON_ISA");
  if (name && name[0] != '\0') return choose_named(bin, label, name, out_target, err);
  uint32_t easiest = 0;
  for (uint32_t i = 0; i < bin->header->n_targets; i++) {
    *out_target = i;
    if (cpu_has_level(bin->targets[i].level)) return MXN_OK;
    if (bin->targets[i].level < bin->targets[easiest].level) easiest = i;
  }
  return refuse_target(bin, label, "target ", easiest, err);
}
