/* The table of options, and reading and writing one option through it. */
#include "sim/scenario/option_table.h"

#include <stdio.h>
#include <string.h>

#include "engine/base/nearest.h"
#include "sim/scenario/time_limit.h"

#define AT(field) offsetof(sim_options, field)
#define WHOLE(store_kind, unit_kind, low, high)                                                \
    .store = SIM_STORE_##store_kind,                                                           \
    .quantity = {.unit = SIM_UNIT_##unit_kind, .least = (low), .greatest = (high)}
#define COUNT(low, high)      WHOLE(U32, COUNT, low, high)
#define LONG(low, high)       WHOLE(U64, COUNT, low, high)
#define TIME(low, high)       WHOLE(U64, DURATION, low, high)
#define BYTES(low, high)      WHOLE(U64, BYTES, low, high)
#define REAL(kind, low, high) WHOLE(DOUBLE, kind, low, high)
#define CHANCE                REAL(PROBABILITY, "0", "1")
#define FLAG                  .store = SIM_STORE_BOOL
#define TEXT                  .store = SIM_STORE_TEXT
#define CHOICE(...)           .store = SIM_STORE_CHOICE, .choices = {__VA_ARGS__}
#define SEED                  LONG("0", "9223372036854775807")

/* clang-format off */
const sim_option sim_option_table[] = {
    {.path = "cluster.hosts", .offset = AT(cluster.hosts), COUNT("1", "4096"),
     .default_text = "1", .doc = "hosts in the cluster"},
    {.path = "cluster.cores", .offset = AT(cluster.cores), COUNT("1", "1024"),
     .default_text = "16", .doc = "cores of each host"},
    {.path = "cluster.memory", .offset = AT(cluster.memory_bytes), BYTES("1MiB", "1PiB"),
     .default_text = "64GiB", .doc = "memory of each host"},
    {.path = "cluster.disk.access", .offset = AT(cluster.disk_access_ns), TIME("0", "10s"),
     .default_text = "0", .doc = "time of one read or durable write before its first byte; 0: as the cost profile says"},
    {.path = "cluster.disk.bandwidth", .offset = AT(cluster.disk_bandwidth_bytes_per_s), WHOLE(U64, BYTE_RATE, "0", "100GB/s"),
     .default_text = "0", .doc = "bytes a second of each host's disk; 0: as the cost profile says"},
    {.path = "cluster.network.latency", .offset = AT(cluster.network.latency_ns), TIME("1ns", "1min"),
     .default_text = "50us", .doc = "one way, between any two hosts"},
    {.path = "cluster.network.jitter", .offset = AT(cluster.network.jitter_ns), TIME("0", "1min"),
     .default_text = "5us", .doc = "added to the latency, uniformly from zero to this"},
    {.path = "cluster.network.bandwidth", .offset = AT(cluster.network.bandwidth_bits_per_s), WHOLE(U64, BANDWIDTH, "1Kbps", "100Tbps"),
     .default_text = "10Gbps", .doc = "bits a second of each host's link"},
    {.path = "cluster.network.loss", .offset = AT(cluster.network.loss), CHANCE,
     .default_text = "0", .doc = "probability that a message is lost"},
    {.path = "cluster.network.duplicate", .offset = AT(cluster.network.duplicate), CHANCE,
     .default_text = "0", .doc = "probability that a message arrives twice"},
    {.path = "cluster.network.reorder", .offset = AT(cluster.network.reorder), CHANCE,
     .default_text = "0", .doc = "probability that a message is held back by one more latency"},
    {.path = "graph.source", .offset = AT(graph.source), CHOICE("wordnet"),
     .default_text = "wordnet", .flags = SIM_OPTION_GRAPH,
     .doc = "where the graph comes from"},
    {.path = "graph.path", .offset = AT(graph.path), TEXT,
     .default_text = "/usr/share/wordnet", .flags = SIM_OPTION_GRAPH,
     .doc = "folder of the graph's data files"},
    {.path = "graph.nodes", .offset = AT(graph.nodes), COUNT("16", "4G"),
     .default_text = "all", .flags = SIM_OPTION_GRAPH | SIM_OPTION_ALL,
     .doc = "concepts in the sample, or all"},
    {.path = "graph.held_out", .offset = AT(graph.held_out), COUNT("1", "10M"),
     .default_text = "1000", .flags = SIM_OPTION_GRAPH,
     .doc = "concepts kept back as facts, as far as the sample allows"},
    {.path = "graph.seed", .offset = AT(graph.seed), SEED,
     .default_text = "1", .flags = SIM_OPTION_GRAPH,
     .doc = "of the sample, apart from the run's seed"},
    {.path = "engine.dims", .offset = AT(engine.dims), COUNT("32", "1024"),
     .default_text = "128", .flags = SIM_OPTION_GRAPH,
     .doc = "dimensions of an embedding, a multiple of 16"},
    {.path = "engine.index", .offset = AT(engine.index), CHOICE("flat", "hnsw"),
     .default_text = "hnsw", .flags = SIM_OPTION_GRAPH,
     .doc = "kind of index"},
    {.path = "engine.codes", .offset = AT(engine.codes), CHOICE("f32", "f16", "i8"),
     .default_text = "i8", .flags = SIM_OPTION_GRAPH,
     .doc = "form of a vector that the graph of the index is built and searched on"},
    {.path = "engine.fuller", .offset = AT(engine.fuller), CHOICE("f32", "f16", "codes"),
     .default_text = "codes", .flags = SIM_OPTION_GRAPH,
     .doc = "form that orders what the index found; codes: there is no other"},
    {.path = "engine.code", .offset = AT(engine.code), CHOICE("log", "linear", "lif"),
     .default_text = "log", .flags = SIM_OPTION_GRAPH,
     .doc = "latency code of spikes: how strength becomes the time of a spike"},
    {.path = "engine.training", .offset = AT(engine.training), COUNT("0", "100K"),
     .default_text = "1000", .flags = SIM_OPTION_GRAPH,
     .doc = "labelled facts that the engine learns from before the first request, as far as the sample allows; every eighth restates a concept"},
    {.path = "engine.m", .offset = AT(engine.m), COUNT("4", "64"),
     .default_text = "16", .flags = SIM_OPTION_GRAPH,
     .doc = "links of a node at each upper level of the index"},
    {.path = "engine.ef_construction", .offset = AT(engine.ef_construction), COUNT("8", "1000"),
     .default_text = "100", .flags = SIM_OPTION_GRAPH,
     .doc = "width of the search that builds the index"},
    {.path = "engine.ef", .offset = AT(engine.ef), COUNT("1", "10000"),
     .default_text = "64", .doc = "width of a search in the index"},
    {.path = "engine.neighbours", .offset = AT(engine.neighbours), COUNT("1", "256"),
     .default_text = "32", .doc = "candidates that the index hands to the columns"},
    {.path = "engine.strategy", .offset = AT(engine.strategy), CHOICE("auto", "direct", "hierarchical"),
     .default_text = "hierarchical", .doc = "way of a fact through the cascade"},
    {.path = "engine.semantic_keep", .offset = AT(engine.semantic_keep), COUNT("1", "1M"),
     .default_text = "128", .doc = "candidates that the semantic column keeps at least"},
    {.path = "engine.structural_keep", .offset = AT(engine.structural_keep), COUNT("1", "1M"),
     .default_text = "4", .doc = "candidates that all columns together keep at least for the competition"},
    {.path = "engine.stop_confidence", .offset = AT(engine.stop_confidence), CHANCE,
     .default_text = "1", .doc = "a decision that is surer than this ends early; 1: none does"},
    {.path = "engine.columns.semantic", .offset = AT(engine.columns[0]), FLAG,
     .default_text = "true", .doc = "the semantic column votes"},
    {.path = "engine.columns.structural", .offset = AT(engine.columns[1]), FLAG,
     .default_text = "true", .doc = "the structural column votes"},
    {.path = "engine.columns.temporal", .offset = AT(engine.columns[2]), FLAG,
     .default_text = "true", .doc = "the temporal column votes"},
    {.path = "engine.columns.exception", .offset = AT(engine.columns[3]), FLAG,
     .default_text = "true", .doc = "the exception column votes"},
    {.path = "engine.tiers.l1", .offset = AT(engine.tier_capacity[0]), LONG("1", "2G"),
     .default_text = "10K", .doc = "entries of the first memory tier"},
    {.path = "engine.tiers.l2", .offset = AT(engine.tier_capacity[1]), LONG("1", "2G"),
     .default_text = "1M", .doc = "entries of the second memory tier, at least as many"},
    {.path = "engine.replicas", .offset = AT(engine.replicas), COUNT("0", "1"),
     .default_text = "1", .doc = "copies beside the primary; none where there is one host"},
    {.path = "engine.acknowledge", .offset = AT(engine.acknowledge), CHOICE("primary", "all"),
     .default_text = "primary", .doc = "who must have a fact before it is answered"},
    {.path = "engine.timeout", .offset = AT(engine.timeout_ns), TIME("1us", "1h"),
     .default_text = "20ms", .doc = "of one try of a request"},
    {.path = "engine.tries", .offset = AT(engine.tries), COUNT("1", "1000"),
     .default_text = "50", .doc = "tries before a request fails"},
    {.path = "engine.retry", .offset = AT(engine.retry_ns), TIME("1us", "1h"),
     .default_text = "5ms", .doc = "added to the timeout of each further try, doubled each time, up to 16 times this"},
    {.path = "engine.replicate_retry", .offset = AT(engine.replicate_retry_ns), TIME("1us", "1h"),
     .default_text = "10ms", .doc = "resend of log records that are not acknowledged"},
    {.path = "load.arrival", .offset = AT(load.arrival), CHOICE("poisson", "constant"),
     .default_text = "poisson", .doc = "law of the arrivals"},
    {.path = "load.rate", .offset = AT(load.rate_hz), REAL(RATE, "0.001", "1000000000"),
     .default_text = "1000", .doc = "facts a second"},
    {.path = "load.facts", .offset = AT(load.facts), COUNT("1", "10M"),
     .default_text = "1000", .doc = "facts that arrive, at most those there are"},
    {.path = "load.facts_from", .offset = AT(load.facts_from), CHOICE("held_out", "whole", "gloss", "words"),
     .default_text = "held_out", .doc = "what facts are: concepts held out of the graph, or all words, the gloss or the names of a concept that is in it"},
    {.path = "load.order", .offset = AT(load.order), CHOICE("shuffled", "related"),
     .default_text = "shuffled", .doc = "order of arrival; related: eight neighbours in the tree of hypernyms after one another"},
    {.path = "load.start", .offset = AT(load.start_ns), TIME("0", SIM_TIME_MAX_TEXT),
     .default_text = "0", .doc = "when the clock of the arrivals starts"},
    {.path = "load.audits", .offset = AT(load.audits), COUNT("0", "10M"),
     .default_text = "100", .doc = "facts that are also decided exhaustively, at most all"},
    {.path = "load.labels", .offset = AT(load.labels), COUNT("0", "10M"),
     .default_text = "0", .doc = "facts that carry their true concept, which the engine learns from"},
    {.path = "profile", .offset = AT(profile), TEXT,
     .default_text = "scenarios/profiles/reference.tsv", .doc = "cost profile"},
    {.path = "stop", .offset = AT(end_ns), TIME("1us", SIM_TIME_MAX_TEXT),
     .default_text = "600s", .doc = "the run stops here even if requests are open"},
    {.path = "series", .offset = AT(series_ns), TIME("1us", SIM_TIME_MAX_TEXT),
     .default_text = "50ms", .doc = "width of a time-line interval"},
    {.path = "seed", .offset = AT(seed), SEED,
     .default_text = "0", .flags = SIM_OPTION_OWN,
     .doc = "of this point's draws: from the run's seed and the repetition"},
};
/* clang-format on */

const size_t sim_option_count = sizeof sim_option_table / sizeof sim_option_table[0];

const sim_option *sim_option_find(const char *path) {
    for (size_t i = 0; i < sim_option_count; i++) {
        if (strcmp(sim_option_table[i].path, path) == 0) {
            return &sim_option_table[i];
        }
    }
    return NULL;
}

void sim_choices_join(const char *const *choices, size_t count, char *text, size_t capacity) {
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < count && used < capacity; i++) {
        const char *joint = i == 0 ? "" : i + 1 == count ? " and " : ", ";
        int length = snprintf(text + used, capacity - used, "%s%s", joint, choices[i]);
        used += length > 0 ? (size_t)length : 0;
    }
}

