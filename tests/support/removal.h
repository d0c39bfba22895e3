/* Partitions to which facts are added and from which they are removed, record by record.
 *
 * A plan remembers every fact it drew, so that a partition to which only the facts that are left
 * were ever added can be made beside it: the oracle of a removal.
 */
#ifndef CG_TESTS_SUPPORT_REMOVAL_H
#define CG_TESTS_SUPPORT_REMOVAL_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/node/partition.h"
#include "tests/support/corpus.h"
#include "tests/support/support.h"

enum { PLAN_FACTS_MAX = 4096, NO_FACT = -1 };
static const uint64_t plan_start_ns = UINT64_C(1000000000000);

static cg_corpus corpus; /* of all tests of a program, after school */

typedef struct planned_fact {
    char text[SUPPORT_TEXT_BYTES];
    uint32_t text_bytes;
    uint32_t corpus_row; /* where it hangs, unless below a fact */
    int32_t below;       /* place of that fact in the plan, or NO_FACT */
    uint32_t children;   /* that are there */
    uint64_t time_ns;
    uint64_t request_id;
    uint64_t sequence; /* of its record in the partition of the plan */
    bool removed;
} planned_fact;

typedef struct plan {
    cg_stream stream;
    planned_fact facts[PLAN_FACTS_MAX];
    uint32_t count;
    uint32_t live;
    uint64_t requests;
} plan;

static inline int corpus_set_up(void **state) {
    (void)state;
    cg_runner serial = cg_runner_serial();
    cg_error error = {0};
    cg_allocator heap = cg_allocator_heap();
    if (support_corpus_build(CG_INDEX_HNSW, &serial, heap, &corpus, &error) != CG_OK ||
        support_corpus_school(&corpus, SUPPORT_LESSONS, heap, &error) != CG_OK) {
        print_error("%s\n", error.message);
        return 1;
    }
    return 0;
}

static inline int corpus_tear_down(void **state) {
    (void)state;
    cg_corpus_deinit(&corpus);
    return 0;
}

static inline void make_partition_from(cg_partition *made, uint32_t number,
                                       cg_allocator allocator) {
    cg_error error = {0};
    cg_pool_options pools = cg_pool_options_default();
    assert_ok(cg_partition_init(made, number, &corpus, &pools, allocator, &error), error);
}

static inline void make_partition(cg_partition *made, uint32_t number) {
    make_partition_from(made, number, cg_allocator_heap());
}

/* Names, a genus and words that other facts share, and words of the concept it is about. */
static inline uint32_t plan_text(cg_stream *stream, char text[SUPPORT_TEXT_BYTES]) {
    char about[SUPPORT_TEXT_BYTES];
    uint32_t row = (uint32_t)cg_stream_next_below(stream, SUPPORT_CONCEPTS);
    support_concept_text(row, about);
    int used = snprintf(
        text, SUPPORT_TEXT_BYTES, "p%u head%u, alias%u: a s%u concept%u of %s",
        (unsigned)cg_stream_next_below(stream, 20), (unsigned)cg_stream_next_below(stream, 6),
        (unsigned)cg_stream_next_below(stream, 30), (unsigned)cg_stream_next_below(stream, 4),
        (unsigned)cg_stream_next_below(stream, SUPPORT_CONCEPTS), strchr(about, ':') + 2);
    return (uint32_t)used;
}

/* The next fact of the plan: a third of them below another one that is there. */
static inline planned_fact *plan_add(plan *made) {
    assert_true(made->count < PLAN_FACTS_MAX);
    planned_fact *fact = &made->facts[made->count];
    *fact = (planned_fact){.below = NO_FACT};
    fact->text_bytes = plan_text(&made->stream, fact->text);
    fact->corpus_row = (uint32_t)cg_stream_next_below(&made->stream, SUPPORT_CONCEPTS);
    fact->time_ns = plan_start_ns + made->requests * UINT64_C(50000000);
    fact->request_id = ++made->requests;
    if (made->count > 0 && cg_stream_next_below(&made->stream, 3) == 0) {
        uint32_t above = (uint32_t)cg_stream_next_below(&made->stream, made->count);
        if (!made->facts[above].removed) {
            fact->below = (int32_t)above;
            made->facts[above].children++;
        }
    }
    made->count++;
    made->live++;
    return fact;
}

/* A fact that may be removed, at or after a place that is drawn; NULL when there is none. */
static inline planned_fact *plan_remove(plan *made) {
    uint32_t first =
        made->count > 0 ? (uint32_t)cg_stream_next_below(&made->stream, made->count) : 0;
    for (uint32_t i = 0; i < made->count; i++) {
        planned_fact *fact = &made->facts[(first + i) % made->count];
        if (!fact->removed && fact->children == 0) {
            fact->removed = true;
            if (fact->below != NO_FACT) {
                made->facts[fact->below].children--;
            }
            made->live--;
            return fact;
        }
    }
    return NULL;
}

