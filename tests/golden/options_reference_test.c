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
    "- `{ at = time, partition = { 0, 1 }, one_way = false, name = \"east\", ends = time }`: "
    "these hosts (counted from 0)\n"
    "  cannot reach the others nor be reached; one way: they cannot reach the others, but the "
    "others reach them. With `from`\n"
    "  and `to` instead, `{ at = time, action = \"partition\", from = \"0-511\", to = { 600, "
    "601 } }`, only hosts of the one set\n"
    "  and of the other cannot reach each other (without `to`: `from` and all others). "
    "Partitions hold side by side;\n"
    "- `{ at = time, flap = { 3 }, period = \"200ms\", duty = 0.5, ends = time }`: a partition "
    "that comes and goes: it cuts for\n"
    "  that share of each period, first at `at`;\n"
    "- `{ at = time, heal = true }`: ends all partitions; `heal = \"east\"`: those of the "
    "name;\n"
    "- `{ at = time, latency = law }`, `jitter = duration`, `bandwidth = \"1Mbps\"` (of each "
    "pair of hosts, whose messages then\n"
    "  go one after the other; the hosts' own links bound it further), `loss = probability`, "
    "`duplicate = probability, copies =\n"
    "  2` (to 4, at most), `reorder = probability, hold = law` (without it: one more latency) "
    "and `corrupt = probability` (one\n"
    "  byte of a message is altered): from then on, for messages sent later; what is in flight "
    "stays as it is. With `from`,\n"
    "  `to` and `one_way` for the pairs between these sets alone; of several that name a pair "
    "the last one holds.\n"
    "- of hosts, `{ at = time, crash = 1, down = \"500ms\", torn = true }` (it starts again "
    "after `down`, if given; torn: what is\n"
    "  being written is cut), `restart = { 1, 2 }` (one that is up crashes first), `disk_loss "
    "= 1, down = \"2s\"` (it comes back with an\n"
    "  empty disk), `corrupt_writes = 1, value = 3` (one byte of each of so many next writes "
    "is altered), `bit_rot = 1` (one byte\n"
    "  of what is durable is), `slow_disk = 1, value = 10` and `slow_host = 1, value = 4` "
    "(times as long; 1 is as it was) and\n"
    "  `clock = 2, skew = \"-3h\", drift_ppm = 50` (the clock on the wall). A host or a list "
    "of hosts.\n"
    "\n"
    "`{ at = time, latency = \"1ms\" }` is short for `{ at = time, action = \"latency\", value "
    "= \"1ms\" }`, and `partition = { 0 }`\n"
    "for `action = \"partition\", hosts = { 0 }`. A law is a duration or `uniform 50us 150us`, "
    "`normal 1ms 200us` (never below\n"
    "0), `lognormal 1ms 0.5` (median, deviation of the logarithm), `exponential 1ms [50us]` "
    "and `pareto 1ms 2.5 [50us]` (what is\n"
    "added to it last), `trace 1ms 2ms 5ms` (one of up to 32, all as likely) or `cycle 1ms 2ms "
    "5ms` (in turn), as one text or a\n"
    "list of its words.\n"
    "\n"
    "`random` is a list of `{ action = \"crash\", mean = \"5s\", length = \"1s\", at = \"1s\", "
    "ends = \"30s\" }`: faults of that action that\n"
    "come by chance, from the point's seed, so long apart on average and lasting so long on "
    "average (1 s unless given), each\n"
    "over by `ends` (`sim/scenario/fault_draw.h` says what is drawn of each).\n"
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
    "has `partition{0, 1}`, `flap{0, period = \"1s\"}`, `heal()`, `heal(\"east\")`, "
    "`latency(\"1ms\")`, `jitter(\"1ms\")`,\n"
    "`bandwidth(\"1Mbps\")`, `loss(0.1)`, `duplicate(0.1)`, `reorder(0.1)` and `corrupt(0.1)`, "
    "with the faults' other fields by\n"
    "name in the table or in a second argument, and `note(\"text\")`.\n";

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
