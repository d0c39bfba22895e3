/* Goal: a run judges its scenario's claims, shows them as the table of the database does, and a check
 * sees one that was met and is missed.
 */
#include "tests/support/program.h"
#include "tests/support/support.h"

#include <string.h>

static const char claims[] =
    "return { name = \"claims\", factors = { { \"hosts\", { 1, 2 } } },\n"
    "  point = function(factor) return {\n"
    "    cluster = { hosts = factor.hosts }, graph = { nodes = 200, held_out = 20 },\n"
    "    load = { facts = 10, audits = 5 } } end,\n"
    "  claims = {\n"
    "    { id = \"CL-1\", metric = \"requests:total\", op = \"=\", bound = 10 },\n"
    "    { id = \"CL-2\", metric = \"latency:p99\", where = { hosts = 2 },\n"
    "      over = { hosts = 1 }, op = \"<\", bound = 0.5, aim = 0.25 },\n"
    "    { id = \"CL-3\", metric = \"latncy:p99\", op = \"<\", bound = 1, unit = \"s\" "
    "} } }\n";

static int set_up(void **state) {
    (void)state;
    program_init(PROGRAM);
    program_write("claims.lua", claims);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    program_deinit();
    return 0;
}

/* A missed claim is said, and is no failure of the run; one that was met and is missed now fails
 * the check. A bound that is changed changes no fingerprint. */
static void claims_are_judged(void **state) {
    (void)state;
    program_result run = program_run("$P run claims.lua -o claims.db");
    assert_int_equal(run.status, 0);
    assert_int_equal(strncmp(run.out, "Claims\n\nclaim  what ", 20), 0);
    assert_non_null(strstr(run.out, "\nCL-1   requests total "));
    assert_non_null(strstr(run.out, "= 10     met\n"));
    assert_non_null(strstr(run.out, "\nCL-2   latency p99 at hosts=2 over hosts=1 "));
    assert_non_null(strstr(run.out, "< 0.5 x  missed   < 0.25 x  missed\n"));
    assert_non_null(strstr(run.out, "\nCL-3 is open: column \"latncy:p99\" matches no result"));
    assert_non_null(strstr(run.out, "\nclaims: 1 met, 1 missed, 1 open\n"));
    program_result table = program_run("$P table claims.db --view claims");
    assert_int_equal(table.status, 0);
    assert_string_equal(table.out, run.out);
    assert_int_equal(program_run("$P bless claims.db claims.tsv").status, 0);
    assert_int_equal(program_run("$P check claims.db claims.tsv").status, 0);
    program_result check =
        program_run("set -e; sed 's/bound = 10/bound = 11/' claims.lua >missed.lua\n"
                    "$P run missed.lua --quiet -o missed.db; $P check missed.db claims.tsv");
    assert_int_equal(check.status, 1);
    assert_non_null(strstr(check.out, "CL-1:verdict"));
    assert_non_null(strstr(check.out, "0 missed"));
    program_result fingerprints = program_run(
        "[ $($P table claims.db --fingerprint) = $($P table missed.db --fingerprint) ]");
    assert_int_equal(fingerprints.status, 0);
}

/* A database of the version before is refused by the name of the migration, by whoever opens it. */
static void older_databases_are_refused(void **state) {
    (void)state;
    static const char says[] = "old.db has schema version 1 and this program needs 2: apply "
                               "results/migrations/2.sql and those after it with sqlite3";
    program_result made =
        program_run("set -e; $P run claims.lua --quiet -o old.db; $P bless old.db old.tsv\n"
                    "printf '\\001' | dd of=old.db bs=1 seek=63 conv=notrunc 2>/dev/null");
    assert_int_equal(made.status, 0);
    program_refuses("exec $P table old.db", 2, says);
    program_refuses("exec $P check old.db old.tsv", 2, says);
    program_refuses("exec $P bless old.db old.tsv", 2, says);
    program_refuses("exec $P plot old.db --out .", 2, says);
    program_refuses("exec $P run claims.lua -o old.db", 2, says);
}

/* Points that fail leave claims open, and the run fails as it would without them. */
static void failed_points_leave_claims_open(void **state) {
    (void)state;
    program_result run =
        program_run("sed 's/audits = 5 }/audits = 5 }, hooks = { { at = \"1ms\", "
                    "run = function() error(\"no\") end } }/' claims.lua "
                    ">failing.lua; exec $P run failing.lua -o failing.db");
    assert_int_equal(run.status, 3);
    program_result table = program_run("$P table failing.db --view claims");
    assert_int_equal(table.status, 0);
    assert_non_null(strstr(table.out, "CL-1 is open: "));
    assert_non_null(strstr(table.out, "\nclaims: 0 met, 0 missed, 3 open\n"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(claims_are_judged),
        cmocka_unit_test(older_databases_are_refused),
        cmocka_unit_test(failed_points_leave_claims_open),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
