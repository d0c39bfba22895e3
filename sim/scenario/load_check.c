/* What no single option of the load can check. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim/scenario/load_phase.h"

/* Shares are decimal fractions, whose sum may be an ulp beyond what people add up to. */
static const double whole = 1.0 + 1e-9;

/* The load as it is from some time on; `place` is "" or "phases[2]: ". */
static cg_status check_shares(const sim_load_options *load, const char *place,
                              cg_error *error) {
    if (load->recall + load->spread + load->deallocate + load->batch + load->get + load->edges +
            load->search >
        whole) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%sload.recall, load.spread, load.deallocate, load.batch, "
                            "load.get, load.edges and load.search are %g, "
                            "%g, %g, %g, %g, %g and %g "
                            "of the requests, more than all of them",
                            place, load->recall, load->spread, load->deallocate, load->batch,
                            load->get, load->edges, load->search);
    }
    if (load->urgent + load->low > whole) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%sload.urgent and load.low are %g and %g of the requests, more "
                            "than all of them",
                            place, load->urgent, load->low);
    }
    return CG_OK;
}

enum {
    UNIFORM_KEYS_MAX = 32768, /* half of what a recall may ask for */
    SPREAD_ROWS_MAX = 1024    /* engine/node/event.h */
};

/* Of keys without content, and of graphs without texts. */
static cg_status check_textless(const sim_options *options, const sim_load_options *load,
                                const char *place, cg_error *error) {
    const bool is_keys = options->graph.source == SIM_GRAPH_KEYS;
    if (is_keys && load->recall < 1.0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%sgraph.source: keys have no content, so they can only be "
                            "recalled; load.recall is %g and must be 1",
                            place, load->recall);
    }
    if (load->recall + load->spread < 2.0 - whole) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%sgraph.source: only WordNet has texts to allocate; of others "
                            "concepts are recalled and spread from: load.recall and "
                            "load.spread are %g and %g and must add up to 1",
                            place, load->recall, load->spread);
    }
    if (load->facts_from != SIM_FACTS_HELD_OUT) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%sload.facts_from: only WordNet has texts that facts could be",
                            place);
    }
    if (load->ask != SIM_ASK_ROWS && load->spread > 0.0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%sload.ask: only WordNet has texts to ask with; use rows", place);
    }
    const bool is_file = options->graph.source >= SIM_GRAPH_TRIPLES;
    if (is_file && strcmp(options->graph.path, SIM_WORDNET_FOLDER) == 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "graph.path: triples, vectors and saved graphs are files; say "
                            "which one");
    }
    const bool is_made = is_keys || options->graph.source == SIM_GRAPH_SYNTHETIC;
    if (is_made && options->graph.nodes == 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "graph.source: of keys and of what is drawn there are not \"all\"; "
                            "say with graph.nodes how many there are");
    }
    if (options->engine.spread.consolidate_ns > 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "engine.consolidate: what it changes is logged, and only WordNet "
                            "has a log; use 0");
    }
    if (options->cluster.hosts != 1 &&
        (is_keys || options->engine.spread.across == SIM_ACROSS_NONE)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "graph.source: keys, and graphs without texts, are served by one "
                            "host; cluster.hosts is %" PRIu32,
                            options->cluster.hosts);
    }
    return CG_OK;
}

static cg_status check_keys(const sim_options *options, const sim_load_options *load,
                            const char *place, cg_error *error) {
    const bool is_uniform = load->keys_spread == SIM_SPREAD_UNIFORM;
    if (is_uniform && load->keys > UNIFORM_KEYS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%sload.keys: spread uniformly, %" PRIu32
                            " keys come to twice as many at most, which is more than a recall "
                            "may ask for; the most is %d",
                            place, load->keys, UNIFORM_KEYS_MAX);
    }
    const int rows_max = is_uniform ? SPREAD_ROWS_MAX / 2 : SPREAD_ROWS_MAX;
    if (load->spread > 0.0 && load->ask == SIM_ASK_ROWS && load->keys > (uint32_t)rows_max) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%sload.keys: %" PRIu32
                            " are more rows than a spread may begin at; the most is %d%s",
                            place, load->keys, rows_max,
                            is_uniform ? ", since uniformly up to twice as many come" : "");
    }
    return sim_graph_has_texts(options->graph.source)
               ? CG_OK
               : check_textless(options, load, place, error);
}

