/* Goal: whatever a user gets wrong is said in one sentence on stderr, with the exit status that
 * the program promises, and nothing that was there before is changed; results go to stdout
 * alone.
 */
#include "tests/support/program.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char tiny[] =
    "-- Is it tiny?\n"
    "return { name = \"tiny\", factors = { { \"hosts\", { 1, 2 } } },\n"
    "  point = function(factor) return {\n"
    "    cluster = { hosts = factor.hosts }, graph = { nodes = 200, held_out = 20 },\n"
    "    load = { facts = 10, audits = 5 } } end,\n"
    "  tables = { { name = \"latency\", columns = { \"requests:total\", \"latency:p99\" } } "
    "},\n"
    "  plots = { { name = \"scale\", x = \"hosts\", y = \"latency:p99\" } } }\n";

#define SMALL "graph = { nodes = 200, held_out = 20 }, load = { facts = 5, audits = 1 }"
#define POINT(body)                                                                            \
    "return { name = \"bad\", point = function(factor)\n  return { " SMALL ", " body           \
    " } end }\n"

static const struct {
    const char *name;
    const char *text;
} scripts[] = {
    {"tiny.lua", tiny},
    {"syntax.lua", "return {\n  name = \"x\",\n  point = = 3 }\n"},
    {"runtime.lua", "local x = nil\nreturn { name = \"x\", point = function()\n"
                    "  return { cluster = { hosts = x.y } } end }\n"},
    {"lines.lua", "error(\"one\\ntwo\")\n"},
    {"empty.lua", ""},
    {"key.lua", POINT("cluster = { network = { latencey = \"1ms\" } }")},
    {"parsecs.lua", POINT("cluster = { network = { latency = \"50 parsecs\" } }")},
    {"nan.lua", POINT("cluster = { network = { loss = 0/0 } }")},
    {"negative.lua", POINT("engine = { timeout = -1 }")},
    {"host.lua", POINT("cluster = { hosts = 4 }, faults = { { at = \"1ms\", action = "
                       "\"partition\", hosts = { 4 } } }")},
    {"late.lua", POINT("stop = \"1s\", faults = { { at = \"2s\", action = \"latency\", "
                       "value = \"1ms\" } }")},
    {"hook.lua", POINT("hooks = { { at = \"1ms\", run = function(control)\n"
                       "    local x = nil + 1 end } }")},
    {"text.db", "This is a text and no database, though its name says so.\n"},
    {"foreign.tsv", "a\tb\n1\t2\n"},
    {"nohead.tsv", "# Cortigrid baseline 1: compared by `cortigrid check`, updated by "
                   "`cortigrid bless`.\n"},
};

/* Every byte of the schema version and of the application id lies at a fixed place of an SQLite
 * file (its header's offsets 60 and 68). */
static const char fixtures[] =
    "set -e; $P run tiny.lua --quiet -o good.db\n"
    "cp good.db version.db; printf '\\143' | dd of=version.db bs=1 seek=63 conv=notrunc\n"
    "cp good.db other.db; printf 'XXXX' | dd of=other.db bs=1 seek=68 conv=notrunc\n"
    "head -c 20000 good.db >cut.db; head -c 50 good.db >stub.db\n"
    "cp good.db two.db; sed 's/\"tiny\"/\"twin\"/' tiny.lua >twin.lua\n"
    "$P run twin.lua --quiet -o two.db --set load.facts=5\n"
    "$P run hook.lua --quiet -o failed.db || [ $? = 3 ]\n"
    "$P bless good.db good.tsv >/dev/null; sed 's/^1/7/;s/^2/8/' good.tsv >unmatched.tsv\n"
    "head -c 150 good.tsv >cut.tsv\n"
    "mkdir empty cut altered lacking spoiled file; mkdir file/data.noun\n"
    "for f in noun verb adj adv; do for d in cut altered lacking spoiled; do\n"
    "ln -s /usr/share/wordnet/data.$f /usr/share/wordnet/$f.exc $d; done; done\n"
    "rm cut/data.adv altered/data.adv lacking/verb.exc spoiled/adv.exc\n"
    "printf 'best well\\nlonely\\n' >spoiled/adv.exc\n"
    "head -c 200000 /usr/share/wordnet/data.adv >cut/data.adv\n"
    "sed '3000s/[0-9]/7/3' /usr/share/wordnet/data.adv >altered/data.adv\n"
    "head -c 500 \"$ROOT/scenarios/profiles/reference.tsv\" >cut-profile.tsv\n"
    "sed 's/reference/-1/;s/[0-9][0-9]*/nan/' \"$ROOT/scenarios/profiles/reference.tsv\" "
    ">altered-profile.tsv\n"
    "mkdir nothing";

