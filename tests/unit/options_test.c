/* Goal: quantities mean what people write; every option goes to text and back; every bad value
 * gets the one sentence that says what is wrong and what would be right. */
#include "tests/support/support.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/nearest.h"
#include "sim/scenario/load_phase.h"
#include "sim/scenario/option_table.h"
#include "sim/scenario/options.h"
#include "sim/scenario/time_limit.h"
#include "sim/scenario/units.h"

typedef struct known_value {
    sim_unit unit;
    const char *text;
    uint64_t value;
} known_value;

static const known_value known_values[] = {
    {SIM_UNIT_COUNT, "0", 0},
    {SIM_UNIT_COUNT, "10K", 10000},
    {SIM_UNIT_COUNT, "1M", 1000000},
    {SIM_UNIT_COUNT, "1.5K", 1500},
    {SIM_UNIT_COUNT, "1e3", 1000},
    {SIM_UNIT_COUNT, "117659", 117659},
    {SIM_UNIT_COUNT, "1000.000", 1000},
    {SIM_UNIT_DURATION, "50us", 50000},
    {SIM_UNIT_DURATION, "50 us", 50000},
    {SIM_UNIT_DURATION, "0.1ms", 100000},
    {SIM_UNIT_DURATION, "1.5ns", 2},
    {SIM_UNIT_DURATION, "0.00005", 50000},
    {SIM_UNIT_DURATION, "5e-05", 50000},
    {SIM_UNIT_DURATION, "0.30000000000000004", 300000000},
    {SIM_UNIT_DURATION, "2", 2000000000},
    {SIM_UNIT_DURATION, "1min", 60000000000},
    {SIM_UNIT_DURATION, "0.5h", 1800000000000},
    {SIM_UNIT_BYTES, "64GiB", UINT64_C(1) << 36},
    {SIM_UNIT_BYTES, "64GB", 64000000000},
    {SIM_UNIT_BYTES, "1.5GiB", 1610612736},
    {SIM_UNIT_BYTES, "1000", 1000},
    {SIM_UNIT_BANDWIDTH, "10Gbps", 10000000000},
    {SIM_UNIT_BANDWIDTH, "2.5Gbps", 2500000000},
    {SIM_UNIT_BYTE_RATE, "2GB/s", 2000000000},
    {SIM_UNIT_BYTE_RATE, "1GiB/s", UINT64_C(1) << 30},
};

static void the_time_limit_is_what_it_says(void **state) {
    (void)state;
    sim_quantity quantity = {SIM_UNIT_DURATION, "0", "720h"};
    uint64_t value = 0;
    cg_error error;
    assert_ok(sim_units_parse_integer(&quantity, SIM_TIME_MAX_TEXT, &value, &error), error);
    assert_true(value == SIM_TIME_MAX_NS);
}

static void units_have_known_values(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof known_values / sizeof known_values[0]; i++) {
        sim_quantity quantity = {known_values[i].unit, "0", "1000000000000000000"};
        uint64_t value = UINT64_MAX;
        cg_error error;
        if (quantity.unit == SIM_UNIT_DURATION) {
            quantity.greatest = "720h";
        }
        assert_ok(sim_units_parse_integer(&quantity, known_values[i].text, &value, &error),
                  error);
        if (value != known_values[i].value) {
            fail_msg("%s gave %" PRIu64, known_values[i].text, value);
        }
        /* Both forms of the value read back as it, and people's form is the shorter one they
         * know. */
        char text[SIM_UNITS_TEXT_BYTES];
        sim_units_format_integer(quantity.unit, known_values[i].value, text);
        assert_ok(sim_units_parse_integer(&quantity, text, &value, &error), error);
        assert_int_equal(value, known_values[i].value);
        sim_units_describe(quantity.unit, known_values[i].value, text);
        assert_ok(sim_units_parse_integer(&quantity, text, &value, &error), error);
        assert_int_equal(value, known_values[i].value);
    }
    char text[SIM_UNITS_TEXT_BYTES];
    sim_units_describe(SIM_UNIT_DURATION, 50000, text);
    assert_string_equal(text, "50us");
    sim_units_describe(SIM_UNIT_BYTES, UINT64_C(1) << 36, text);
    assert_string_equal(text, "64GiB");
}

static void real_units_have_known_values(void **state) {
    (void)state;
    static const struct {
        sim_unit unit;
        const char *text;
        double value;
    } known[] = {
        {SIM_UNIT_RATE, "1K", 1000.0},         {SIM_UNIT_RATE, "0.5kHz", 500.0},
        {SIM_UNIT_RATE, "250/s", 250.0},       {SIM_UNIT_RATE, "2.5", 2.5},
        {SIM_UNIT_PROBABILITY, "5%", 0.05},    {SIM_UNIT_PROBABILITY, "0.1", 0.1},
        {SIM_UNIT_PROBABILITY, "1e-3", 0.001}, {SIM_UNIT_PROBABILITY, "100 %", 1.0},
        {SIM_UNIT_NUMBER, "0.99", 0.99},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        sim_quantity quantity = {known[i].unit, "0",
                                 known[i].unit == SIM_UNIT_RATE ? "1M" : "1"};
        double value = -1.0;
        cg_error error;
        assert_ok(sim_units_parse_real(&quantity, known[i].text, &value, &error), error);
        assert_true(value >= known[i].value && value <= known[i].value);
    }
}

