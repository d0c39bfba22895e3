/* Goal: a cost profile is read exactly or refused with a sentence that says where; costs are
 * integer sums that equal what is worked out by hand. */
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/host/profile.h"

#define HEADER "kind\tunit\tfixed_ns\tper_unit_ns\tfixed_pj\tper_unit_pj\tresource\tsource\n"

/* A whole profile in which the line of `kind` is replaced by `line` (without the line: ""). */
static void build(char *text, size_t capacity_bytes, int replaced, const char *line) {
    size_t length = (size_t)snprintf(text, capacity_bytes, "# test\n" HEADER);
    for (int kind = 0; kind < CG_WORK_KIND_COUNT; kind++) {
        if (kind == replaced) {
            length += (size_t)snprintf(text + length, capacity_bytes - length, "%s", line);
        } else {
            length += (size_t)snprintf(
                text + length, capacity_bytes - length, "%s\t%s\t0\t0\t0\t0\tcore\ttest\n",
                cg_work_kind_name((cg_work_kind)kind), cg_work_kind_unit((cg_work_kind)kind));
        }
        assert_true(length < capacity_bytes);
    }
}

static sim_profile parse(const char *text) {
    sim_profile profile;
    cg_error error;
    assert_ok(sim_profile_parse("test", text, strlen(text), &profile, &error), error);
    return profile;
}

/* The committed profile parses, and its distance costs what its source says: 86 ns at 128
 * dimensions. */
static void test_reference(void **state) {
    (void)state;
    sim_profile profile;
    cg_error error;
    assert_ok(sim_profile_read("scenarios/profiles/reference.tsv", &profile, &error), error);
    cg_work work = {{0}, {0}};
    cg_work_count(&work, CG_WORK_DISTANCE_F32, 1, 128);
    sim_cost cost = sim_profile_cost(&profile, &work);
    assert_int_equal(cost.core_ns, 86);
    assert_int_equal(cost.disk_ns, 0);
    assert_int_equal(cost.tier_core_ns, 0);
    memset(&work, 0, sizeof work);
    cg_work_count(&work, CG_WORK_TIER_STORE, 2, 8192); /* 2 * 80 us + 8 KiB at 2 GB/s */
    cost = sim_profile_cost(&profile, &work);
    assert_int_equal(cost.disk_ns, 160000 + 4096);
    assert_int_equal(cost.tier_disk_ns, cost.disk_ns);
    assert_int_equal(cost.core_ns, 0);
}

/* 3 operations of 7 units at 2.5 ns and 0.125 ns: 8.375 ns is 9; energy 3 * 0.001 + 7 * 2 pJ
 * is 15. */
static void test_known_cost(void **state) {
    (void)state;
    char text[8192];
    build(text, sizeof text, CG_WORK_PROJECT,
          "project\tmultiply-add\t2.5\t0.125\t0.001\t2\tcore\tby hand\n");
    sim_profile profile = parse(text);
    cg_work work = {{0}, {0}};
    cg_work_count(&work, CG_WORK_PROJECT, 3, 7);
    sim_cost cost = sim_profile_cost(&profile, &work);
    assert_int_equal(cost.core_ns, 9);
    assert_int_equal(cost.energy_pj, 15);
    memset(&work, 0, sizeof work);
    cost = sim_profile_cost(&profile, &work);
    assert_int_equal(cost.core_ns, 0);
    assert_int_equal(cost.energy_pj, 0);
    cg_work_count(&work, CG_WORK_PROJECT, UINT64_MAX,
                  UINT64_MAX); /* saturates, and does not wrap */
    assert_int_equal(sim_profile_cost(&profile, &work).core_ns, UINT64_MAX / 1000 + 1);
}

/* Tier reads are told apart within core and disk time. */
static void test_tier_share(void **state) {
    (void)state;
    char text[8192];
    build(text, sizeof text, CG_WORK_TIER_L2,
          "tier_l2\tbyte\t12.245\t0\t0\t0\tcore\tby hand\n");
    sim_profile profile = parse(text);
    profile.entries[CG_WORK_STEP].fixed_ps = 100000;
    cg_work work = {{0}, {0}};
    cg_work_count(&work, CG_WORK_STEP, 1, 0);
    cg_work_count(&work, CG_WORK_TIER_L2, 10, 0);
    sim_cost cost = sim_profile_cost(&profile, &work);
    assert_int_equal(cost.core_ns, 223); /* 100 + 122.45 */
    assert_int_equal(cost.tier_core_ns, 122);
}

