/* Goal: docs/options.md says exactly what the program accepts, because it is written from the
 * same table. CORTIGRID_UPDATE_GOLDEN=1 writes it anew. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/scenario/option_table.h"
#include "tests/support/support.h"

static const char reference_path[] = "docs/options.md";

static const char heading[] = "# Options of a point\n"
                              "\n"
                              "What `point(factor)` may return and `--set path=value` may "
                              "change. Written from the table that the\n"
                              "program itself reads (`sim/scenario/option_table.c`). Durations "
                              "take ns, us, ms, s, min and h; sizes\n"
                              "KB, MB, GB, TB (powers of 1,000) and KiB, MiB, GiB, TiB; "
                              "bandwidths Kbps, Mbps, Gbps, Tbps; counts\n"
                              "K, M and G. Bare numbers are in base units.\n"
                              "\n"
                              "| option | default | from | to | meaning |\n"
                              "|---|---|---|---|---|\n";

static const char ending[] =
    "\n"
    "`faults` is a list, in order of time, of\n"
    "\n"
    "- `{ at = time, action = \"partition\", hosts = { 0, 1 }, one_way = false }`: these hosts "
    "(counted from 0)\n"
    "  cannot reach the others nor be reached; one way: they cannot reach the others, but the "
    "others reach them;\n"
    "- `{ at = time, action = \"heal\" }`: ends all partitions;\n"
    "- `{ at = time, action = \"latency\" | \"jitter\", value = duration }` and `{ at = time, "
    "action = \"loss\",\n"
    "  value = probability }`: from then on, for messages sent later.\n"
    "\n"
    "`phases` is a list, in order of time, of at most 16 tables `{ at = time, rate = 5000, "
    "zipf = "
    "1.1, ... }` that change\n"
    "the load from then on: `rate`, `recall`, `deallocate`, `batch`, `keys`, `hops`, `zipf`, "
    "`chain`, `urgent`, `low`,\n"
    "`greedy` and `spread` are the options of the load by these names, and hold until a later "
    "phase names "
    "them again. `rotate`, from 0\n"
    "to 1, moves every rank of popularity to another key (or fact that comes again), by that "
    "share of all of them, so\n"
    "that others are popular; 0 moves them back.\n"
    "\n"
    "`hooks` is a list of `{ at = time, run = f }` and `{ when = g, every = time, times = n, "
    "run = f }`, where\n"
    "`g(live)` says whether `f(control, live)` is called. `live` holds the metrics of "
    "docs/metrics.md; `control`\n"
    "has `partition{0, 1}`, `heal()`, `latency(\"1ms\")`, `jitter(\"1ms\")`, `loss(0.1)` and "
    "`note(\"text\")`.\n";

static size_t write_row(char *text, size_t capacity, const sim_option *option) {
    char from[SIM_PATH_BYTES] = "";
    const char *to = "";
    if (option->store == SIM_STORE_CHOICE) {
        size_t count = 0;
        while (count < SIM_CHOICES_MAX && option->choices[count]) {
            count++;
        }
        sim_choices_join(option->choices, count, from, sizeof from);
    } else if (option->store == SIM_STORE_BOOL) {
        snprintf(from, sizeof from, "true or false");
    } else if (option->store != SIM_STORE_TEXT) {
        snprintf(from, sizeof from, "%s%s", option->quantity.least,
                 option->flags & SIM_OPTION_ALL ? " or all" : "");
        to = option->quantity.greatest;
    }
    int length = snprintf(text, capacity, "| `%s` | %s | %s | %s | %s |\n", option->path,
                          option->default_text, from, to, option->doc);
    assert_true(length > 0 && (size_t)length < capacity);
    return (size_t)length;
}

static void reference_matches_the_table(void **state) {
    (void)state;
    static char text[65536];
    size_t used = (size_t)snprintf(text, sizeof text, "%s", heading);
    for (size_t i = 0; i < sim_option_count; ++i) {
        if (!(sim_option_table[i].flags & SIM_OPTION_OWN)) {
            used += write_row(text + used, sizeof text - used, &sim_option_table[i]);
        }
    }
    used += (size_t)snprintf(text + used, sizeof text - used, "%s", ending);
    if (getenv("CORTIGRID_UPDATE_GOLDEN")) {
        FILE *file = fopen(reference_path, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(text, 1, used, file), used);
        assert_int_equal(fclose(file), 0);
    }
    size_t size = 0;
    uint8_t *committed = support_read_file(reference_path, &size);
    assert_string_equal((const char *)committed, text);
    free(committed);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(reference_matches_the_table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