static cg_status check_laws(const sim_load_options *load, cg_error *error) {
    if (load->popularity == SIM_LAW_FILE && strcmp(load->popularity_file, "none") == 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "load.popularity: file needs a load.popularity_file");
    }
    if (load->arrival == SIM_ARRIVAL_RECORDED && strcmp(load->arrival_file, "none") == 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "load.arrival: recorded needs a load.arrival_file");
    }
    if (load->arrival == SIM_ARRIVAL_BURST && load->burst * load->burst_share > whole) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "load.burst: %g times the rate in %g of the time is more than the "
                            "whole load; lower it, or load.burst_share",
                            load->burst, load->burst_share);
    }
    if (load->order == SIM_ORDER_RELATED && load->repeat != SIM_REPEAT_NEVER) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "load.order: related puts each fact in its one place; it does not "
                            "go with load.repeat");
    }
    return CG_OK;
}

static cg_status check_phase(const sim_options *options, uint32_t i, cg_error *error) {
    const sim_load_phase *phase = &options->phases[i];
    const sim_load_options *load = &options->load;
    char at[SIM_UNITS_TEXT_BYTES];
    char limit[SIM_UNITS_TEXT_BYTES];
    sim_units_describe(SIM_UNIT_DURATION, phase->at_ns, at);
    if ((phase->given & 1u) == 0) {
        return cg_error_set(error, CG_ERROR_INVALID, "at is missing");
    }
    if (phase->given == 1u) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "it changes nothing; name an option, for example rate = \"5K\"");
    }
    if (phase->at_ns > options->end_ns) {
        sim_units_describe(SIM_UNIT_DURATION, options->end_ns, limit);
        return cg_error_set(error, CG_ERROR_INVALID, "at %s is after the run's stop at %s", at,
                            limit);
    }
    if (i > 0 && phase->at_ns <= phase[-1].at_ns) {
        sim_units_describe(SIM_UNIT_DURATION, phase[-1].at_ns, limit);
        return cg_error_set(error, CG_ERROR_INVALID,
                            "at %s is not after the phase above it, at %s; list phases in the "
                            "order of time",
                            at, limit);
    }
    if (sim_load_phase_gives(phase, "zipf") && load->popularity != SIM_LAW_ZIPF) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "zipf changes nothing where load.popularity is not zipf");
    }
    if (sim_load_phase_gives(phase, "rate") && load->arrival == SIM_ARRIVAL_RECORDED) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "rate changes nothing where load.arrival is recorded");
    }
    return CG_OK;
}

cg_status sim_load_check(const sim_options *options, cg_error *error) {
    sim_load_options load = options->load;
    double rotate = 0.0;
    cg_status status = check_laws(&load, error);
    status = status == CG_OK ? check_shares(&load, "", error) : status;
    status = status == CG_OK ? check_keys(options, &load, "", error) : status;
    if (status == CG_OK && options->phase_count > SIM_PHASES_MAX) {
        status = cg_error_set(error, CG_ERROR_INVALID, "phases: %" PRIu32 " are more than %d",
                              options->phase_count, SIM_PHASES_MAX);
    }
    for (uint32_t i = 0; status == CG_OK && i < options->phase_count; i++) {
        char place[32];
        snprintf(place, sizeof place, "phases[%" PRIu32 "]: ", i + 1);
        status = check_phase(options, i, error);
        if (status != CG_OK) {
            cg_error_prefix(error, "%s", place);
            break;
        }
        sim_load_phase_apply(&options->phases[i], &load, &rotate);
        status = check_shares(&load, place, error);
        status = status == CG_OK ? check_keys(options, &load, place, error) : status;
    }
    return status;
}