cg_status sim_choices_find(const char *const *choices, size_t capacity, const char *value,
                           size_t *out, cg_error *error) {
    size_t count = 0;
    for (; count < capacity && choices[count]; count++) {
        if (strcmp(choices[count], value) == 0) {
            *out = count;
            return CG_OK;
        }
    }
    if (count == 1) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "\"%.80s\" is not known; it can only be %s", value, choices[0]);
    }
    char known[160];
    sim_choices_join(choices, count, known, sizeof known);
    return cg_error_set(error, CG_ERROR_INVALID,
                        "\"%.80s\" is not one of %s; do you mean \"%s\"?", value, known,
                        cg_nearest_name(value, choices, count));
}

static cg_status set_bool(bool *field, const char *value, cg_error *error) {
    if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0) {
        return cg_error_set(error, CG_ERROR_INVALID, "\"%.80s\" is neither true nor false",
                            value);
    }
    *field = value[0] == 't';
    return CG_OK;
}

static cg_status set_path(char *field, const char *value, cg_error *error) {
    size_t length = strlen(value);
    if (length == 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "\"\" is empty; give the name of a file or folder");
    }
    if (length >= SIM_PATH_BYTES) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "\"%.40s...\" is %zu bytes long; the most is %d", value, length,
                            SIM_PATH_BYTES - 1);
    }
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)value[i] < 0x20 || value[i] == 0x7f) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "\"%.80s\" holds a control character at byte %zu", value,
                                i + 1);
        }
    }
    memset(field, 0, SIM_PATH_BYTES); /* no bytes of an older, longer value stay behind */
    memcpy(field, value, length + 1);
    return CG_OK;
}

