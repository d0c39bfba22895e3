/* Logs of one partition that grew apart: a common prefix, and sides that go on from there, each with ids
 * of its own; their unions; and what a union's state must be, told naively.
 */
#ifndef CG_TESTS_SUPPORT_UNION_WORLD_H
#define CG_TESTS_SUPPORT_UNION_WORLD_H

#include "engine/node/event.h"
#include "tests/support/removal.h"

enum {
    UNION_SIDES = 3,
    UNION_RECORDS = 256, /* in all */
    UNION_REQUESTS = 512,
    UNION_TEXT_BYTES = 24000 /* of long texts, of which few fit a block */
};

typedef struct union_record {
    cg_log_id id;
    uint8_t *bytes;
    size_t size_bytes;
} union_record;

/* Places in union_all, ascending by id. */
typedef struct union_log {
    uint32_t at[UNION_RECORDS];
    uint32_t count;
} union_log;

typedef struct union_side {
    cg_partition partition;
    union_log log;
    cg_log_id next;
} union_side;

static union_record union_all[UNION_RECORDS];
static uint32_t union_count;
static uint64_t union_requests; /* given, from 1 */
static union_side union_sides[UNION_SIDES];
static cg_stream union_stream;
static uint64_t union_seed;

static inline uint64_t union_below(uint64_t limit) {
    return cg_stream_next_below(&union_stream, limit);
}

static inline cg_status union_apply(cg_partition *partition, uint32_t at, cg_error *error) {
    static cg_log_buffers buffers;
    const union_record *made = &union_all[at];
    cg_log_record record;
    size_t used = 0;
    assert_ok(
        cg_log_record_decode(made->bytes, made->size_bytes, &buffers, &record, &used, error),
        *error);
    return cg_partition_apply(partition, &record,
                              (cg_encoded_record){made->bytes, made->size_bytes}, NULL, NULL,
                              error);
}

/* Records from the log's `first`, a place, on. */
static inline void union_append(cg_partition *partition, const union_log *log, uint32_t first) {
    for (uint32_t i = first; i < log->count; i++) {
        cg_error error = {0};
        assert_ok(union_apply(partition, log->at[i], &error), error);
    }
}

static inline int union_order(uint32_t left, uint32_t right) {
    return cg_log_id_compare(&union_all[left].id, &union_all[right].id);
}

static inline union_log union_of(const union_log *left, const union_log *right) {
    union_log made = {.count = 0};
    uint32_t i = 0;
    uint32_t j = 0;
    while (i < left->count || j < right->count) {
        int order = i == left->count    ? 1
                    : j == right->count ? -1
                                        : union_order(left->at[i], right->at[j]);
        made.at[made.count++] = order <= 0 ? left->at[i] : right->at[j];
        i += order <= 0;
        j += order >= 0;
    }
    return made;
}

/* How many records both begin with. */
static inline uint32_t union_fork(const union_log *left, const union_log *right) {
    uint32_t fork = 0;
    while (fork < left->count && fork < right->count && left->at[fork] == right->at[fork]) {
        fork++;
    }
    return fork;
}

/* --- making records ------------------------------------------------------------------------ */

static inline void union_make(union_side *side, cg_log_record *record) {
    assert_true(union_count < UNION_RECORDS);
    union_record *made = &union_all[union_count];
    record->id = side->next;
    record->clock = (cg_hlc){plan_start_ns + union_count * UINT64_C(1000000), 0};
    side->next.number++;
    made->id = record->id;
    made->size_bytes = cg_log_record_bytes(record);
    made->bytes = malloc(made->size_bytes);
    assert_non_null(made->bytes);
    cg_log_record_encode(record, made->bytes);
    cg_error error = {0};
    assert_ok(union_apply(&side->partition, union_count, &error), error);
    side->log.at[side->log.count++] = union_count++;
}

/* A fact that is there at this side; 0: none. may_go: nothing stands below it. Early ones, which the
 * other sides have too, are as likely as all others together. */