static int set_up(void **state) {
    (void)state;
    char root[512];
    assert_non_null(getcwd(root, sizeof root));
    assert_int_equal(setenv("ROOT", root, 1), 0);
    program_init(PROGRAM);
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        program_write(scripts[i].name, scripts[i].text);
    }
    program_result made = program_run(fixtures);
    if (made.status != 0) {
        fail_msg("the fixtures were not made:\n%s", made.err);
    }
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    program_deinit();
    return 0;
}

typedef struct refusal {
    const char *command; /* behind "$P " unless it starts with a '!' */
    int status;
    const char *says;
} refusal;

static void refuse_all(const refusal *refusals, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const char *given = refusals[i].command;
        char command[512];
        snprintf(command, sizeof command, "%s%s", *given == '!' ? "" : "exec $P ",
                 *given == '!' ? given + 1 : given);
        uint64_t before = program_folder_hash();
        program_refuses(command, refusals[i].status, refusals[i].says);
        if (program_folder_hash() != before) {
            fail_msg("%s changed what lay in the folder", command);
        }
    }
}

#define REFUSE_ALL(refusals) refuse_all(refusals, sizeof(refusals) / sizeof(refusals)[0])

static void wrong_use(void **state) {
    (void)state;
    static const refusal refusals[] = {
        {"frob", 2,
         "unknown verb \"frob\"; the verbs are run, table, plot, check, bless, bisect, "
         "explain, graph, fuzz, calibrate and validate"},
        {"run", 2, "an operand is missing; usage: cortigrid run [options] FILE.lua"},
        {"run tiny.lua tiny.lua", 2, "too many operands"},
        {"table", 2, "usage: cortigrid table [options] DB"},
        {"plot", 2, "usage: cortigrid plot [options] DB"},
        {"check", 2, "usage: cortigrid check [options] DB [BASELINE.tsv]"},
        {"bless", 2, "usage: cortigrid bless [options] DB [BASELINE.tsv]"},
        {"run tiny.lua --frob", 2, "unknown option --frob; see cortigrid run --help"},
        {"table good.db --set a=b", 2, "unknown option --set; see cortigrid table --help"},
        {"run tiny.lua --quiet=3", 2, "--quiet takes no value"},
        {"run tiny.lua -o", 2, "-o needs a value"},
        {"run tiny.lua --jobs 0", 2, "--jobs: \"0\" is not a whole number from 1 to 256"},
        {"run tiny.lua --jobs x", 2, "--jobs: \"x\" is not a whole number"},
        {"run tiny.lua --jobs 1.5", 2, "--jobs: \"1.5\" is not a whole number"},
        {"run tiny.lua --jobs ''", 2, "--jobs: \"\" is not a whole number"},
        {"run tiny.lua --jobs 257", 2, "--jobs: \"257\" is not a whole number"},
        {"run tiny.lua --seed -1", 2, "--seed: \"-1\" is not a whole number from 0 to"},
        {"run tiny.lua --seed 18446744073709551616", 2, "--seed: \"18446744073709551616\""},
        {"run tiny.lua --set cluster.hosts", 2, "\"cluster.hosts\" is not PATH=VALUE"},
        {"run tiny.lua --set =3", 2, "\"=3\" is not PATH=VALUE"},
        {"run tiny.lua --set cluster.hots=3", 2,
         "unknown option \"cluster.hots\"; do you mean \"cluster.hosts\"?"},
        {"run tiny.lua --set cluster.network=3", 2, "is a group of options"},
        {"run tiny.lua --set faults=3", 2, "\"faults\" is a list"},
        {"run tiny.lua --set seed=3", 2, "choose that with --seed"},
        {"run none.lua -o x.db", 2, "cannot open the scenario none.lua: No such file"},
        {"run empty -o x.db", 2, "cannot read the scenario empty: Is a directory"},
        {"run good.db -o x.db", 2, "good.db"},
    };
    REFUSE_ALL(refusals);
}