/* Any value at all reads back from its canonical text, to the bit. */
static void values_survive_their_text(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(11), "options_test", 0);
    for (int i = 0; i < 20000; i++) {
        uint64_t value = cg_stream_next(&stream) >> (cg_stream_next_below(&stream, 62) + 2);
        sim_quantity bytes = {SIM_UNIT_BYTES, "0", "9223372036854775807"};
        sim_quantity time = {SIM_UNIT_DURATION, "0", "9223372036854775807ns"};
        char text[SIM_UNITS_TEXT_BYTES];
        uint64_t back = 0;
        cg_error error;
        sim_units_format_integer(SIM_UNIT_DURATION, value, text);
        assert_ok(sim_units_parse_integer(&time, text, &back, &error), error);
        assert_int_equal(back, value);
        sim_units_describe(SIM_UNIT_BYTES, value, text);
        assert_ok(sim_units_parse_integer(&bytes, text, &back, &error), error);
        assert_int_equal(back, value);
        double real = cg_stream_next_unit(&stream);
        double real_back = 0.0;
        sim_quantity chance = {SIM_UNIT_PROBABILITY, "0", "1"};
        sim_units_format_real(real, text);
        assert_ok(sim_units_parse_real(&chance, text, &real_back, &error), error);
        assert_memory_equal(&real, &real_back, sizeof real);
    }
}

static void distance_has_known_values(void **state) {
    (void)state;
    static const char *const names[] = {"latency", "jitter", "loss"};
    assert_int_equal(cg_nearest_distance("kitten", "sitting"), 3);
    assert_int_equal(cg_nearest_distance("", "abc"), 3);
    assert_int_equal(cg_nearest_distance("abc", "abc"), 0);
    assert_string_equal(cg_nearest_name("latencey", names, 3), "latency");
    assert_string_equal(cg_nearest_name("xxxxxxxxxxxxxxxxxx", names, 3), "latency");
    assert_null(cg_nearest_name("x", names, 0));
}

/* The table's own invariants. */
static void table_is_sound(void **state) {
    (void)state;
    for (size_t i = 0; i < sim_option_count; i++) {
        const sim_option *option = &sim_option_table[i];
        assert_ptr_equal(sim_option_find(option->path), option);
        assert_non_null(option->doc);
        for (size_t j = 0; j < i; j++) {
            assert_true(sim_option_table[j].offset != option->offset);
        }
    }
    sim_options options;
    sim_options_default(&options);
    assert_int_equal(options.cluster.hosts, 1);
    assert_int_equal(options.cluster.cores, 16);
    assert_int_equal(options.cluster.memory_bytes, UINT64_C(64) << 30);
    assert_int_equal(options.cluster.disk_access_ns, 0);
    assert_int_equal(options.cluster.disk_bandwidth_bytes_per_s, 0);
    assert_int_equal(options.cluster.network.latency_ns, 50000);
    assert_int_equal(options.cluster.network.jitter_ns, 5000);
    assert_int_equal(options.cluster.network.bandwidth_bits_per_s, 10000000000);
    assert_int_equal(options.graph.nodes, 0);
    assert_int_equal(options.graph.held_out, 1000);
    assert_string_equal(options.graph.path, "/usr/share/wordnet");
    assert_int_equal(options.engine.dims, 128);
    assert_int_equal(options.engine.index, SIM_INDEX_HNSW);
    assert_int_equal(options.engine.strategy, SIM_STRATEGY_HIERARCHICAL);
    assert_true(options.engine.columns[0] && options.engine.columns[3]);
    assert_int_equal(options.engine.tiers[1].capacity, 1000000);
    assert_int_equal(options.engine.timeout_ns, 20000000);
    assert_true(options.load.rate_hz >= 1000.0 && options.load.rate_hz <= 1000.0);
    assert_int_equal(options.end_ns, 600000000000);
    assert_int_equal(options.series_ns, 50000000);
    cg_error error;
    assert_ok(sim_options_check(&options, &error), error);
}

/* A value of each option that is not its default. */
static void other_value(const sim_option *option, char *text, size_t capacity) {
    switch (option->store) {
    case SIM_STORE_BOOL:
        snprintf(text, capacity, "false");
        break;
    case SIM_STORE_TEXT:
        snprintf(text, capacity, "/some where/with = sign");
        break;
    case SIM_STORE_CHOICE:
        snprintf(text, capacity, "%s", option->choices[0]);
        break;
    case SIM_STORE_U32:
    case SIM_STORE_U64:
    case SIM_STORE_DOUBLE:
        snprintf(text, capacity, "%s", option->quantity.greatest);
        break;
    }
}