static cg_status set_whole(const sim_option *option, char *field, const char *value,
                           cg_error *error) {
    uint64_t number = 0;
    if (!(option->flags & SIM_OPTION_ALL) || strcmp(value, "all") != 0) {
        cg_status status = sim_units_parse_integer(&option->quantity, value, &number, error);
        if (status != CG_OK) {
            return status;
        }
    }
    if (option->store == SIM_STORE_U32) {
        uint32_t narrow = (uint32_t)number;
        CG_ASSERT(narrow == number);
        memcpy(field, &narrow, sizeof narrow);
    } else {
        memcpy(field, &number, sizeof number);
    }
    return CG_OK;
}

cg_status sim_option_set_text(const sim_option *option, sim_options *options, const char *value,
                              cg_error *error) {
    char *field = (char *)options + option->offset;
    cg_status status = CG_OK;
    switch (option->store) {
    case SIM_STORE_U32:
    case SIM_STORE_U64:
        return set_whole(option, field, value, error);
    case SIM_STORE_DOUBLE:
        return sim_units_parse_real(&option->quantity, value, (double *)(void *)field, error);
    case SIM_STORE_BOOL:
        return set_bool((bool *)field, value, error);
    case SIM_STORE_TEXT:
        return set_path(field, value, error);
    case SIM_STORE_CHOICE: {
        size_t place = 0;
        status = sim_choices_find(option->choices, SIM_CHOICES_MAX, value, &place, error);
        if (status == CG_OK) {
            unsigned chosen =
                (unsigned)place; /* an enum without negative values is unsigned int */
            memcpy(field, &chosen, sizeof chosen);
        }
        return status;
    }
    }
    return status;
}