static void bad_scenarios(void **state) {
    (void)state;
    static const refusal refusals[] = {
        {"run syntax.lua -o x.db", 2, "syntax.lua:3: unexpected symbol near '='"},
        {"run runtime.lua -o x.db", 2, "runtime.lua:3: attempt to index a nil value"},
        {"run lines.lua -o x.db", 2, "lines.lua:1: one two"},
        {"run empty.lua -o x.db", 2, "a scenario must return a table, not a nil"},
        {"run key.lua -o x.db", 2,
         "unknown key \"latencey\" in cluster.network; do you mean \"latency\"?"},
        {"run parsecs.lua -o x.db", 2,
         "\"50 parsecs\" is not a duration; use ns, us, ms, s, min or h"},
        {"run nan.lua -o x.db", 2, "cluster.network.loss"},
        {"run negative.lua -o x.db", 2, "engine.timeout: \"-1\" is too small"},
        {"run host.lua -o x.db", 2,
         "host 4 does not exist; cluster.hosts is 4, so hosts are 0 to 3"},
        {"run late.lua -o x.db", 2, "faults[1].at: 2s is after the run's stop at 1s"},
        {"run key.lua --list", 2, "do you mean \"latency\"?"},
    };
    REFUSE_ALL(refusals);
}

/* "run tiny.lua -o good.db --set OPTION=VALUE" leaves the good database as it was. */
static void bad_values(void **state) {
    (void)state;
    static const struct {
        const char *setting;
        const char *says;
    } values[] = {
        {"cluster.network.latency='50 parsecs'", "use ns, us, ms, s, min or h"},
        {"cluster.network.latency=0", "too small; the least is 1ns"},
        {"cluster.network.latency=-1ms", "too small"},
        {"cluster.network.latency=nan", "is not a duration"},
        {"cluster.network.latency=99999999999999999999h", "too large; the greatest is 1min"},
        {"cluster.network.latency=", "\"\" is not a duration"},
        {"cluster.network.bandwidth=0", "too small; the least is 1Kbps"},
        {"cluster.network.bandwidth=10GB", "is not a bandwidth; use bps"},
        {"cluster.network.loss=1.5", "too large; the greatest is 1"},
        {"cluster.network.loss=-0.1", "too small"},
        {"cluster.network.loss=nan", "is not a probability"},
        {"cluster.network.jitter=inf", "is not a duration"},
        {"cluster.hosts=0", "too small; the least is 1"},
        {"cluster.hosts=5000", "too large; the greatest is 4096"},
        {"cluster.hosts=1.5", "is not a whole number"},
        {"cluster.cores=0", "too small"},
        {"cluster.memory=0", "too small; the least is 1MiB"},
        {"cluster.memory=1000PiB", "too large; the greatest is 1PiB"},
        {"cluster.disk.access=1h", "too large; the greatest is 10s"},
        {"graph.nodes=0", "too small; the least is 16"},
        {"graph.nodes=-5", "too small"},
        {"graph.nodes=1e30", "too large"},
        {"graph.nodes=0x10", "is not a whole number"},
        {"graph.nodes=200K", "graph.nodes: 200000 is more than the 117659 concepts of WordNet"},
        {"graph.nodes=4G", "is more than the 117659 concepts of WordNet"},
        {"graph.held_out=0", "too small"},
        {"graph.source=dbpedia", "is not one of wordnet, keys, synthetic"},
        {"engine.dims=33", "33 is not a multiple of 16; the next is 48"},
        {"engine.dims=1040", "too large"},
        {"engine.index=tree", "is not one of flat and hnsw"},
        {"engine.m=3", "too small"},
        {"engine.ef=0", "too small"},
        {"engine.neighbours=257", "too large"},
        {"engine.columns.semantic=maybe", "is neither true nor false"},
        {"engine.tiers.l1=0", "too small"},
        {"engine.tiers.l1=10G", "too large; the greatest is 2G"},
        {"engine.tiers.l2=1",
         "engine.tiers.l2: 1 entries are fewer than the 10K of engine.tiers.l1"},
        {"engine.replicas=3", "too large"},
        {"engine.timeout=0", "too small"},
        {"engine.tries=1001", "too large"},
        {"load.rate=0", "too small"},
        {"load.rate=1e400", "too large"},
        {"load.rate=fast", "is not a rate; use Hz, kHz or MHz"},
        {"load.facts=0", "too small"},
        {"load.start=72h", "load.start: 72h is not before the run's stop at 10min"},
        {"stop=0", "too small"},
        {"stop=721h", "too large"},
        {"series=1us",
         "series: intervals of 1us up to the stop at 10min are more than 1000000"},
        {"graph.path=", "is empty; give the name of a file or folder"},
        {"graph.path=empty", "install Debian's wordnet-base"},
        {"graph.path=cut", "cut: data.adv line"},
        {"graph.path=altered", "altered: data.adv line 3000"},
        {"graph.path=lacking", "lacking/verb.exc"},
        {"graph.path=spoiled", "spoiled: adv.exc line 2"},
        {"profile=none.tsv", "cost profile none.tsv cannot be opened"},
        {"profile=cut-profile.tsv", "cut-profile.tsv:"},
        {"profile=altered-profile.tsv", "altered-profile.tsv:"},
        {"profile=good.db", "good.db"},
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char command[256];
        snprintf(command, sizeof command, "run tiny.lua -o good.db --set %s",
                 values[i].setting);
        refuse_all(&(refusal){command, 2, values[i].says}, 1);
    }
    static const refusal memory[] = {
        {"run tiny.lua -o good.db --set graph.nodes=10K --set cluster.memory=2MiB", 2,
         "cluster.memory: a graph of 10000 concepts takes about"},
        {"run tiny.lua -o good.db --set graph.nodes=all --set cluster.memory=1MiB", 2,
         "use a smaller graph.nodes or more memory"},
    };
    REFUSE_ALL(memory);
}