static inline uint64_t union_pick(const union_side *side, bool may_go) {
    uint64_t limit = union_below(2) ? union_requests : 12;
    uint64_t first = union_below(limit + 1);
    for (uint64_t i = 0; i < union_requests; i++) {
        uint64_t request = 1 + (first + i) % union_requests;
        uint32_t row = 0;
        if (cg_partition_find(&side->partition, cg_fact_id(request), &row) &&
            !cg_partition_is_removed(&side->partition, row) &&
            (!may_go ||
             cg_partition_check_remove(&side->partition, cg_fact_id(request), NULL) == CG_OK)) {
            return request;
        }
    }
    return 0;
}

static inline uint64_t union_new_request(void) {
    assert_true(union_requests + 1 < UNION_REQUESTS);
    return ++union_requests;
}

/* A third of the requests for facts are those that another side may have had. */
static inline void union_add(union_side *side) {
    static cg_embedding embedding;
    cg_error error = {0};
    uint64_t known = 0;
    uint64_t request = union_requests > 0 && union_below(3) == 0
                           ? 1 + union_below(union_requests)
                           : union_new_request();
    if (cg_table_get(side->partition.sequence_of, request, &known)) {
        request = union_new_request();
    }
    static char text[UNION_TEXT_BYTES];
    cg_stream words = cg_stream_init(union_seed, "union.text", request);
    uint32_t text_bytes = plan_text(&words, text);
    if (request % 4 == 0) {
        memset(text + text_bytes, ' ', UNION_TEXT_BYTES - text_bytes);
        text_bytes = UNION_TEXT_BYTES;
    }
    uint64_t above = union_below(3) > 0 ? union_pick(side, false) : 0;
    uint64_t target = above ? cg_fact_id(above) : union_below(SUPPORT_CONCEPTS);
    uint32_t row = 0;
    assert_true(cg_partition_find(&side->partition, target, &row));
    assert_ok(cg_embed(corpus.embedder, text, text_bytes, &embedding, NULL, &error), error);
    cg_log_record record = {.request_id = request,
                            .target = target,
                            .concept_type = cg_graph_type(side->partition.graph, row),
                            .has_learned = union_below(4) == 0,
                            .learned = corpus.learned,
                            .dims = cg_features_dims(corpus.features),
                            .dense = embedding.dense,
                            .sparse = cg_embedding_sparse(&embedding),
                            .text = text,
                            .text_bytes = text_bytes};
    record.learned.lessons = 1000 + union_count;
    union_make(side, &record);
}

/* As a primary removes: only what nothing stands below, at its side. The request may be one that was sent
 * to several sides: then its id depends on the fact. */
static inline void union_remove(union_side *side) {
    uint64_t request = union_pick(side, true);
    if (request == 0) {
        union_add(side);
        return;
    }
    uint64_t known = 0;
    uint64_t own = UNION_REQUESTS + request;
    if (union_below(2) || cg_table_get(side->partition.sequence_of, own, &known)) {
        own = (2 + union_new_request()) * UNION_REQUESTS; /* no fact's */
    }
    cg_log_record record = {
        .kind = CG_RECORD_REMOVE, .request_id = own, .removed = cg_fact_id(request)};
    union_make(side, &record);
}

/* New weights of the edges of a fact and of a concept of the corpus. */
static inline void union_weigh(union_side *side) {
    cg_log_weight weights[2];
    uint32_t count = 0;
    uint64_t request = union_pick(side, false);
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t row = (uint32_t)union_below(SUPPORT_CONCEPTS);
        cg_edge edge = {0};
        if (i == 1 && !cg_partition_find(&side->partition, cg_fact_id(request), &row)) {
            continue;
        }
        cg_edge_cursor cursor = cg_graph_edges(side->partition.graph, row);
        if (cg_graph_next_edge(&cursor, &edge)) {
            weights[count++] =
                (cg_log_weight){.from = cg_partition_concept_of(&side->partition, row),
                                .to = cg_partition_concept_of(&side->partition, edge.target),
                                .type = edge.type,
                                .weight = (uint8_t)union_below(256)};
        }
    }
    if (count > 0) {
        cg_log_record record = {
            .kind = CG_RECORD_WEIGHTS, .weights = weights, .weight_count = count};
        union_make(side, &record);
    }
}