/* The row of a fact of the plan in a partition of the plan. */
static inline uint32_t row_of_fact(const cg_partition *partition, const planned_fact *fact) {
    uint32_t row = 0;
    assert_true(cg_partition_row_of(partition, fact->sequence, &row));
    return row;
}

static inline cg_status apply_record(cg_partition *partition, const cg_log_record *record,
                                     cg_error *error) {
    size_t size_bytes = cg_log_record_bytes(record);
    uint8_t *bytes = malloc(size_bytes);
    assert_non_null(bytes);
    cg_log_record_encode(record, bytes);
    cg_status status = cg_partition_apply(
        partition, record, (cg_encoded_record){bytes, size_bytes}, NULL, NULL, error);
    free(bytes);
    return status;
}

static inline cg_log_id next_id(const cg_partition *partition) {
    return (cg_log_id){.epoch = 1, .number = cg_log_last(partition->log) + 1};
}

/* Adds the fact under `target`, as the partition's next record. */
static inline cg_status apply_fact_at(cg_partition *partition, const planned_fact *fact,
                                      uint32_t target, cg_error *error) {
    static cg_embedding embedding;
    assert_int_equal(
        cg_embed(corpus.embedder, fact->text, fact->text_bytes, &embedding, NULL, error),
        CG_OK);
    cg_log_record record = {.id = next_id(partition),
                            .request_id = fact->request_id,
                            .clock = {fact->time_ns, 0},
                            .target = cg_partition_concept_of(partition, target),
                            .concept_type = cg_graph_type(partition->graph, target),
                            .dims = cg_features_dims(corpus.features),
                            .dense = embedding.dense,
                            .sparse = cg_embedding_sparse(&embedding),
                            .text = fact->text,
                            .text_bytes = fact->text_bytes};
    return apply_record(partition, &record, error);
}

/* removed_id: of the request that allocated the fact. */
static inline cg_status apply_removal_of(cg_partition *partition, uint64_t removed_id,
                                         uint64_t request_id, cg_error *error) {
    cg_log_record record = {.kind = CG_RECORD_REMOVE,
                            .id = next_id(partition),
                            .request_id = request_id,
                            .clock = {plan_start_ns + request_id, 0},
                            .removed = cg_fact_id(removed_id)};
    return apply_record(partition, &record, error);
}

static inline void add_next(plan *made, cg_partition *partition) {
    planned_fact *fact = plan_add(made);
    cg_error error = {0};
    fact->sequence = cg_log_last(partition->log) + 1;
    uint32_t target = fact->below == NO_FACT
                          ? fact->corpus_row
                          : row_of_fact(partition, &made->facts[fact->below]);
    assert_ok(apply_fact_at(partition, fact, target, &error), error);
}

static inline bool remove_next(plan *made, cg_partition *partition) {
    planned_fact *fact = plan_remove(made);
    cg_error error = {0};
    if (fact) {
        assert_ok(apply_removal_of(partition, fact->request_id, ++made->requests, &error),
                  error);
    }
    return fact != NULL;
}

/* Applies what the other has and this one has not, from the bytes of its log. */
static inline void follow(cg_partition *copy, const cg_partition *primary) {
    static cg_log_buffers buffers;
    while (cg_log_last(copy->log) < cg_log_last(primary->log)) {
        size_t size_bytes = 0;
        size_t used = 0;
        const uint8_t *bytes =
            cg_log_bytes(primary->log, cg_log_last(copy->log) + 1, &size_bytes);
        cg_log_record record;
        cg_error error = {0};
        assert_ok(cg_log_record_decode(bytes, size_bytes, &buffers, &record, &used, &error),
                  error);
        assert_int_equal(used, size_bytes);
        assert_ok(cg_partition_apply(copy, &record, (cg_encoded_record){bytes, size_bytes},
                                     NULL, NULL, &error),
                  error);
    }
}

/* A decision about a text; alternatives and all. */
static inline cg_decision decide_in(const cg_partition *partition, cg_strategy strategy,
                                    const char *text, uint32_t text_bytes, uint64_t now_ns,
                                    cg_cascade_scratch *scratch) {
    static cg_embedding embedding;
    cg_error error = {0};
    assert_ok(cg_embed(corpus.embedder, text, text_bytes, &embedding, NULL, &error), error);
    cg_cascade_options options = cg_cascade_options_default();
    options.strategy = strategy;
    options.direct_max = SUPPORT_CONCEPTS + cg_partition_live_facts(partition); /* just so */
    cg_knowledge knowledge = cg_partition_knowledge(partition);
    cg_fact_view fact = {.dense = embedding.dense,
                         .sparse = cg_embedding_sparse(&embedding),
                         .text = text,
                         .text_bytes = text_bytes,
                         .type = CG_TYPE_UNKNOWN,
                         .now_ns = now_ns};
    cg_decision decision;
    assert_ok(cg_cascade_decide(&options, &knowledge, &fact, scratch, &decision, NULL, &error),
              error);
    return decision;
}

#endif