static void bad_places_for_results(void **state) {
    (void)state;
    static const refusal refusals[] = {
        {"run tiny.lua -o none/x.db", 2, "there is no folder none to put the results into"},
        {"run tiny.lua -o empty", 2, "empty is a folder; name a file in it"},
        {"run tiny.lua -o tiny.lua/x.db", 2, "there is no folder tiny.lua"},
        {"run tiny.lua -o /proc/x.db", 3, "cannot"},
        {"run tiny.lua -o /dev/full", 3, "/dev/full is no regular file"},
        {"run tiny.lua -o text.db", 2, "text.db is no result database"},
        {"run tiny.lua -o tiny.lua", 2, "tiny.lua is no result database"},
        {"run tiny.lua -o version.db", 2, "schema version 99, newer than this program's"},
        {"run tiny.lua -o other.db", 2, "other.db is no result database of Cortigrid"},
        {"run tiny.lua -o cut.db", 2, "the database cut.db is damaged: truncated or altered"},
        {"run tiny.lua -o stub.db", 2, "the database stub.db is damaged"},
        {"table good.db >/dev/full", 3, "cannot write the table: No space left on device"},
        {"table good.db --format json >/dev/full", 3, "No space left on device"},
        {"check good.db good.tsv >/dev/full", 3, "No space left on device"},
        {"run tiny.lua --list >/dev/full", 3, "No space left on device"},
        {"run --help >/dev/full", 3, "No space left on device"},
    };
    REFUSE_ALL(refusals);
}