static inline void union_begin_epoch(union_side *side) {
    side->next.epoch += 1 + union_below(2);
    side->next.number = 1;
    cg_log_record record = {.kind = CG_RECORD_EPOCH};
    union_make(side, &record);
}

static inline void union_step(union_side *side) {
    uint64_t what = union_below(16);
    if (what < 8) {
        union_add(side);
    } else if (what < 13) {
        union_remove(side);
    } else if (what < 15) {
        union_weigh(side);
    } else {
        union_begin_epoch(side);
    }
}

/* Sides that share `prefix` records, and have made up to `own` each since. */
static inline void union_start(uint64_t seed, uint64_t round, uint32_t prefix, uint32_t own) {
    union_seed = seed;
    union_stream = cg_stream_init(seed, "test.union", round);
    union_count = 0;
    union_requests = 0;
    for (uint32_t k = 0; k < UNION_SIDES; k++) {
        union_side *side = &union_sides[k];
        side->log.count = 0;
        side->next = (cg_log_id){.epoch = 1, .number = 1, .replica = 0};
        make_partition(&side->partition, 3);
    }
    for (uint32_t i = 0; i < prefix; i++) {
        union_step(&union_sides[0]);
    }
    for (uint32_t k = 1; k < UNION_SIDES; k++) {
        union_append(&union_sides[k].partition, &union_sides[0].log, 0);
        union_sides[k].log = union_sides[0].log;
        union_sides[k].next = union_sides[0].next;
        union_sides[k].next.replica = k;
    }
    for (uint32_t k = 0; k < UNION_SIDES; k++) {
        for (uint32_t i = (uint32_t)union_below(own + 1); i > 0; i--) {
            union_step(&union_sides[k]);
        }
    }
}

static inline void union_end(void) {
    for (uint32_t i = 0; i < union_count; i++) {
        free(union_all[i].bytes);
    }
    for (uint32_t k = 0; k < UNION_SIDES; k++) {
        cg_partition_deinit(&union_sides[k].partition);
    }
}

/* --- what must come of a log, naively ------------------------------------------------------ */

typedef struct naive_fact {
    bool is_added;
    bool is_removed;
    uint32_t place; /* among all facts ever added: its row */
    uint64_t below; /* a concept, as records name it; of a removed one, when it went */
} naive_fact;

typedef struct naive_state {
    naive_fact facts[UNION_REQUESTS];
    uint32_t added;
    uint32_t live;
    uint64_t lessons;
    uint32_t order[UNION_RECORDS]; /* requests of facts, as they were added */
    /* What a log that only grows at one place never has. */
    uint32_t repeated;      /* facts whose request came before */
    uint32_t removed_twice; /* removals of what is gone */
    uint32_t orphans;       /* facts whose home was taken away */
    uint32_t late;          /* facts that were to go below one that was gone */
} naive_state;

static inline naive_fact *naive_of(naive_state *state, uint64_t concept) {
    return (concept & CG_FACT_ID_BIT) ? &state->facts[concept & ~CG_FACT_ID_BIT] : NULL;
}

static inline void naive_add(naive_state *state, const cg_log_record *record) {
    naive_fact *fact = &state->facts[record->request_id];
    if (fact->is_added) {
        state->repeated++;
        return;
    }
    uint64_t below = record->target;
    const naive_fact *above = naive_of(state, below);
    state->late += above && above->is_removed;
    while (above && above->is_removed) {
        below = above->below;
        above = naive_of(state, below);
    }
    *fact = (naive_fact){.is_added = true, .place = state->added, .below = below};
    state->order[state->added++] = (uint32_t)record->request_id;
    state->live++;
    state->lessons = record->has_learned ? record->learned.lessons : state->lessons;
}