static void every_option_survives_its_text(void **state) {
    (void)state;
    sim_options options;
    sim_options back;
    cg_error error;
    for (size_t i = 0; i < sim_option_count; i++) {
        const sim_option *option = &sim_option_table[i];
        char value[SIM_PATH_BYTES];
        char *text = NULL;
        char *again = NULL;
        other_value(option, value, sizeof value);
        sim_options_default(&options);
        if (strcmp(option->path, "series") == 0 || strcmp(option->path, "stop") == 0) {
            snprintf(value, sizeof value, "100s");
        } else if (strcmp(option->path, "load.start") == 0) {
            snprintf(value, sizeof value, "599s");
        } else if (strcmp(option->path, "engine.tiers.l1") == 0) {
            snprintf(value, sizeof value, "1M"); /* at most those of the second tier */
        } else if (strcmp(option->path, "cluster.network.law") == 0) {
            snprintf(value, sizeof value, "lognormal 1ms 0.5");
        } else if (strcmp(option->path, "engine.pools.shares") == 0 ||
                   strcmp(option->path, "load.spaces") == 0) {
            snprintf(value, sizeof value, "7"); /* a share for each space */
        } else if (strcmp(option->path, "engine.heartbeat") == 0 ||
                   strcmp(option->path, "engine.lag.warn") == 0) {
            snprintf(value, sizeof value, "1200ms"); /* below engine.election and lag.drop */
        } else if (strcmp(option->path, "engine.prefetch") == 0) {
            assert_ok(sim_options_set(&options, "engine.successors", "1K", &error), error);
        }
        assert_ok(sim_option_set_text(option, &options, value, &error), error);
        assert_ok(sim_options_format(&options, &text, &error), error);
        memset(&back, 0xa5, sizeof back);
        assert_ok(sim_options_parse(text, &back, &error), error);
        assert_memory_equal((char *)&back + option->offset, (char *)&options + option->offset,
                            1);
        assert_ok(sim_options_format(&back, &again, &error), error);
        assert_string_equal(text, again);
        free(text);
        free(again);
    }
}

static void faults_survive_their_text(void **state) {
    (void)state;
    sim_options options;
    sim_options back;
    cg_error error;
    char *text = NULL;
    char *again = NULL;
    sim_options_default(&options);
    options.cluster.hosts = 4;
    options.fault_count = 5;
    options.faults[0] = (sim_fault){.at_ns = 2000000000,
                                    .action = SIM_FAULT_PARTITION,
                                    .hosts = {0, 3},
                                    .host_count = 2,
                                    .one_way = true};
    options.faults[1] = (sim_fault){.at_ns = 3000000000, .action = SIM_FAULT_HEAL};
    options.faults[2] =
        (sim_fault){.at_ns = 3000000000, .action = SIM_FAULT_LATENCY, .duration_ns = 1000000};
    options.faults[3] = (sim_fault){.at_ns = 4000000000, .action = SIM_FAULT_JITTER};
    options.faults[4] =
        (sim_fault){.at_ns = 5000000000, .action = SIM_FAULT_LOSS, .probability = 0.1};
    assert_ok(sim_options_format(&options, &text, &error), error);
    assert_non_null(strstr(text, "faults[1].at = 2000000000ns\nfaults[1].action = partition\n"
                                 "faults[1].hosts = 0 3\nfaults[1].one_way = true\n"
                                 "faults[2].at = 3000000000ns\nfaults[2].action = heal\n"));
    assert_ok(sim_options_parse(text, &back, &error), error);
    assert_int_equal(back.fault_count, 5);
    assert_memory_equal(back.faults, options.faults, sizeof options.faults);
    assert_ok(sim_options_format(&back, &again, &error), error);
    assert_string_equal(text, again);
    free(text);
    free(again);
}

