/* Goal: `cortigrid explain` prints the same report for the same text and options, to the byte, as
 * text and as JSON; and whatever is wrong with text or options is one sentence on stderr with
 * exit status 2, before anything is built. CORTIGRID_UPDATE_GOLDEN=1 writes the reports anew.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/program.h"
#include "tests/support/support.h"

#define SMALL "--set graph.nodes=1K --set graph.held_out=100 --set engine.training=200 "
#define FACT                                                                                   \
    "'wolfhound, sight hound: a tall breed of dog that was kept to hunt animals by sight'"

static char root[512];

static const char scenario[] =
    "-- Where does it go?\n"
    "return { name = \"where\", factors = { { \"nodes\", { \"1K\", \"10K\" } } },\n"
    "  point = function(factor) return {\n"
    "    graph = { nodes = factor.nodes, held_out = 100 }, engine = { training = 200 } } end "
    "}\n";

static int set_up(void **state) {
    (void)state;
    assert_non_null(getcwd(root, sizeof root));
    program_init(PROGRAM);
    program_write("where.lua", scenario);
    program_write("bad.lua", "return 3\n");
    program_write("text", "a tall dog\n");
    program_write("cut", "a tall d\xc3\xb6g \xc3");
    program_result made = program_run("head -c 1048577 /dev/zero | tr '\\0' a >long; "
                                      "yes dog | head -c 1048576 >longest; : >empty");
    assert_int_equal(made.status, 0);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    program_deinit();
    return 0;
}

/* --- The reports. --- */

static void update_golden(const char *path, const uint8_t *bytes, size_t size_bytes) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size_bytes, file), size_bytes);
    assert_int_equal(fclose(file), 0);
}

/* Points at the first line that differs. */
static void compare(const char *path, const char *expected, const char *printed) {
    uint32_t line = 1;
    size_t start = 0;
    for (size_t i = 0; expected[i] == printed[i]; i++) {
        if (expected[i] == '\0') {
            return;
        }
        if (expected[i] == '\n') {
            line++;
            start = i + 1;
        }
    }
    fail_msg("%s:%u: expected \"%.*s\", printed \"%.*s\"; if that is right: "
             "CORTIGRID_UPDATE_GOLDEN=1",
             path, line, (int)strcspn(expected + start, "\n"), expected + start,
             (int)strcspn(printed + start, "\n"), printed + start);
}

static char *read_text(const char *path) {
    size_t size = 0;
    uint8_t *bytes = support_read_file(path, &size);
    char *text = realloc(bytes, size + 1);
    assert_non_null(text);
    text[size] = '\0';
    return text;
}

/* What the command prints, against tests/golden/explain/NAME. */
static void check_golden(const char *command, const char *name) {
    char line[1024];
    char path[600];
    snprintf(line, sizeof line, "exec $P explain %s >printed", command);
    program_result result = program_run(line);
    if (result.status != 0) {
        fail_msg("%s ended with %d: %s", line, result.status, result.err);
    }
    assert_string_equal(result.err, ""); /* no terminal, no progress */
    char *printed = read_text("printed");
    snprintf(path, sizeof path, "%s/tests/golden/explain/%s", root, name);
    if (getenv("CORTIGRID_UPDATE_GOLDEN")) {
        update_golden(path, (const uint8_t *)printed, strlen(printed));
    }
    char *expected = read_text(path);
    compare(path, expected, printed);
    free(expected);
    free(printed);
}

static void the_report(void **state) {
    (void)state;
    check_golden(SMALL FACT, "report.txt");
}

static void the_report_as_json(void **state) {
    (void)state;
    check_golden(SMALL "--json " FACT, "report.json");
}

/* The exhaustive way, with a column off. */
static void another_strategy(void **state) {
    (void)state;
    check_golden(SMALL "--set engine.strategy=direct --set engine.columns.temporal=false "
                       "--set engine.stop_confidence=0.01 " FACT,
                 "direct.txt");
}

