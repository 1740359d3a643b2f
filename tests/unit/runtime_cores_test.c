/* runtime_cores_test.c - how many cores a process may use.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "runtime/cores.h"

#include <sched.h>
#include <sys/stat.h>

#include "mxneuron/program.h"
#include "neuronbin_sample.h"

static char root[600];

/* A file below the root, with its folders. */
static void put(const char *name, const char *text) {
  char path[1300];
  snprintf(path, sizeof path, "%s/%s", root, name);
  for (char *at = path + strlen(root) + 1; (at = strchr(at, '/')); at++) {
    *at = '\0';
    (void)mkdir(path, 0700);
    *at = '/';
  }
  write_bytes(path, (bytes){(uint8_t *)text, strlen(text)});
}

static uint32_t cores_with(const char *membership) {
  char path[1300];
  put("membership", membership);
  snprintf(path, sizeof path, "%s/membership", root);
  return cores_of_cgroup(path, root);
}

static int make_root(void **state) {
  (void)state;
  snprintf(root, sizeof root, "%s", sample_path("cgroup"));
  return mkdir(root, 0700);
}

static int remove_root(void **state) {
  (void)state;
  char command[700];
  snprintf(command, sizeof command, "rm -rf '%s'", root);
  return system(command);
}

static void test_version_2(void **state) {
  (void)state;
  assert_int_equal(cores_with("0::/slice/box\n"), CORES_NO_LIMIT);
  put("slice/box/cpu.max", "max 100000\n");
  assert_int_equal(cores_with("0::/slice/box\n"), CORES_NO_LIMIT);
  put("slice/box/cpu.max", "250000 100000\n");
  assert_int_equal(cores_with("0::/slice/box\n"), 3);
  put("slice/box/cpu.max", "1000 100000\n");
  assert_int_equal(cores_with("0::/slice/box\n"), 1);
  put("slice/box/cpu.max", "800000 100000\n");
  put("slice/cpu.max", "400000 100000\n");
  assert_int_equal(cores_with("0::/slice/box\n"), 4);
  assert_int_equal(cores_with("0::/slice/other\n"), 4);
  put("cpu.max", "200000 100000\n");
  assert_int_equal(cores_with("0::/not/here\n"), 2);
  assert_int_equal(cores_with("0::/\n"), 2);
}

static void test_version_1(void **state) {
  (void)state;
  const char *membership = "12:memory:/a\n5:cpuacct,cpu:/docker/x\n1:name=systemd:/b\n";
  assert_int_equal(cores_with(membership), CORES_NO_LIMIT);
  put("cpu/docker/x/cpu.cfs_quota_us", "-1\n");
  put("cpu/docker/x/cpu.cfs_period_us", "100000\n");
  assert_int_equal(cores_with(membership), CORES_NO_LIMIT);
  put("cpu/docker/x/cpu.cfs_quota_us", "150000\n");
  assert_int_equal(cores_with(membership), 2);
  put("cpu/cpu.cfs_quota_us", "50000\n");
  put("cpu/cpu.cfs_period_us", "50000\n");
  assert_int_equal(cores_with(membership), 1);
  assert_int_equal(cores_with("5:cpuset:/docker/x\n"), CORES_NO_LIMIT);
}

static void test_nonsense(void **state) {
  (void)state;
  put("cpu.max", "many\n");
  put("odd/zero/cpu.max", "0 0\n");
  put("odd/large/cpu.max", "9223372036854775807 1\n");
  assert_int_equal(cores_of_cgroup(sample_path("no-such-file"), root), CORES_NO_LIMIT);
  assert_int_equal(cores_with(""), CORES_NO_LIMIT);
  assert_int_equal(cores_with("no colon\n:\n"), CORES_NO_LIMIT);
  assert_int_equal(cores_with("0::/odd/zero\n"), CORES_NO_LIMIT);
  assert_int_equal(cores_with("0::/odd/large\n"), CORES_NO_LIMIT);
}

static void test_environment(void **state) {
  (void)state;
  cpu_set_t set;
  assert_int_equal(sched_getaffinity(0, sizeof set, &set), 0);
  unsetenv("MXNEURON_NUM_CORES");
  const uint32_t n_all = mxn_default_cores();
  assert_in_range(n_all, 1, CPU_COUNT(&set));
  setenv("MXNEURON_NUM_CORES", "1", 1);
  assert_int_equal(mxn_default_cores(), 1);
  setenv("MXNEURON_NUM_CORES", "100000", 1);
  assert_int_equal(mxn_default_cores(), n_all);
  static const char *const bad[] = {"0", "-1", "two", "2x", "99999999999999999999"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    uint32_t n_cores = 0;
    mxn_error err = {0};
    setenv("MXNEURON_NUM_CORES", bad[i], 1);
    assert_int_equal(cores_available(&n_cores, &err), MXN_ARGUMENT);
    assert_non_null(strstr(err.message, bad[i]));
    assert_int_equal(mxn_default_cores(), n_all);
  }
  unsetenv("MXNEURON_NUM_CORES");
}

/* One CPU in the mask is one core. */
static void test_affinity(void **state) {
  (void)state;
  cpu_set_t all, one;
  assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
  CPU_ZERO(&one);
  for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
    if (CPU_ISSET(i, &all)) CPU_SET(i, &one);
  assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
  assert_int_equal(mxn_default_cores(), 1);
  assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_version_2),   cmocka_unit_test(test_version_1), cmocka_unit_test(test_nonsense),
      cmocka_unit_test(test_environment), cmocka_unit_test(test_affinity),
  };
  const int n_failed = cmocka_run_group_tests(tests, make_root, remove_root);
  sample_finish();
  return n_failed;
}