/* Every field of a phase, beside faults. */
static void phases_survive_their_text(void **state) {
    (void)state;
    static const char *const values[SIM_LOAD_PHASE_FIELDS] = {
        "2s",  "5K",  "0.25", "0.125", "10%", "8",   "3",
        "1.1", "0.9", "0.5",  "0.2",   "0.3", "0.4", "0.15"};
    sim_options options;
    sim_options back;
    cg_error error;
    char *text = NULL;
    char *again = NULL;
    sim_options_default(&options);
    options.phase_count = 2;
    for (size_t i = 0; i < SIM_LOAD_PHASE_FIELDS; i++) {
        assert_ok(sim_load_phase_set(&options.phases[0], i, values[i], &error), error);
        assert_true(sim_load_phase_gives(&options.phases[0], sim_load_phase_fields[i]));
    }
    assert_ok(sim_load_phase_set(&options.phases[1], 0, "3s", &error), error);
    assert_ok(sim_load_phase_set(&options.phases[1], 9, "0", &error), error);
    options.fault_count = 1;
    options.faults[0] =
        (sim_fault){.at_ns = 5000000000, .action = SIM_FAULT_LOSS, .probability = 0.1};
    assert_ok(sim_options_format(&options, &text, &error), error);
    assert_non_null(
        strstr(text, "\nphases[1].at = 2000000000ns\nphases[1].rate = 5e+03\n"
                     "phases[1].recall = 0.25\nphases[1].deallocate = 0.125\n"
                     "phases[1].batch = 0.1\nphases[1].keys = 8\nphases[1].hops = 3\n"
                     "phases[1].zipf = 1.1\nphases[1].chain = 0.9\nphases[1].rotate = 0.5\n"
                     "phases[1].urgent = 0.2\nphases[1].low = 0.3\nphases[1].greedy = 0.4\n"
                     "phases[1].spread = 0.15\n"
                     "phases[2].at = 3000000000ns\nphases[2].rotate = 0\n"
                     "faults[1].at = 5000000000ns\n"));
    assert_ok(sim_options_parse(text, &back, &error), error);
    assert_int_equal(back.phase_count, 2);
    assert_memory_equal(back.phases, options.phases, sizeof options.phases);
    assert_ok(sim_options_format(&back, &again, &error), error);
    assert_string_equal(text, again);
    free(text);
    free(again);
    /* Applied, it is the load that these values describe. */
    double rotate = 0.0;
    sim_load_options load = options.load;
    sim_load_options expected = options.load;
    expected.rate_hz = 5000.0;
    expected.recall = 0.25;
    expected.deallocate = 0.125;
    expected.batch = 0.1;
    expected.keys = 8;
    expected.hops = 3;
    expected.zipf = 1.1;
    expected.chain = 0.9;
    expected.urgent = 0.2;
    expected.low = 0.3;
    expected.greedy = 0.4;
    expected.spread = 0.15;
    sim_load_phase_apply(&options.phases[0], &load, &rotate);
    assert_memory_equal(&load, &expected, sizeof load);
    assert_true(rotate > 0.49 && rotate < 0.51);
    sim_load_phase_apply(&options.phases[1], &load, &rotate);
    assert_memory_equal(&load, &expected, sizeof load);
    assert_true(rotate < 0.01);
}

static void bad_phase_text_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *lines;
        const char *says;
    } bad[] = {
        {"phases[2].at = 1ns\n", "\"phases[2].at\" stands where phases[1].at should"},
        {"phases[1].at = 1ns\nphases[1].rat = 1\n", "where a field of the last phase"},
        {"phases[1].at = 1ns\nphases[1].rate = 0\n", "phases[1].rate: \"0\" is too small"},
        {"phases[1].at = 1ns\nphases[1].recall = 0.5\nphases[1].rate = 5\n", "canonical"},
        {"faults[1].at = 1ns\nfaults[1].action = loss\nfaults[1].value = 0\n"
         "phases[1].at = 1ns\nphases[1].rate = 5\n",
         "canonical"},
    };
    sim_options options;
    cg_error error;
    char *text = NULL;
    sim_options_default(&options);
    assert_ok(sim_options_format(&options, &text, &error), error);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char copy[8192];
        snprintf(copy, sizeof copy, "%s%s", text, bad[i].lines);
        assert_int_not_equal(sim_options_parse(copy, &options, &error), CG_OK);
        if (!support_contains(error.message, bad[i].says)) {
            fail_msg("\"%s\" lacks \"%s\"", error.message, bad[i].says);
        }
    }
    char many[4096];
    size_t used = 0;
    for (int i = 1; i <= SIM_PHASES_MAX + 1; i++) {
        used += (size_t)snprintf(many + used, sizeof many - used,
                                 "phases[%d].at = %dns\nphases[%d].rate = 5\n", i, i, i);
    }
    char copy[16384];
    snprintf(copy, sizeof copy, "%s%s", text, many);
    assert_status(sim_options_parse(copy, &options, &error), CG_ERROR_CORRUPT, error,
                  "more than 16 phases");
    free(text);
}

static void parse_accepts_only_canonical_text(void **state) {
    (void)state;
    sim_options options;
    sim_options untouched;
    cg_error error;
    char *text = NULL;
    sim_options_default(&options);
    memset(&untouched, 0, sizeof untouched);
    assert_ok(sim_options_format(&options, &text, &error), error);
    for (size_t cut = 0; text[cut]; cut++) { /* every truncation */
        char kept = text[cut];
        text[cut] = '\0';
        assert_int_not_equal(sim_options_parse(text, &untouched, &error), CG_OK);
        text[cut] = kept;
    }
    assert_int_equal(untouched.cluster.hosts, 0);
    static const struct {
        const char *from;
        const char *to;
        const char *says;
    } changes[] = {
        {"cluster.hosts = 1\n", "cluster.hosts = 01\n", "canonical"},
        {"latency = 50000ns", "latency = 50us    ", "canonical"},
        {"cluster.hosts = 1\n", "cluster.hosts = 0\n", "too small"},
        {"cluster.cores", "cluster.bores", "stands where cluster.cores should"},
        {"engine.dims = 128", "engine.dims = 121", "not a multiple of 16"},
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        char copy[8192];
        const char *at = strstr(text, changes[i].from);
        assert_non_null(at);
        snprintf(copy, sizeof copy, "%.*s%s%s", (int)(at - text), text, changes[i].to,
                 at + strlen(changes[i].from));
        assert_int_not_equal(sim_options_parse(copy, &untouched, &error), CG_OK);
        assert_true(support_contains(error.message, changes[i].says));
    }
    free(text);
}

