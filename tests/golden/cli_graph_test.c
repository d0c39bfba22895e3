/* Goal: `cortigrid graph` prints the same summary for the same source, to the byte, as text and as
 * JSON; saves what it built so that it comes back; and whatever is wrong with sources or
 * options is one sentence on stderr with exit status 2. CORTIGRID_UPDATE_GOLDEN=1 writes the
 * summaries anew.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/program.h"
#include "tests/support/support.h"

static char root[512];

static const char triples[] = "cat\tis a\tanimal\n"
                              "dog\tis a\tanimal\n"
                              "dog\tchases\tcat\t0.75\n"
                              "cat\tfears\tdog\t0.5\n"
                              "dog\tis a\tanimal\n"
                              "cat\tlicks\tcat\n"
                              "stone\tlies on\tearth\n";

static int set_up(void **state) {
    (void)state;
    assert_non_null(getcwd(root, sizeof root));
    program_init(PROGRAM);
    program_write("pets.tsv", triples);
    program_write("more.tsv", "animal\thypernym\tthing\ncow\thypernym\tanimal\n");
    program_write("bad.tsv", "a\tr\tb\n\na\tr\n");
    program_write("nan.txt", "a\tr\tb\tnan\n");
    program_write("empty.tsv", "");
    program_write("false.cggraph", "no graph\n");
    program_result made = program_run(
        "printf '\\4\\0\\0\\0\\1\\0\\0\\0\\0\\1\\3\\4' >line.u8bin; head -c 11 line.u8bin "
        ">cut.u8bin;"
        "printf '\\2\\0\\0\\0\\1\\2\\3\\0\\0\\0\\1\\2\\3' >mixed.bvecs;"
        "printf '\\1\\0\\0\\0\\0\\0\\300\\177\\1\\0\\0\\0\\0\\0\\0\\0' >nan.fvecs;"
        "for i in $(seq 20); do printf 'a%d\\trelation %d\\tb\\n' $i $i; done >many.tsv");
    assert_int_equal(made.status, 0);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    program_deinit();
    return 0;
}

static char *read_text(const char *path) {
    size_t size = 0;
    uint8_t *bytes = support_read_file(path, &size);
    char *text = realloc(bytes, size + 1);
    assert_non_null(text);
    text[size] = '\0';
    return text;
}

static void write_text(const char *path, const char *text) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

/* What the command prints, against tests/golden/graph/NAME; but for memory, which depends on how
 * large the machine's pointers are. */
static void check_golden(const char *arguments, const char *name) {
    char line[1024];
    char path[600];
    snprintf(line, sizeof line, "exec $P graph %s >whole", arguments);
    program_result result = program_run(line);
    if (result.status != 0) {
        fail_msg("%s ended with %d: %s", line, result.status, result.err);
    }
    assert_string_equal(result.err, ""); /* no terminal, no progress */
    result = program_run("sed 's/^memory  .*/memory        ?/; s/\"memory_bytes\": [0-9]*/"
                         "\"memory_bytes\": 0/' whole >printed");
    assert_int_equal(result.status, 0);
    char *printed = read_text("printed");
    snprintf(path, sizeof path, "%s/tests/golden/graph/%s", root, name);
    if (getenv("CORTIGRID_UPDATE_GOLDEN")) {
        write_text(path, printed);
    }
    char *expected = read_text(path);
    assert_string_equal(printed, expected);
    free(expected);
    free(printed);
}

static void summaries(void **state) {
    (void)state;
    check_golden("pets.tsv", "triples.txt");
    check_golden("--json pets.tsv", "triples.json");
    check_golden("pets.tsv more.tsv --inverse", "inverse.txt");
    check_golden("many.tsv", "many.txt");
    check_golden("line.u8bin --neighbours 1 --inverse", "vectors.txt");
    check_golden("synthetic --nodes 2K --communities 10 --seed 3", "synthetic.txt");
    check_golden("pets.tsv line.u8bin --neighbours=2 --json", "several.json");
    check_golden("many.tsv --parts 2", "parts.txt");
    check_golden("synthetic --nodes 2K --communities 4 --parts 4 --json", "parts.json");
}

