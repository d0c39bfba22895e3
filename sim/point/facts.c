#include "sim/point/facts.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/hash.h"
#include "engine/base/prng.h"

enum { RUN_FACTS = 8 };

/* --- restated concepts ---------------------------------------------------- */

static sim_text_part part_of(sim_facts_from from) {
    return from == SIM_FACTS_GLOSS   ? SIM_TEXT_GLOSS
           : from == SIM_FACTS_WORDS ? SIM_TEXT_WORDS
                                     : SIM_TEXT_WHOLE;
}

/* Of the set of names, in any order: a sum. */
static uint64_t hash_names(const char *text, uint32_t text_bytes) {
    const char *end = text + text_bytes;
    uint64_t sum = 0;
    for (const char *name = text; name < end;) {
        const char *comma = strstr(name, ", ");
        const char *stop = comma && comma < end ? comma : end;
        sum += cg_hash_bytes(name, (size_t)(stop - name), 0);
        name = stop == end ? end : stop + 2;
    }
    return sum;
}

/* What tells a concept's part of text from others'. */
typedef struct likeness {
    uint64_t hash;
    uint32_t row;
} likeness;

static int by_hash(const void *left, const void *right) {
    const likeness *a = left;
    const likeness *b = right;
    return a->hash != b->hash ? (a->hash < b->hash ? -1 : 1)
                              : (a->row > b->row) - (a->row < b->row);
}

/* Rows of nouns that no other row has the hash of, ascending within equal... into rows; returns
 * how many. Sorts list. */
static uint32_t take_unique(const sim_ground *ground, likeness *list, uint32_t count,
                            uint32_t *rows) {
    uint32_t taken = 0;
    qsort(list, count, sizeof *list, by_hash);
    for (uint32_t i = 0; i < count; ++i) {
        const bool twin = (i > 0 && list[i - 1].hash == list[i].hash) ||
                          (i + 1 < count && list[i + 1].hash == list[i].hash);
        if (!twin && sim_ground_concept_is_noun(ground, list[i].row)) {
            rows[taken++] = list[i].row;
        }
    }
    return taken;
}

static int by_row(const void *left, const void *right) {
    const uint32_t a = *(const uint32_t *)left;
    const uint32_t b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static cg_status list_restatable(sim_facts *facts, uint32_t *rows, uint32_t *count,
                                 cg_error *error) {
    const uint32_t concepts = cg_graph_concept_count(sim_ground_corpus(facts->ground)->graph);
    likeness *list = cg_allocate(&facts->allocator, concepts, sizeof *list);
    if (!list) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory to compare %u concepts",
                            concepts);
    }
    const sim_text_part part = part_of(facts->from);
    for (uint32_t row = 0; row < concepts; ++row) {
        uint32_t text_bytes = 0;
        const char *text = sim_ground_concept_text(facts->ground, row, part, &text_bytes);
        list[row].row = row;
        list[row].hash = part == SIM_TEXT_WHOLE   ? row
                         : part == SIM_TEXT_GLOSS ? cg_hash_bytes(text, text_bytes, 0)
                                                  : hash_names(text, text_bytes);
    }
    *count = take_unique(facts->ground, list, concepts, rows);
    qsort(rows, *count, sizeof *rows, by_row);
    cg_deallocate(&facts->allocator, list, concepts, sizeof *list);
    return CG_OK;
}

static cg_status restate(sim_facts *facts, const sim_options *options, cg_error *error) {
    const uint32_t concepts = cg_graph_concept_count(sim_ground_corpus(facts->ground)->graph);
    uint32_t *rows = cg_allocate(&facts->allocator, concepts, sizeof *rows);
    if (!rows) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for %u concepts", concepts);
    }
    uint32_t count = 0;
    cg_status status = list_restatable(facts, rows, &count, error);
    if (status == CG_OK && count == 0) {
        status = cg_error_set(error, CG_ERROR_INVALID,
                              "load.facts_from: none of the %u concepts of the graph is a noun "
                              "that can be told by that alone; use a larger graph.nodes",
                              concepts);
    }
    if (status == CG_OK) {
        cg_stream stream = cg_stream_init(options->seed, "facts.restated", 0);
        cg_stream_shuffle_u32(&stream, rows, count);
        facts->count = count < options->load.facts ? count : options->load.facts;
        facts->rows = cg_allocate(&facts->allocator, facts->count, sizeof *facts->rows);
        status = facts->rows ? CG_OK
                             : cg_error_set(error, CG_ERROR_MEMORY, "no memory for %u facts",
                                            facts->count);
    }
    if (status == CG_OK) {
        memcpy(facts->rows, rows, facts->count * sizeof *rows);
    }
    cg_deallocate(&facts->allocator, rows, concepts, sizeof *rows);
    return status;
}