typedef struct bad_value {
    const char *path;
    const char *value;
    const char *message;
} bad_value;

static const bad_value bad_values[] = {
    {"cluster.network.latency", "50 parsecs",
     "cluster.network.latency: \"50 parsecs\" is not a duration; use ns, us, ms, s, min or h, "
     "for "
     "example \"50us\""},
    {"cluster.network.latency", "0",
     "cluster.network.latency: \"0\" is too small; the least is 1ns"},
    {"cluster.network.latency", "-5us",
     "cluster.network.latency: \"-5us\" is too small; the least is 1ns"},
    {"cluster.network.jitter", "0.1ns",
     "cluster.network.jitter: \"0.1ns\" rounds to zero; use 0 or at least 1ns"},
    {"cluster.network.jitter", "2.e-537h",
     "cluster.network.jitter: \"2.e-537h\" rounds to zero; use 0 or at least 1ns"},
    {"cluster.network.latency", "2h",
     "cluster.network.latency: \"2h\" is too large; the greatest is 1min"},
    {"cluster.network.latency", "nan",
     "cluster.network.latency: \"nan\" is not a duration; use ns, us, ms, s, min or h, for "
     "example "
     "\"50us\""},
    {"cluster.network.latency", "1e99999999999999s",
     "cluster.network.latency: \"1e99999999999999s\" is too large; the greatest is 1min"},
    {"cluster.network.latency", "",
     "cluster.network.latency: \"\" is not a duration; use ns, us, ms, s, min or h, for "
     "example "
     "\"50us\""},
    {"cluster.network.bandwidth", "10Gibps",
     "cluster.network.bandwidth: \"10Gibps\" is not a bandwidth; use bps, Kbps, Mbps, Gbps or "
     "Tbps, "
     "for example \"10Gbps\""},
    {"cluster.memory", "64Gb",
     "cluster.memory: \"64Gb\" is not a size; use B, KB, MB, GB, TB, PB, KiB, MiB, GiB, TiB or "
     "PiB, "
     "for example \"64GiB\""},
    {"cluster.disk.bandwidth", "2GB",
     "cluster.disk.bandwidth: \"2GB\" is not a byte rate; use B/s, KB/s, MB/s, GB/s, TB/s, "
     "KiB/s, "
     "MiB/s or GiB/s, for example \"2GB/s\""},
    {"cluster.hosts", "0", "cluster.hosts: \"0\" is too small; the least is 1"},
    {"cluster.hosts", "-1", "cluster.hosts: \"-1\" is too small; the least is 1"},
    {"cluster.hosts", "1.5",
     "cluster.hosts: \"1.5\" is not a whole number; use digits, with K, M or G for 10^3, 10^6 "
     "or "
     "10^9, for example \"10K\""},
    {"cluster.hosts", "5000", "cluster.hosts: \"5000\" is too large; the greatest is 4096"},
    {"cluster.hosts", "18446744073709551617",
     "cluster.hosts: \"18446744073709551617\" is too large; the greatest is 4096"},
    {"cluster.hosts", "four",
     "cluster.hosts: \"four\" is not a whole number; use digits, with K, M or G for 10^3, 10^6 "
     "or "
     "10^9, for example \"10K\""},
    {"cluster.network.loss", "1.5",
     "cluster.network.loss: \"1.5\" is too large; the greatest is 1"},
    {"cluster.network.loss", "-0.1",
     "cluster.network.loss: \"-0.1\" is too small; the least is 0"},
    {"cluster.network.loss", "some",
     "cluster.network.loss: \"some\" is not a probability; use a number from 0 to 1 or a "
     "percentage, "
     "for example \"5%\""},
    {"load.rate", "0", "load.rate: \"0\" is too small; the least is 0.001"},
    {"load.rate", "inf",
     "load.rate: \"inf\" is not a rate; use Hz, kHz or MHz, or K or M a second, for example "
     "\"1kHz\""},
    {"load.rate", "1e400", "load.rate: \"1e400\" is too large; the greatest is 1000000000"},
    {"graph.nodes", "everything",
     "graph.nodes: \"everything\" is not a whole number; use digits, with K, M or G for 10^3, "
     "10^6 "
     "or 10^9, for example \"10K\""},
    {"graph.source", "dbpedia",
     "graph.source: \"dbpedia\" is not one of wordnet, keys, synthetic, triples, vectors and "
     "saved; do you mean \"saved\"?"},
    {"graph.path", "", "graph.path: \"\" is empty; give the name of a file or folder"},
    {"engine.index", "hsnw",
     "engine.index: \"hsnw\" is not one of flat and hnsw; do you mean \"hnsw\"?"},
    {"engine.strategy", "heirarchical",
     "engine.strategy: \"heirarchical\" is not one of auto, direct and hierarchical; do you "
     "mean "
     "\"hierarchical\"?"},
    {"engine.columns.semantic", "yes",
     "engine.columns.semantic: \"yes\" is neither true nor false"},
    {"cluster.netwrok.latency", "1ms",
     "unknown option \"cluster.netwrok.latency\"; do you mean \"cluster.network.latency\"?"},
    {"latency", "1ms", "unknown option \"latency\"; do you mean \"cluster.network.latency\"?"},
    {"engine.neighbors", "9",
     "unknown option \"engine.neighbors\"; do you mean \"engine.neighbours\"?"},
    {"cluster.network", "1ms",
     "\"cluster.network\" is a group of options; name one of it, for example "
     "\"cluster.network.latency\""},
    {"load.zipf", "4.5", "load.zipf: \"4.5\" is too large; the greatest is 4"},
    {"load.zipf", "5%", "load.zipf: \"5%\" is not a number; use digits, for example \"0.99\""},
    {"load.recal", "1", "unknown option \"load.recal\"; do you mean \"load.recall\"?"},
    {"phases", "none",
     "\"phases\" is a list and cannot be set from one value; write it in the scenario's point "
     "function"},
    {"seed", "7", "seed: a point's seed follows from the run's; choose that with --seed"},
    {"faults", "none",
     "\"faults\" is a list and cannot be set from one value; write it in the scenario's point "
     "function"},
    {"faults[1].at", "1s",
     "\"faults[1].at\" is a list and cannot be set from one value; write it in the scenario's "
     "point "
     "function"},
};