/* A scenario's first point, standard input, and options behind a value of their own. */
static void ways_to_ask(void **state) {
    (void)state;
    static const char *const same[] = {
        "where.lua " FACT,
        "--quiet where.lua -- " FACT,
        "where.lua --set graph.nodes=10K --set graph.nodes=1K - < fact",
        SMALL "- < fact",
    };
    assert_int_equal(program_run("printf '%s\\r\\n' " FACT " >fact").status, 0);
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        char command[1024];
        snprintf(command, sizeof command, "%s", same[i]);
        check_golden(command, "report.txt");
    }
    program_result help = program_run("exec $P explain --help");
    assert_int_equal(help.status, 0);
    assert_non_null(strstr(help.out, "usage: cortigrid explain [options] [FILE.lua] TEXT"));
    program_result longest = program_run("exec $P explain " SMALL "- <longest");
    assert_int_equal(longest.status, 0);
    assert_non_null(strstr(longest.out, "(1048575 bytes in all)"));
    program_result full = program_run("exec $P explain " SMALL FACT " >/dev/full");
    assert_int_equal(full.status, 3);
}

/* --- What is refused. --- */

static void bad_input(void **state) {
    (void)state;
    static const struct {
        const char *arguments;
        const char *says;
    } cases[] = {
        {"", "an operand is missing; usage: cortigrid explain [options] [FILE.lua] TEXT"},
        {"where.lua", "there is no text behind where.lua"},
        {"a dog", "the text must be one operand; put it in quotes"},
        {"where.lua a dog", "the text must be one operand"},
        {"''", "the text is empty"},
        {"where.lua ''", "the text is empty"},
        {"- <empty", "the text is empty"},
        {"- </dev/null", "the text is empty"},
        {"' ?! '", "the text of 4 bytes has no letter and no digit"},
        {"- <cut", "the text is not UTF-8 at byte offset 12"},
        {"\"$(printf 'dog \\377')\"", "the text is not UTF-8 at byte offset 4 (byte 0xff)"},
        {"- <long", "the text on standard input is longer than 1048576 bytes"},
        {"- <.", "cannot read the text from standard input: Is a directory"},
        {"-dog", "unknown option -dog; see cortigrid explain --help"},
        {"--frob dog", "unknown option --frob; see cortigrid explain --help"},
        {"--json=3 dog", "--json takes no value"},
        {"dog --set", "--set needs a value"},
        {"--set graph.nodes dog", "\"graph.nodes\" is not PATH=VALUE"},
        {"--set =3 dog", "\"=3\" is not PATH=VALUE"},
        {"--set graph.nods=1K dog", "do you mean \"graph.nodes\"?"},
        {"--set graph.nodes=200K dog", "is more than the 117659 concepts of WordNet"},
        {"--set graph.path=none dog", "install Debian's wordnet-base"},
        {"--set cluster.memory=1MiB dog", "use a smaller graph.nodes or more memory"},
        {"--set engine.dims=33 dog", "33 is not a multiple of 16"},
        {"where.lua --set graph.nods=1K dog", "do you mean \"graph.nodes\"?"},
        {"none.lua dog", "cannot open the scenario none.lua: No such file"},
        {"bad.lua dog", "a scenario must return a table, not a number"},
        {SMALL "qwrtpl", "the graph knows none of the text's 1 word, "},
        {SMALL "'qwrtpl zxcvb'", "the graph knows none of the text's 2 words, "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char command[512];
        snprintf(command, sizeof command, "exec $P explain %s", cases[i].arguments);
        int status = strstr(cases[i].says, "Is a directory") ? 3 : 2;
        uint64_t before = program_folder_hash();
        program_refuses(command, status, cases[i].says);
        assert_true(program_folder_hash() == before);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_report),       cmocka_unit_test(the_report_as_json),
        cmocka_unit_test(another_strategy), cmocka_unit_test(ways_to_ask),
        cmocka_unit_test(bad_input),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