/* The scenario's disk replaces the profile's, for disk kinds only. */
static void test_with_disk(void **state) {
    (void)state;
    char text[8192];
    build(text, sizeof text, CG_WORK_TIER_STORE,
          "tier_store\tbyte\t80000\t0.5\t0\t0\tdisk\tby hand\n");
    sim_profile profile = parse(text);
    sim_profile changed = sim_profile_with_disk(&profile, 10000, 1000000000);
    assert_int_equal(changed.entries[CG_WORK_TIER_STORE].fixed_ps, 10000000);
    assert_int_equal(changed.entries[CG_WORK_TIER_STORE].per_unit_ps, 1000);
    assert_int_equal(changed.entries[CG_WORK_STEP].fixed_ps, 0);
    assert_int_not_equal(changed.hash, profile.hash);
    changed = sim_profile_with_disk(&profile, 0, 0);
    assert_int_equal(changed.hash, profile.hash);
}

/* Every bad line is refused, and the sentence names line and column. The replaced kind is the
 * first, so it stands on line 3. */
static void test_bad_lines(void **state) {
    (void)state;
    static const struct {
        const char *line;
        const char *part;
    } cases[] = {
        {"", "kind \"step\" (unit byte) is missing"},
        {"step\tbyte\t1\t1\t1\t1\tcore\n", "test:3: the line has 7 columns"},
        {"step\tbyte\t1\t1\t1\t1\tcore\tx\ty\n", "test:3: the line has 9 columns"},
        {"step\tbyte\t-1\t1\t1\t1\tcore\tx\n", "test:3: fixed_ns is \"-1\""},
        {"step\tbyte\t1\tnan\t1\t1\tcore\tx\n", "test:3: per_unit_ns is \"nan\""},
        {"step\tbyte\t1\t1\tinf\t1\tcore\tx\n", "test:3: fixed_pj is \"inf\""},
        {"step\tbyte\t1\t1\t1\t\tcore\tx\n", "test:3: per_unit_pj is \"\""},
        {"step\tbyte\t1.\t1\t1\t1\tcore\tx\n", "fixed_ns is \"1.\""},
        {"step\tbyte\t.5\t1\t1\t1\tcore\tx\n", "fixed_ns is \".5\""},
        {"step\tbyte\t1.2345\t1\t1\t1\tcore\tx\n", "at most 3 places"},
        {"step\tbyte\t1e3\t1\t1\t1\tcore\tx\n", "fixed_ns is \"1e3\""},
        {"step\tbyte\t1000000000000.001\t1\t1\t1\tcore\tx\n", "the most is 1000000000000"},
        {"step\tbyte\t99999999999999999999999\t1\t1\t1\tcore\tx\n", "the most is"},
        {"step\tword\t1\t1\t1\t1\tcore\tx\n", "unit of \"step\" is \"word\""},
        {"stop\tbyte\t1\t1\t1\t1\tcore\tx\n", "kind \"stop\" is not known"},
        {"slot\tbyte\t1\t1\t1\t1\tcore\tx\n", "kind \"slot\" stands on line 3 already"},
        {"step\tbyte\t1\t1\t1\t1\tgpu\tx\n", "resource is \"gpu\""},
        {"step\tbyte\t1\t1\t1\t1\tcore\t \n", "source is empty"},
        {"step\tbyte\t1\t1\t1\t1\tcore\tx\r\n", "control character 0x0d"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[8192];
        build(text, sizeof text, CG_WORK_STEP, cases[i].line);
        sim_profile profile;
        sim_profile untouched;
        memset(&profile, 0x5a, sizeof profile);
        memset(&untouched, 0x5a, sizeof untouched);
        cg_error error = {CG_OK, ""};
        assert_status(sim_profile_parse("test", text, strlen(text), &profile, &error),
                      CG_ERROR_INVALID, error, cases[i].part);
        assert_memory_equal(&profile, &untouched, sizeof profile);
    }
}

static void test_bad_files(void **state) {
    (void)state;
    sim_profile profile;
    cg_error error;
    assert_status(sim_profile_parse("test", "", 0, &profile, &error), CG_ERROR_INVALID, error,
                  "empty");
    const char *swapped = "unit\tkind\tfixed_ns\tper_unit_ns\tfixed_pj\tper_unit_pj\tresource\t"
                          "source\n";
    assert_status(sim_profile_parse("test", swapped, strlen(swapped), &profile, &error),
                  CG_ERROR_INVALID, error, "test:1: column 1 of the header is \"unit\"");
    assert_status(sim_profile_read("no/such.tsv", &profile, &error), CG_ERROR_NOT_FOUND, error,
                  "no/such.tsv");
    assert_int_not_equal(sim_profile_read("scenarios", &profile, &error), CG_OK); /* a folder */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference),  cmocka_unit_test(test_known_cost),
        cmocka_unit_test(test_tier_share), cmocka_unit_test(test_with_disk),
        cmocka_unit_test(test_bad_lines),  cmocka_unit_test(test_bad_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