static void bad_values_get_their_sentence(void **state) {
    (void)state;
    sim_options options;
    sim_options before;
    sim_options_default(&options);
    sim_options_default(&before);
    for (size_t i = 0; i < sizeof bad_values / sizeof bad_values[0]; i++) {
        cg_error error = {.message = "none"};
        cg_status status =
            sim_options_set(&options, bad_values[i].path, bad_values[i].value, &error);
        assert_int_equal(status, CG_ERROR_INVALID);
        assert_string_equal(error.message, bad_values[i].message);
        assert_memory_equal(&options, &before, sizeof options);
    }
    char longer[400];
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    cg_error error;
    assert_status(sim_options_set(&options, "profile", longer, &error), CG_ERROR_INVALID, error,
                  "399 bytes long; the most is 255");
    assert_status(sim_options_set(&options, "profile", "a\nb", &error), CG_ERROR_INVALID, error,
                  "control character at byte 2");
}

typedef void (*breaker)(sim_options *options);
static sim_fault partition_of(uint64_t at_ns, uint32_t host) {
    return (sim_fault){
        .at_ns = at_ns, .action = SIM_FAULT_PARTITION, .hosts = {host}, .host_count = 1};
}
static void break_dims(sim_options *options) {
    options->engine.dims = 100;
}
static void break_columns(sim_options *options) {
    memset(options->engine.columns, 0, sizeof options->engine.columns);
}
static void break_start(sim_options *options) {
    options->load.start_ns = options->end_ns;
}
static void break_series(sim_options *options) {
    options->series_ns = 1000;
    options->end_ns = 3600000000000;
}
static void break_one_host(sim_options *options) {
    options->cluster.hosts = 1;
    options->faults[options->fault_count++] = partition_of(0, 0);
}
static void break_host(sim_options *options) {
    options->faults[options->fault_count++] = partition_of(0, 7);
}
static void break_twice(sim_options *options) {
    options->faults[0] = partition_of(0, 2);
    options->faults[0].hosts[1] = 2;
    options->faults[0].host_count = 2;
    options->fault_count = 1;
}
static void break_all(sim_options *options) {
    options->faults[0] = partition_of(0, 0);
    for (uint32_t i = 0; i < 4; i++) {
        options->faults[0].hosts[i] = i;
    }
    options->faults[0].host_count = 4;
    options->fault_count = 1;
}
static void break_late(sim_options *options) {
    options->faults[options->fault_count++] = partition_of(700000000000, 0);
}
static void break_order(sim_options *options) {
    options->faults[options->fault_count++] = partition_of(2000000000, 0);
    options->faults[options->fault_count++] = partition_of(1000000000, 1);
}
static void break_heal(sim_options *options) {
    options->faults[options->fault_count++] =
        (sim_fault){.at_ns = 1500000000, .action = SIM_FAULT_HEAL};
}