void sim_option_format(const sim_option *option, const sim_options *options,
                       char text[SIM_PATH_BYTES]) {
    const char *field = (const char *)options + option->offset;
    uint32_t narrow = 0;
    uint64_t wide = 0;
    double real = 0.0;
    switch (option->store) {
    case SIM_STORE_U32:
        memcpy(&narrow, field, sizeof narrow);
        if (narrow == 0 && (option->flags & SIM_OPTION_ALL)) {
            snprintf(text, SIM_PATH_BYTES, "all");
        } else {
            sim_units_format_integer(option->quantity.unit, narrow, text);
        }
        break;
    case SIM_STORE_U64:
        memcpy(&wide, field, sizeof wide);
        sim_units_format_integer(option->quantity.unit, wide, text);
        break;
    case SIM_STORE_DOUBLE:
        memcpy(&real, field, sizeof real);
        sim_units_format_real(real, text);
        break;
    case SIM_STORE_BOOL:
        snprintf(text, SIM_PATH_BYTES, "%s", *(const bool *)field ? "true" : "false");
        break;
    case SIM_STORE_CHOICE:
        memcpy(&narrow, field, sizeof narrow);
        CG_ASSERT(narrow < SIM_CHOICES_MAX && option->choices[narrow]);
        snprintf(text, SIM_PATH_BYTES, "%s", option->choices[narrow]);
        break;
    case SIM_STORE_TEXT:
        snprintf(text, SIM_PATH_BYTES, "%s", field);
        break;
    }
}