static void bad_databases_and_names(void **state) {
    (void)state;
    static const refusal refusals[] = {
        {"table none.db", 2, "there is no database none.db"},
        {"table empty", 3, "empty is no file that can be read as a database"},
        {"table text.db", 2, "text.db is no result database"},
        {"table version.db", 2, "schema version 99, newer than this program's"},
        {"table other.db", 2, "other.db is no result database of Cortigrid"},
        {"table cut.db", 2, "the database cut.db is damaged: truncated or altered"},
        {"table stub.db", 2, "stub.db"},
        {"plot cut.db --out empty", 2, "the database cut.db is damaged"},
        {"check cut.db good.tsv", 2, "the database cut.db is damaged"},
        {"bless cut.db good.tsv", 2, "the database cut.db is damaged"},
        {"table two.db", 2, "holds 2 experiments; name one with --experiment: tiny, twin"},
        {"check two.db", 2, "name one with --experiment"},
        {"plot two.db --out empty", 2, "name one with --experiment"},
        {"table two.db --experiment twinn", 2, "the nearest is \"twin\""},
        {"table good.db --format xml", 2, "is not text, csv, json or markdown"},
        {"table good.db --view latncy", 2, "the nearest is \"latency\""},
        {"table good.db --columns latncy:p99", 2, "the nearest is \"latency:p99\""},
        {"table good.db --columns latency", 2, "is not of the form metric:statistic"},
        {"table good.db --where host=1", 2, "the nearest is \"hosts\""},
        {"table good.db --where hosts=9", 2, "factor hosts has no value \"9\""},
        {"table good.db --where hosts", 2, "is not of the form factor=value"},
        {"plot none.db", 2, "there is no database none.db"},
        {"plot good.db --out none", 3, "cannot write figures to none: No such file"},
        {"plot good.db --view scal --out empty", 2, "the nearest is \"scale\""},
        {"plot failed.db --out empty", 2, "experiment bad has no plots"},
        {"table failed.db --fingerprint --experiment x", 2, "the nearest is \"bad\""},
        {"table failed.db --columns latency:p99", 2, "has no finished point with figures"},
        {"bless failed.db x.tsv", 2, "have failed or not run: a baseline needs all of them"},
        {"check good.db none.tsv", 2, "No such file or directory; cortigrid bless makes it"},
        {"check good.db", 2, "results/baselines/tiny.tsv: No such file"},
        {"check good.db foreign.tsv", 2, "foreign.tsv"},
        {"check good.db nohead.tsv", 2, "nohead.tsv"},
        {"check good.db cut.tsv", 2, "cut.tsv"},
        {"check good.db text.db", 2, "text.db"},
        {"check good.db good.db", 2, "the baseline good.db is no text"},
        {"check good.db unmatched.tsv", 2, "unmatched.tsv matches no row of experiment tiny"},
        {"check failed.db good.tsv", 2, "holds no experiment \"tiny\""},
        {"check two.db good.tsv --experiment twin", 2, "is a baseline of tiny, not of twin"},
        {"bless good.db none/x.tsv", 3, "cannot write the baseline none/x.tsv"},
        {"bless good.db tiny.lua", 2, "tiny.lua"},
    };
    REFUSE_ALL(refusals);
}

/* The figures' script and data are kept for later, so the folder of the results alone must
 * stay. */
static void no_gnuplot(void **state) {
    (void)state;
    program_refuses("PATH=$PWD/nothing exec $P plot good.db --out nothing", 2,
                    "gnuplot is not installed: apt-get install gnuplot-nox");
    program_result run = program_run("PATH=$PWD/nothing exec $P run tiny.lua -o plotless.db");
    assert_int_equal(run.status, 3);
    assert_non_null(strstr(run.out, "latency p99"));
    assert_non_null(strstr(run.err, "\ncortigrid: gnuplot is not installed"));
    assert_int_equal(program_run("$P table plotless.db").status, 0);
}

static void help_and_streams(void **state) {
    (void)state;
    static const char *const verbs[] = {"run", "table", "plot", "check", "bless"};
    for (size_t i = 0; i < 5; i++) {
        char command[64];
        char usage[64];
        snprintf(command, sizeof command, "exec $P %s --help", verbs[i]);
        snprintf(usage, sizeof usage, "usage: cortigrid %s [options] ", verbs[i]);
        program_result help = program_run(command);
        assert_int_equal(help.status, 0);
        assert_int_equal(strncmp(help.out, usage, strlen(usage)), 0);
        assert_non_null(strstr(help.out, "--help"));
        assert_string_equal(help.err, "");
    }
    program_result help = program_run("$P --help");
    assert_int_equal(help.status, 0);
    assert_string_equal(help.err, "");
    program_result nothing = program_run("$P");
    assert_int_equal(nothing.status, 2);
    assert_string_equal(nothing.out, "");
    assert_string_equal(nothing.err, help.out);

    program_result list = program_run("$P run tiny.lua --list");
    assert_int_equal(list.status, 0);
    assert_string_equal(list.out, "point\trepetition\thosts\n0\t1\t1\n1\t1\t2\n");
    assert_string_equal(list.err, "");
    program_result quiet = program_run("$P run tiny.lua --quiet -o quiet.db");
    assert_int_equal(quiet.status, 0);
    assert_string_equal(quiet.out, "");
    assert_string_equal(quiet.err, "");
    program_result loud = program_run("$P run tiny.lua -o loud.db");
    assert_int_equal(loud.status, 0);
    assert_int_equal(strncmp(loud.out, "latency\n\nhosts ", 15), 0);
    assert_non_null(strstr(loud.out, "figures/tiny-scale.svg\nfigures/tiny-scale.png\n"));
    assert_non_null(strstr(loud.err, "\n[2/2] hosts "));
    assert_non_null(strstr(loud.err, "\ncortigrid: 2 of 2 points in loud.db, fingerprint "));
}