static void break_election(sim_options *options) {
    options->engine.heartbeat_ns = 500000000;
    options->engine.election_ns = 500000000;
}
static void break_lag(sim_options *options) {
    options->engine.lag_warn_ns = 2000000000;
    options->engine.lag_drop_ns = 1000000000;
}
static void break_kinds(sim_options *options) {
    options->load.recall = 0.6;
    options->load.deallocate = 0.3;
    options->load.batch = 0.2;
}
static void break_priorities(sim_options *options) {
    options->load.urgent = 0.75;
    options->load.low = 0.5;
}
static void break_popularity(sim_options *options) {
    options->load.popularity = SIM_LAW_FILE;
}
static void break_arrival(sim_options *options) {
    options->load.arrival = SIM_ARRIVAL_RECORDED;
}
static void break_burst(sim_options *options) {
    options->load.arrival = SIM_ARRIVAL_BURST;
    options->load.burst = 20.0;
}
static void break_related(sim_options *options) {
    options->load.order = SIM_ORDER_RELATED;
    options->load.repeat = SIM_REPEAT_POPULARITY;
}
static void break_keys(sim_options *options) {
    options->graph.source = SIM_GRAPH_KEYS;
    options->graph.nodes = 100;
    options->cluster.hosts = 1;
    options->fault_count = 0;
    options->load.recall = 0.5;
}
static void break_key_hosts(sim_options *options) {
    break_keys(options);
    options->load.recall = 1.0;
    options->cluster.hosts = 2;
}
static void break_key_spread(sim_options *options) {
    options->load.keys = 40000;
    options->load.keys_spread = SIM_SPREAD_UNIFORM;
}
static void break_belady(sim_options *options) {
    break_keys(options);
    options->load.recall = 1.0;
    options->engine.permits = 1;
    options->engine.tiers[0].policy = SIM_POLICY_BELADY;
}
static void break_tier_bytes(sim_options *options) {
    options->engine.tier_bound = SIM_BOUND_BYTES;
    options->engine.tiers[0].capacity = 10;
}
static void break_key_count(sim_options *options) {
    break_keys(options);
    options->load.recall = 1.0;
    options->graph.nodes = 0;
}
static void break_key_phase(sim_options *options) {
    break_keys(options);
    options->load.recall = 1.0;
    options->phases[options->phase_count++] =
        (sim_load_phase){.given = 1u | 1u << 2, .recall = 0.5};
}
static sim_load_phase rate_at(uint64_t at_ns) {
    return (sim_load_phase){.at_ns = at_ns, .given = 3, .rate_hz = 5.0};
}
static void break_phase_order(sim_options *options) {
    options->phases[options->phase_count++] = rate_at(1000000000);
    options->phases[options->phase_count++] = rate_at(1000000000);
}
static void break_phase_late(sim_options *options) {
    options->phases[options->phase_count++] = rate_at(700000000000);
}
static void break_phase_empty(sim_options *options) {
    options->phases[options->phase_count++] = (sim_load_phase){.given = 1};
}
static void break_phase_time(sim_options *options) {
    options->phases[options->phase_count++] = (sim_load_phase){.given = 2, .rate_hz = 1.0};
}
static void break_phase_shares(sim_options *options) {
    options->load.batch = 0.5;
    options->phases[options->phase_count++] =
        (sim_load_phase){.given = 1u | 1u << 2, .recall = 0.5};
    options->phases[options->phase_count++] =
        (sim_load_phase){.at_ns = 1, .given = 1u | 1u << 3, .deallocate = 0.25};
}
static void break_phase_zipf(sim_options *options) {
    options->load.popularity = SIM_LAW_UNIFORM;
    options->phases[options->phase_count++] =
        (sim_load_phase){.given = 1u | 1u << 7, .zipf = 0.5};
}
static void break_phase_rate(sim_options *options) {
    break_arrival(options);
    memcpy(options->load.arrival_file, "some", 5);
    options->phases[options->phase_count++] = rate_at(0);
}

