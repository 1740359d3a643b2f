/* cores.c - how many cores this process may use.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "runtime/cores.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "mxneuron/program.h"

enum { PATH_BYTES = 4096, MAX_CPUS = 1 << 16 };

static uint32_t least(uint32_t a, uint32_t b) { return a < b ? a : b; }

/* The mask of a big machine does not fit the fixed cpu_set_t. */
static uint32_t cores_of_affinity(void) {
  for (int n_cpus = CPU_SETSIZE; n_cpus <= MAX_CPUS; n_cpus *= 4) {
    cpu_set_t *set = CPU_ALLOC(n_cpus);
    if (!set) return 1;
    const size_t bytes = CPU_ALLOC_SIZE(n_cpus);
    const int result = sched_getaffinity(0, bytes, set);
    const int error = errno, count = result == 0 ? CPU_COUNT_S(bytes, set) : 0;
    CPU_FREE(set);
    if (count > 0) return (uint32_t)count;
    if (error != EINVAL) break;
  }
  return 1;
}

/* Up to two numbers of a one-line file; how many there are. */
static int read_numbers(const char *path, long long *first, long long *second) {
  FILE *file = fopen(path, "re");
  if (!file) return 0;
  const int n = fscanf(file, "%lld %lld", first, second);
  fclose(file);
  return n < 0 ? 0 : n;
}

static uint32_t cores_of_quota(long long quota, long long period) {
  if (quota <= 0 || period <= 0) return CORES_NO_LIMIT;
  const long long cores = quota / period + (quota % period != 0);
  return cores < CORES_NO_LIMIT ? (uint32_t)cores : CORES_NO_LIMIT;
}

/* Version 2: "max 100000" or "150000 100000" in cpu.max. Version 1: two files,
 * and -1 for no quota. */
static uint32_t cores_of_group(const char *folder, bool is_v1) {
  char path[PATH_BYTES + 32];
  long long quota = 0, period = 0, unused;
  if (!is_v1) {
    snprintf(path, sizeof path, "%s/cpu.max", folder);
    return read_numbers(path, &quota, &period) == 2 ? cores_of_quota(quota, period) : CORES_NO_LIMIT;
  }
  snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", folder);
  if (read_numbers(path, &quota, &unused) < 1) return CORES_NO_LIMIT;
  snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder);
  return read_numbers(path, &period, &unused) < 1 ? CORES_NO_LIMIT : cores_of_quota(quota, period);
}

/* Inside a container the group's path may not exist below the mount; its
 * parents up to the mount itself are what counts then. */
static uint32_t cores_of_groups(const char *mount, const char *group, bool is_v1) {
  char folder[PATH_BYTES];
  const int length = snprintf(folder, sizeof folder, "%s%s", mount, group);
  if (length < 0 || (size_t)length >= sizeof folder) return CORES_NO_LIMIT;
  uint32_t cores = CORES_NO_LIMIT;
  for (const size_t mount_length = strlen(mount); strlen(folder) >= mount_length;) {
    cores = least(cores, cores_of_group(folder, is_v1));
    char *slash = strrchr(folder, '/');
    if (!slash || slash == folder) break;
    *slash = '\0';
  }
  return cores;
}

static bool has_controller(const char *controllers, const char *name) {
  const size_t length = strlen(name);
  for (const char *at = controllers; *at;) {
    const size_t n = strcspn(at, ",");
    if (n == length && strncmp(at, name, n) == 0) return true;
    at += n + (at[n] == ',');
  }
  return false;
}

/* A line is "number:controllers:/group"; version 2 has no controllers. */
static uint32_t cores_of_line(char *line, const char *root) {
  line[strcspn(line, "\n")] = '\0';
  char *controllers = strchr(line, ':');
  char *group = controllers ? strchr(controllers + 1, ':') : NULL;
  if (!group) return CORES_NO_LIMIT;
  *group++ = '\0';
  controllers++;
  if (controllers[0] == '\0') return cores_of_groups(root, group, false);
  if (!has_controller(controllers, "cpu")) return CORES_NO_LIMIT;
  char mount[PATH_BYTES];
  const int length = snprintf(mount, sizeof mount, "%s/cpu", root);
  return length < PATH_BYTES ? cores_of_groups(mount, group, true) : CORES_NO_LIMIT;
}

uint32_t cores_of_cgroup(const char *membership, const char *root) {
  FILE *file = fopen(membership, "re");
  if (!file) return CORES_NO_LIMIT;
  uint32_t cores = CORES_NO_LIMIT;
  char line[PATH_BYTES];
  while (fgets(line, sizeof line, file)) cores = least(cores, cores_of_line(line, root));
  fclose(file);
  return cores;
}

/* CORES_NO_LIMIT where the variable is not set. */
static mxn_status cores_of_environment(uint32_t *out_cores, mxn_error *err) {
  const char *text = getenv("MXNEURON_NUM_CORES");
  *out_cores = CORES_NO_LIMIT;
  if (!text || text[0] == '\0') return MXN_OK;
  char *end;
  errno = 0;
  const long value = strtol(text, &end, 10);
  if (errno != 0 || *end != '\0' || value < 1 || value > INT32_MAX)
    return error_set(err, MXN_ARGUMENT, "MXNEURON_NUM_CORES: expected a number from 1 on, got '%s'", text);
  *out_cores = (uint32_t)value;
  return MXN_OK;
}

mxn_status cores_available(uint32_t *out_cores, mxn_error *err) {
  uint32_t asked;
  TRY(cores_of_environment(&asked, err));
  *out_cores = least(asked, least(cores_of_affinity(), cores_of_cgroup("/proc/self/cgroup", "/sys/fs/cgroup")));
  return MXN_OK;
}

uint32_t mxn_default_cores(void) {
  uint32_t cores;
  if (cores_available(&cores, NULL) == MXN_OK) return cores;
  return least(cores_of_affinity(), cores_of_cgroup("/proc/self/cgroup", "/sys/fs/cgroup"));
}