cg_status sim_facts_init(sim_facts *facts, const sim_ground *ground, const sim_options *options,
                         cg_allocator allocator, cg_error *error) {
    sim_facts made = {
        .ground = ground, .from = options->load.facts_from, .allocator = allocator};
    cg_status status = CG_OK;
    if (made.from == SIM_FACTS_HELD_OUT) {
        made.count = sim_ground_fact_count(ground);
    } else {
        status = restate(&made, options, error);
    }
    if (status == CG_OK) {
        *facts = made;
    }
    return status;
}

void sim_facts_deinit(sim_facts *facts) {
    if (facts->rows) {
        cg_deallocate(&facts->allocator, facts->rows, facts->count, sizeof *facts->rows);
    }
    memset(facts, 0, sizeof *facts);
}

const char *sim_facts_text(const sim_facts *facts, uint32_t fact, uint32_t *text_bytes) {
    CG_ASSERT(fact < facts->count);
    return facts->rows ? sim_ground_concept_text(facts->ground, facts->rows[fact],
                                                 part_of(facts->from), text_bytes)
                       : sim_ground_fact_text(facts->ground, fact, text_bytes);
}

uint32_t sim_facts_answer(const sim_facts *facts, uint32_t fact, uint32_t *rows, uint32_t max) {
    CG_ASSERT(fact < facts->count);
    if (!facts->rows) {
        return sim_ground_fact_answer(facts->ground, fact, rows, max);
    }
    if (max > 0) {
        rows[0] = facts->rows[fact];
    }
    return max > 0 ? 1 : 0;
}

/* --- related facts -------------------------------------------------------- */

typedef struct place {
    uint32_t path[CG_PATH_MAX]; /* root to answer */
    uint32_t length;
    uint32_t fact;
} place;

static int along_tree(const void *left, const void *right) {
    const place *a = left;
    const place *b = right;
    for (uint32_t i = 0; i < a->length && i < b->length; ++i) {
        if (a->path[i] != b->path[i]) {
            return a->path[i] < b->path[i] ? -1 : 1;
        }
    }
    if (a->length != b->length) {
        return a->length < b->length ? -1 : 1;
    }
    return (a->fact > b->fact) - (a->fact < b->fact);
}

static void find_place(const sim_facts *facts, uint32_t fact, place *out) {
    uint32_t row = 0;
    uint32_t upward[CG_PATH_MAX];
    out->fact = fact;
    out->length = 0;
    if (sim_facts_answer(facts, fact, &row, 1) == 1) {
        const cg_graph *graph = sim_ground_corpus(facts->ground)->graph;
        out->length = cg_graph_path_to_root(graph, row, upward);
    }
    for (uint32_t i = 0; i < out->length; ++i) {
        out->path[i] = upward[out->length - 1 - i];
    }
}

cg_status sim_facts_relate(const sim_facts *facts, sim_workload *workload, uint64_t seed,
                           cg_error *error) {
    const uint32_t count = sim_workload_fact_total(workload);
    const uint32_t runs = (count + RUN_FACTS - 1) / RUN_FACTS;
    place *places = cg_allocate(&facts->allocator, count, sizeof *places);
    uint32_t **slots = cg_allocate(&facts->allocator, count, sizeof *slots);
    uint32_t *order = cg_allocate(&facts->allocator, runs, sizeof *order);
    cg_status status = CG_OK;
    if (count > 0 && (!places || !slots || !order)) {
        status = cg_error_set(error, CG_ERROR_MEMORY, "no memory to relate %u facts", count);
    }
    if (status == CG_OK) {
        sim_workload_fact_places(workload, slots);
    }
    for (uint32_t i = 0; status == CG_OK && i < count; ++i) {
        find_place(facts, *slots[i], &places[i]);
    }
    if (status == CG_OK && count > 0) {
        qsort(places, count, sizeof *places, along_tree);
        for (uint32_t run = 0; run < runs; ++run) {
            order[run] = run;
        }
        cg_stream stream = cg_stream_init(seed, "facts.related", 0);
        cg_stream_shuffle_u32(&stream, order, runs);
        uint32_t next = 0;
        for (uint32_t run = 0; run < runs; ++run) {
            for (uint32_t i = order[run] * RUN_FACTS; i < count && i / RUN_FACTS == order[run];
                 ++i) {
                *slots[next++] = places[i].fact;
            }
        }
        CG_ASSERT(next == count);
    }
    cg_deallocate(&facts->allocator, places, count, sizeof *places);
    cg_deallocate(&facts->allocator, slots, count, sizeof *slots);
    cg_deallocate(&facts->allocator, order, runs, sizeof *order);
    return status;
}