static void saved_and_back(void **state) {
    (void)state;
    program_result saved = program_run("exec $P graph pets.tsv --save pets.cggraph");
    assert_int_equal(saved.status, 0);
    check_golden("pets.cggraph", "saved.txt");
}

static void help(void **state) {
    (void)state;
    program_result result = program_run("exec $P graph --help");
    assert_int_equal(result.status, 0);
    assert_non_null(strstr(result.out, "usage: cortigrid graph [options] SOURCE..."));
    assert_non_null(strstr(result.out, "--neighbours"));
    result = program_run("exec $P graph pets.tsv >/dev/full");
    assert_int_equal(result.status, 3);
}

static void bad_input(void **state) {
    (void)state;
    static const struct {
        const char *arguments;
        const char *says;
    } cases[] = {
        {"", "graph: an operand is missing; usage: cortigrid graph [options] SOURCE..."},
        {"pets.csv", "\"pets.csv\" is no graph: it must be wordnet, synthetic, triples (.tsv"},
        {"''", "\"\" is no graph"},
        {"none.tsv", "cannot read none.tsv: No such file or directory"},
        {"pets.tsv none.fbin", "cannot read none.fbin: No such file or directory"},
        {"bad.tsv", "bad.tsv line 3: 2 fields separated by tabs; there must be 3"},
        {"pets.tsv bad.tsv", "bad.tsv line 3: 2 fields"},
        {"nan.txt", "nan.txt line 1: the weight in field 4 is \"nan\"; it must be a number"},
        {"empty.tsv", "empty.tsv: there is no triple"},
        {"false.cggraph", "false.cggraph: "},
        {"cut.u8bin", "cut.u8bin: u8bin: the file has 11 bytes; the header's 4 rows of 1 dims"},
        {"mixed.bvecs", "mixed.bvecs: bvecs: row 1, at byte 6, has "},
        {"nan.fvecs --neighbours 1", "nan.fvecs: fvecs: row 0 holds NaN at byte 4"},
        {"line.u8bin", "line.u8bin: neighbours is 10; of 4 vectors, each has 3 others"},
        {"line.u8bin --neighbours 0", "--neighbours: "},
        {"synthetic --nodes 1", "nodes is 1; it must be 2 to"},
        {"pets.tsv --parts 0", "--parts: \"0\" is too small; the least is 1"},
        {"synthetic --nodes x", "--nodes: "},
        {"synthetic --degree 0", "--degree: "},
        {"synthetic --degree 5K", "--degree: "},
        {"synthetic --exponent 1.2", "exponent is 1.2; it must be 0 or 1.5 to 10"},
        {"synthetic --inside 2", "--inside: "},
        {"synthetic --nodes 100 --communities 51", "communities is 51; it must be 1 to 50"},
        {"synthetic --seed -1", "--seed: \"-1\" is not a whole number"},
        {"synthetic --nodes 5 --degree 5", "degree is 5; it must be above 0 and at most 4"},
        {"--frob pets.tsv", "unknown option --frob; see cortigrid graph --help"},
        {"pets.tsv --save pets.graph", "--save: a saved graph's name ends with .cggraph"},
        {"pets.tsv synthetic --save a.cggraph",
         "--save: one graph can be saved, and there are 2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char command[512];
        snprintf(command, sizeof command, "exec $P graph %s", cases[i].arguments);
        uint64_t before = program_folder_hash();
        program_refuses(command, 2, cases[i].says);
        assert_true(program_folder_hash() == before);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(summaries),
        cmocka_unit_test(saved_and_back),
        cmocka_unit_test(help),
        cmocka_unit_test(bad_input),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