static inline void naive_remove(naive_state *state, uint64_t removed) {
    naive_fact *fact = naive_of(state, removed);
    if (!fact->is_added || fact->is_removed) {
        state->removed_twice++;
        return;
    }
    fact->is_removed = true;
    state->live--;
    for (uint32_t i = 0; i < UNION_REQUESTS; i++) {
        naive_fact *other = &state->facts[i];
        if (other->is_added && !other->is_removed && other->below == removed) {
            other->below = fact->below;
            state->orphans++;
        }
    }
}

static inline void naive_fold(const union_log *log, uint32_t count, naive_state *state) {
    static cg_log_buffers buffers;
    memset(state, 0, sizeof *state);
    state->lessons = corpus.learned.lessons;
    for (uint32_t i = 0; i < count; i++) {
        const union_record *made = &union_all[log->at[i]];
        cg_log_record record;
        size_t used = 0;
        assert_int_equal(
            cg_log_record_decode(made->bytes, made->size_bytes, &buffers, &record, &used, NULL),
            CG_OK);
        if (record.kind == CG_RECORD_FACT) {
            naive_add(state, &record);
        } else if (record.kind == CG_RECORD_REMOVE) {
            naive_remove(state, record.removed);
        }
    }
}

static inline uint32_t naive_children(const naive_state *state, uint64_t concept) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < state->added; i++) {
        const naive_fact *fact = &state->facts[state->order[i]];
        count += !fact->is_removed && fact->below == concept;
    }
    return count;
}

/* The stream of the last facts that are there, and where they stand. */
static inline void naive_check_recent(const naive_state *state, const cg_partition *partition) {
    uint32_t at = partition->recent.count;
    uint32_t held = at < CG_RECENT_MAX ? at : CG_RECENT_MAX;
    assert_int_equal(held, state->live < CG_RECENT_MAX ? state->live : CG_RECENT_MAX);
    for (uint32_t i = state->added; held > 0; held--) {
        const naive_fact *fact = NULL;
        do {
            assert_true(i > 0);
            fact = &state->facts[state->order[--i]];
        } while (fact->is_removed);
        uint32_t row = 0;
        assert_true(cg_partition_find(partition, fact->below, &row));
        assert_int_equal(partition->recent.rows[--at % CG_RECENT_MAX], row);
    }
}

/* Every fact is there once, unless it was removed, and stands where it should. */
static inline void naive_check(const naive_state *state, const cg_partition *partition) {
    assert_int_equal(cg_partition_live_facts(partition), state->live);
    assert_int_equal(cg_index_count(partition->index), state->live);
    assert_int_equal(cg_graph_concept_count(partition->graph), SUPPORT_CONCEPTS + state->added);
    assert_int_equal(partition->learned.lessons, state->lessons);
    for (uint32_t request = 0; request < UNION_REQUESTS; request++) {
        const naive_fact *fact = &state->facts[request];
        uint64_t id = cg_fact_id(request);
        uint32_t row = 0;
        assert_true(cg_partition_find(partition, id, &row) == fact->is_added);
        if (!fact->is_added) {
            continue;
        }
        assert_int_equal(row, SUPPORT_CONCEPTS + fact->place);
        assert_true(cg_partition_is_removed(partition, row) == fact->is_removed);
        uint32_t parents[4];
        uint32_t count = cg_graph_parents(partition->graph, row, parents, 4);
        assert_int_equal(count, fact->is_removed ? 0 : 1);
        if (count > 0) {
            assert_true(cg_partition_concept_of(partition, parents[0]) == fact->below);
            assert_int_equal(cg_graph_degree_of_type(partition->graph, row, CG_EDGE_HYPONYM),
                             naive_children(state, id));
        }
    }
    for (uint32_t row = 0; row < SUPPORT_CONCEPTS; row++) {
        assert_int_equal(cg_graph_degree_of_type(partition->graph, row, CG_EDGE_HYPONYM) -
                             cg_graph_degree_of_type(corpus.graph, row, CG_EDGE_HYPONYM),
                         naive_children(state, row));
    }
    naive_check_recent(state, partition);
}

#endif