/* --- JSON, as RFC 8259 has it */

static const char *skip_value(const char *at);

static const char *skip_space(const char *at) {
    return at + strspn(at, " \t\r\n");
}

static const char *skip_string(const char *at) {
    if (*at++ != '"') {
        return NULL;
    }
    for (; *at && *at != '"'; at++) {
        if ((unsigned char)*at < 0x20 || (*at == '\\' && !*++at)) {
            return NULL;
        }
    }
    return *at == '"' ? at + 1 : NULL;
}

/* Behind '{' or '['. */
static const char *skip_members(const char *at, char end) {
    at = skip_space(at);
    if (*at == end) {
        return at + 1;
    }
    for (;;) {
        if (end == '}') {
            at = skip_string(skip_space(at));
            at = at ? skip_space(at) : NULL;
            if (!at || *at++ != ':') {
                return NULL;
            }
        }
        at = skip_value(at);
        if (!at || (*at != ',' && *at != end)) {
            return NULL;
        }
        if (*at++ == end) {
            return at;
        }
    }
}

static const char *skip_value(const char *at) {
    static const char *const words[] = {"true", "false", "null"};
    at = skip_space(at);
    const char *end = NULL;
    if (*at == '{' || *at == '[') {
        end = skip_members(at + 1, *at == '{' ? '}' : ']');
    } else if (*at == '"') {
        end = skip_string(at);
    } else if (*at == '-' || (*at >= '0' && *at <= '9')) {
        char *behind = NULL;
        (void)strtod(at, &behind);
        end = behind;
    }
    for (size_t i = 0; i < 3 && !end; i++) {
        end = strncmp(at, words[i], strlen(words[i])) == 0 ? at + strlen(words[i]) : NULL;
    }
    return end ? skip_space(end) : NULL;
}

static void forms_of_a_table(void **state) {
    (void)state;
    static const char *const databases[] = {"good.db", "failed.db"};
    for (size_t i = 0; i < 2; i++) {
        char command[128];
        snprintf(command, sizeof command, "$P table %s --format json", databases[i]);
        program_result json = program_run(command);
        assert_int_equal(json.status, 0);
        assert_string_equal(json.err, "");
        const char *end = skip_value(json.out);
        assert_true(end != NULL && *end == '\0');
    }
    program_result csv = program_run("$P table good.db --format csv");
    assert_int_equal(strncmp(csv.out, "hosts,origin,n,requests:total [1],", 34), 0);
    program_result markdown = program_run("$P table good.db --format markdown");
    assert_int_equal(strncmp(markdown.out, "### latency\n\n| hosts | origin |", 31), 0);
    program_result failed = program_run("$P table failed.db");
    assert_int_equal(failed.status, 0);
    assert_non_null(strstr(failed.out,
                           "point 0 failed: hooks[1]: hook.lua:3: attempt to perform "
                           "arithmetic on a nil value"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_use),
        cmocka_unit_test(bad_scenarios),
        cmocka_unit_test(bad_values),
        cmocka_unit_test(bad_places_for_results),
        cmocka_unit_test(bad_databases_and_names),
        cmocka_unit_test(no_gnuplot),
        cmocka_unit_test(help_and_streams),
        cmocka_unit_test(forms_of_a_table),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