static void bad_combinations_get_their_sentence(void **state) {
    (void)state;
    static const struct {
        breaker breaks;
        const char *message;
    } cases[] = {
        {break_dims, "engine.dims: 100 is not a multiple of 16; the next is 112"},
        {break_columns, "engine.columns: no column votes; one at least must be true"},
        {break_start, "load.start: 10min is not before the run's stop at 10min"},
        {break_series, "series: intervals of 1us up to the stop at 1h are more than 1000000"},
        {break_one_host,
         "faults[1].hosts: a partition needs at least 2 hosts, but cluster.hosts is 1"},
        {break_host,
         "faults[1].hosts: host 7 does not exist; cluster.hosts is 4, so hosts are 0 to 3"},
        {break_twice, "faults[1].hosts: host 2 is named twice"},
        {break_all,
         "faults[1].hosts: a partition names all 4 hosts, so it cuts off nothing; leave at "
         "least one out"},
        {break_late, "faults[1].at: 700s is after the run's stop at 10min"},
        {break_order,
         "faults[2].at: 1s is before the fault above it, at 2s; list faults in the order "
         "of time"},
        {break_kinds, "load.recall, load.spread, load.deallocate, load.batch, load.get, "
                      "load.edges and load.search are 0.6, 0, 0.3, 0.2, 0, 0 and 0 of the "
                      "requests, more than all of them"},
        {break_priorities,
         "load.urgent and load.low are 0.75 and 0.5 of the requests, more than all of them"},
        {break_popularity, "load.popularity: file needs a load.popularity_file"},
        {break_arrival, "load.arrival: recorded needs a load.arrival_file"},
        {break_burst, "load.burst: 20 times the rate in 0.1 of the time is more than the whole "
                      "load; lower it, or load.burst_share"},
        {break_related, "load.order: related puts each fact in its one place; it does not go "
                        "with load.repeat"},
        {break_keys, "graph.source: keys have no content, so they can only be recalled; "
                     "load.recall is 0.5 and must be 1"},
        {break_key_hosts, "graph.source: keys, and graphs without texts, are served by one "
                          "host; cluster.hosts is 2"},
        {break_key_spread, "load.keys: spread uniformly, 40000 keys come to twice as many at "
                           "most, which is more than a recall may ask for; the most is 32768"},
        {break_belady,
         "engine.tiers.policy.l1: belady needs to know all reads in advance, and their order: "
         "it "
         "takes graph.source keys, one host, the first tier, bound by entries, promote.l1 1, "
         "load.keys 1 and load.hops 0 in all phases, permits all, and no prefetch, adapt or "
         "warm"},
        {break_tier_bytes,
         "engine.tiers.l1: 10 bytes hold no record, which has 64 (engine.record)"},
        {break_key_count,
         "graph.source: of keys and of what is drawn there are not \"all\"; say "
         "with graph.nodes how many there are"},
        {break_key_phase, "phases[1]: graph.source: keys have no content, so they can only be "
                          "recalled; load.recall is 0.5 and must be 1"},
        {break_phase_order, "phases[2]: at 1s is not after the phase above it, at 1s; list "
                            "phases in the order of time"},
        {break_phase_late, "phases[1]: at 700s is after the run's stop at 10min"},
        {break_phase_empty, "phases[1]: it changes nothing; name an option, for example rate = "
                            "\"5K\""},
        {break_phase_time, "phases[1]: at is missing"},
        {break_phase_shares,
         "phases[2]: load.recall, load.spread, load.deallocate, load.batch, load.get, "
         "load.edges and load.search are 0.5, 0, 0.25, 0.5, 0, 0 and 0 of the requests, more "
         "than all of them"},
        {break_phase_zipf, "phases[1]: zipf changes nothing where load.popularity is not zipf"},
        {break_phase_rate, "phases[1]: rate changes nothing where load.arrival is recorded"},
        {break_election,
         "engine.election: 500ms of silence call for an election, but a primary speaks only "
         "every 500ms (engine.heartbeat); it must take longer"},
        {break_lag, "engine.lag.drop: 1s is before the warning after 2s (engine.lag.warn); it "
                    "must not be"},
        {break_heal, "faults[1].action: there is no partition to heal at 1500ms"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sim_options options;
        cg_error error = {.message = "none"};
        sim_options_default(&options);
        options.cluster.hosts = 4;
        cases[i].breaks(&options);
        assert_int_equal(sim_options_check(&options, &error), CG_ERROR_INVALID);
        assert_string_equal(error.message, cases[i].message);
    }
}

/* The prepared graph is shared exactly where its options agree. */
static void graph_key_follows_the_graph(void **state) {
    (void)state;
    sim_options options;
    sim_options_default(&options);
    uint64_t key = sim_options_graph_key(&options);
    static const char *const changing[][2] = {
        {"graph.nodes", "1K"},  {"graph.held_out", "10"},
        {"graph.seed", "2"},    {"graph.path", "/tmp"},
        {"engine.dims", "64"},  {"engine.index", "flat"},
        {"engine.m", "8"},      {"engine.ef_construction", "50"},
        {"engine.code", "lif"}, {"engine.training", "0"},
    };
    static const char *const same[][2] = {{"cluster.hosts", "4"},
                                          {"engine.ef", "7"},
                                          {"load.rate", "5"},
                                          {"stop", "1h"},
                                          {"engine.columns.temporal", "false"},
                                          {"load.facts_from", "gloss"},
                                          {"engine.stop_confidence", "0.9"}};
    for (size_t i = 0; i < sizeof changing / sizeof changing[0]; i++) {
        cg_error error;
        sim_options_default(&options);
        assert_ok(sim_options_set(&options, changing[i][0], changing[i][1], &error), error);
        assert_true(sim_options_graph_key(&options) != key);
    }
    sim_options_default(&options);
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        cg_error error;
        assert_ok(sim_options_set(&options, same[i][0], same[i][1], &error), error);
    }
    options.seed = 99;
    assert_true(sim_options_graph_key(&options) == key);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units_have_known_values),
        cmocka_unit_test(the_time_limit_is_what_it_says),
        cmocka_unit_test(real_units_have_known_values),
        cmocka_unit_test(values_survive_their_text),
        cmocka_unit_test(distance_has_known_values),
        cmocka_unit_test(table_is_sound),
        cmocka_unit_test(every_option_survives_its_text),
        cmocka_unit_test(faults_survive_their_text),
        cmocka_unit_test(phases_survive_their_text),
        cmocka_unit_test(bad_phase_text_is_refused),
        cmocka_unit_test(parse_accepts_only_canonical_text),
        cmocka_unit_test(bad_values_get_their_sentence),
        cmocka_unit_test(bad_combinations_get_their_sentence),
        cmocka_unit_test(graph_key_follows_the_graph),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
