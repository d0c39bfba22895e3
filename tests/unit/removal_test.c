/* Goal: a fact that is removed is gone from where decisions look, its slot is back, and what may not
 * be removed is refused with the status that partition.h names, the partition unchanged. (B4)
 */
#include "engine/node/event.h"
#include "tests/support/removal.h"

static cg_cascade_scratch *scratch;

/* "yonder" and what hangs below it are in no other text. */
static planned_fact fact_called(const char *text, uint64_t request_id) {
    planned_fact fact = {.request_id = request_id,
                         .time_ns = plan_start_ns + request_id * UINT64_C(1000000)};
    fact.text_bytes = (uint32_t)snprintf(fact.text, sizeof fact.text, "%s", text);
    return fact;
}

static void add(cg_partition *partition, const char *text, uint32_t target) {
    planned_fact fact = fact_called(text, cg_log_last(partition->log) + 1);
    cg_error error = {0};
    assert_ok(apply_fact_at(partition, &fact, target, &error), error);
}

static cg_status take_out(cg_partition *partition, uint64_t sequence, cg_error *error) {
    return apply_removal_of(partition, sequence, cg_log_last(partition->log) + 1, error);
}

static cg_status check_of(const cg_partition *partition, uint64_t sequence, cg_error *error) {
    return cg_partition_check_remove(partition, cg_fact_id(sequence), error);
}

static const char yonder[] = "yonder, far place: a s9 concept20 of w20a w20b";

/* Goal: where a text led to a fact, it leads elsewhere once that is removed; index, inverted file,
 * lexicon and graph no longer know it. */
static void test_gone(void **state) {
    (void)state;
    cg_partition used;
    make_partition(&used, 0);
    uint64_t empty_lexicon = cg_lexicon_hash(used.lexicon);
    uint64_t edges = cg_graph_edge_count(used.graph);
    add(&used, yonder, 20);
    uint32_t row = 0;
    assert_true(cg_partition_row_of(&used, 1, &row));
    assert_int_equal(row, SUPPORT_CONCEPTS);
    uint64_t slot = cg_partition_slot(&used, 1);
    assert_non_null(cg_pools_memory(used.pools, slot, NULL));
    uint64_t now_ns = plan_start_ns + 1;
    for (int strategy = 0; strategy < CG_STRATEGY_COUNT; strategy++) {
        cg_decision decision =
            decide_in(&used, (cg_strategy)strategy, yonder, sizeof yonder - 1, now_ns, scratch);
        bool named = false;
        for (uint32_t i = 0; i < decision.alternative_count; i++) {
            named |= decision.alternatives[i] == row;
        }
        assert_true(named);
        assert_int_equal(decision.stage_in[CG_STAGE_COARSE], SUPPORT_CONCEPTS + 1);
    }
    uint64_t hash = cg_partition_hash(&used);
    uint64_t bytes = cg_partition_bytes(&used);

    cg_error error = {0};
    assert_ok(check_of(&used, 1, &error), error);
    assert_ok(take_out(&used, 1, &error), error);
    assert_true(cg_partition_hash(&used) != hash);
    assert_true(cg_partition_bytes(&used) < bytes); /* its block went back */
    assert_true(cg_partition_is_removed(&used, row));
    assert_false(cg_partition_is_removed(&used, 20));
    assert_int_equal(cg_partition_live_facts(&used), 0);
    assert_null(cg_pools_memory(used.pools, slot, NULL));
    assert_int_equal(cg_pools_statistics(used.pools).slots_taken, 0);
    assert_true(cg_partition_slot(&used, 1) == CG_SLOT_NONE);
    assert_true(cg_partition_slot(&used, 2) == CG_SLOT_NONE);
    assert_true(cg_partition_slot(&used, 3) == CG_SLOT_NONE);
    assert_true(cg_partition_slot(&used, 0) == CG_SLOT_NONE);
    assert_int_equal(cg_index_count(used.index), 0);
    assert_int_equal(cg_lexicon_hash(used.lexicon), empty_lexicon);
    assert_int_equal(cg_graph_edge_count(used.graph), edges);
    assert_int_equal(cg_log_last(used.log), 2);
    for (int strategy = 0; strategy < CG_STRATEGY_COUNT; strategy++) {
        cg_decision decision =
            decide_in(&used, (cg_strategy)strategy, yonder, sizeof yonder - 1, now_ns, scratch);
        for (uint32_t i = 0; i < decision.alternative_count; i++) {
            assert_true(decision.alternatives[i] < SUPPORT_CONCEPTS);
        }
        assert_int_equal(decision.stage_in[CG_STAGE_COARSE], SUPPORT_CONCEPTS);
    }
    uint64_t request = 0;
    assert_true(cg_table_get(used.sequence_of, 2, &request)); /* the removal's own */
    assert_int_equal(request, 2);

    add(&used, yonder, 20); /* a new fact: a new row */
    assert_true(cg_partition_row_of(&used, 3, &row));
    assert_int_equal(row, SUPPORT_CONCEPTS + 1);
    assert_false(cg_partition_row_of(&used, 2, &row));
    assert_false(cg_partition_row_of(&used, 4, &row));
    cg_partition_deinit(&used);
}

/* Goal: a fact's id is that of its record's request, marked so that no row of the corpus has it; it is
 * the graph's id of its row, and leads there and back whatever its row and sequence. */
static void test_ids(void **state) {
    (void)state;
    static const uint64_t requests[] = {77, (UINT64_C(1) << 48) - 1,
                                        9 | UINT64_C(1023) << CG_BATCH_PLACE_SHIFT};
    cg_partition used;
    make_partition(&used, 4);
    uint32_t row = 0;
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(cg_fact_id(requests[i]) == (UINT64_C(1) << 63 | requests[i]));
        assert_false(cg_partition_find(&used, cg_fact_id(requests[i]), &row));
        planned_fact fact = fact_called("some thing, of w20a", requests[i]);
        cg_error error = {0};
        assert_ok(apply_fact_at(&used, &fact, 20, &error), error);
        assert_true(cg_partition_find(&used, cg_fact_id(requests[i]), &row));
        assert_int_equal(row, SUPPORT_CONCEPTS + i);
        assert_true(cg_partition_concept_of(&used, row) == cg_fact_id(requests[i]));
        assert_true(cg_graph_id(used.graph, row) == cg_fact_id(requests[i]));
    }
    assert_true(cg_partition_find(&used, 20, &row));
    assert_int_equal(row, 20);
    assert_int_equal(cg_partition_concept_of(&used, 20), 20);
    assert_true(cg_partition_find(&used, SUPPORT_CONCEPTS - 1, &row));
    assert_false(
        cg_partition_find(&used, SUPPORT_CONCEPTS, &row)); /* a row, but not of the corpus */
    cg_partition_deinit(&used);
}

/* The row that a fact, which is there, hangs below. */
static uint32_t above(const cg_partition *partition, uint64_t request_id) {
    uint32_t row = 0;
    uint32_t parent = 0;
    assert_true(cg_partition_find(partition, cg_fact_id(request_id), &row));
    assert_false(cg_partition_is_removed(partition, row));
    assert_int_equal(cg_graph_parents(partition->graph, row, &parent, 1), 1);
    return parent;
}

/* Goal: each thing that cannot be removed has its status. What a log may hold all the same, as the union
 * of two, has the effect that partition.h defines: none, or another home for what stood below. */
static void test_refusals(void **state) {
    (void)state;
    cg_partition used;
    make_partition(&used, 2);
    cg_error error = {0};
    add(&used, "one thing, of w20a", 20);                     /* 1 */
    add(&used, "two things, of w21a", SUPPORT_CONCEPTS);      /* 2: below 1 */
    add(&used, "three things, of w22a", SUPPORT_CONCEPTS);    /* 3: below 1 */
    add(&used, "four things, of w23a", SUPPORT_CONCEPTS + 2); /* 4: below 3 */
    add(&used, "five things, of w24a", 21);                   /* 5 */
    assert_ok(take_out(&used, 5, &error), error);             /* 6 */
    const struct {
        uint64_t id;
        cg_status status;
        const char *sentence;
    } cases[] = {
        {0, CG_ERROR_INVALID, "concepts of the corpus cannot be removed"},
        {0x1020, CG_ERROR_INVALID, "1020 is no fact's id"},
        {cg_fact_id(0), CG_ERROR_NOT_FOUND, "partition 2 has no fact"},
        {cg_fact_id(7), CG_ERROR_NOT_FOUND, "partition 2 has no fact"},
        {cg_fact_id(6), CG_ERROR_NOT_FOUND, "partition 2 has no fact"},
        {cg_fact_id(1 | UINT64_C(1) << CG_BATCH_PLACE_SHIFT), CG_ERROR_NOT_FOUND,
         "partition 2 has no fact"},
        {UINT64_MAX, CG_ERROR_NOT_FOUND, "partition 2 has no fact"},
        {cg_fact_id(5), CG_ERROR_NOT_FOUND, "was removed before"},
        {cg_fact_id(1), CG_ERROR_CONFLICT, "has 2 facts below it"},
        {cg_fact_id(3), CG_ERROR_CONFLICT, "has 1 facts below it"},
        {cg_fact_id(2), CG_OK, ""},
        {cg_fact_id(4), CG_OK, ""},
    };
    uint64_t hash = cg_partition_hash(&used);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_status(cg_partition_check_remove(&used, cases[i].id, &error), cases[i].status,
                      error, cases[i].sentence);
        error = (cg_error){0};
        assert_int_equal(cg_partition_hash(&used), hash);
        assert_int_equal(cg_log_last(used.log), 6);
    }
    for (uint64_t number = 5; number <= 6;
         number++) { /* no record follows one that is not before it */
        cg_log_record record = {.kind = CG_RECORD_REMOVE,
                                .id = {.epoch = 1, .number = number},
                                .request_id = 8,
                                .removed = cg_fact_id(2)};
        assert_status(apply_record(&used, &record, &error), CG_ERROR_CORRUPT, error,
                      "cannot follow (1, 6, 0)");
        assert_int_equal(cg_partition_hash(&used), hash);
    }
    planned_fact strange = fact_called("six things, of w25a", 9);
    cg_log_record nowhere = {.id = {.epoch = 2, .number = 1}, .request_id = 9};
    nowhere.target = cg_fact_id(1234);
    cg_embedding *embedding = calloc(1, sizeof *embedding);
    assert_non_null(embedding);
    assert_ok(
        cg_embed(corpus.embedder, strange.text, strange.text_bytes, embedding, NULL, &error),
        error);
    nowhere.dims = cg_features_dims(corpus.features);
    nowhere.dense = embedding->dense;
    nowhere.sparse = cg_embedding_sparse(embedding);
    nowhere.text = strange.text;
    nowhere.text_bytes = strange.text_bytes;
    assert_status(apply_record(&used, &nowhere, &error), CG_ERROR_CORRUPT, error,
                  "which does not exist");
    assert_int_equal(cg_partition_hash(&used), hash);
    free(embedding);
    /* 3 goes while 4 stands below it: 4 comes to stand below 1; then 1, and 4 and 2 stand below 20. */
    assert_ok(take_out(&used, 3, &error), error); /* 7 */
    assert_int_equal(above(&used, 4), SUPPORT_CONCEPTS);
    assert_ok(take_out(&used, 1, &error), error); /* 8 */
    for (uint64_t id = 2; id <= 4; id += 2) {
        assert_int_equal(above(&used, id), 20);
    }
    /* What is added below a fact that is gone comes to where that was; what was removed once, or is no
     * fact's, is not removed again. */
    planned_fact late = fact_called("six things, of w25a", 9);
    assert_ok(apply_fact_at(&used, &late, SUPPORT_CONCEPTS + 2, &error),
              error); /* 9: below 3 */
    assert_int_equal(above(&used, 9), 20);
    assert_int_equal(cg_partition_live_facts(&used), 3);
    static const uint64_t nothing[] = {1, 3, 5, 7, 999};
    for (size_t i = 0; i < 5; i++) {
        assert_ok(take_out(&used, nothing[i], &error), error);
        assert_int_equal(cg_partition_live_facts(&used), 3);
    }
    static const uint64_t order[] = {4, 9, 2};
    for (size_t i = 0; i < 3; i++) {
        assert_ok(check_of(&used, order[i], &error), error);
        assert_ok(take_out(&used, order[i], &error), error);
    }
    assert_int_equal(cg_partition_live_facts(&used), 0);
    assert_ok(cg_partition_audit(&used, &error), error);
    cg_partition_deinit(&used);
}

/* Goal: a fact that is removed is no teacher, and a label that names it is refused. */
static void test_removed_teacher(void **state) {
    (void)state;
    cg_partition used;
    make_partition(&used, 0);
    cg_error error = {0};
    add(&used, yonder, 20);
    cg_feature_row row = cg_features_row(used.features, SUPPORT_CONCEPTS);
    cg_fact_view fact = {.dense = row.dense,
                         .sparse = row.sparse,
                         .type = CG_TYPE_UNKNOWN,
                         .has_teacher = true,
                         .teacher = SUPPORT_CONCEPTS};
    cg_cascade_options options = cg_cascade_options_default();
    cg_knowledge knowledge = cg_partition_knowledge(&used);
    cg_decision decision;
    assert_ok(cg_cascade_decide(&options, &knowledge, &fact, scratch, &decision, NULL, &error),
              error);
    assert_ok(take_out(&used, 1, &error), error);
    knowledge = cg_partition_knowledge(&used);
    assert_status(
        cg_cascade_decide(&options, &knowledge, &fact, scratch, &decision, NULL, &error),
        CG_ERROR_INVALID, error, "which was removed");
    cg_partition_deinit(&used);
}

/* Goal: the recent stream is that of the facts that are there: the last 64 of them, in order. */
static void test_recent(void **state) {
    (void)state;
    enum { FACTS = 100 };
    cg_partition used;
    make_partition(&used, 0);
    cg_error error = {0};
    bool gone[FACTS + 1] = {false};
    for (uint32_t i = 1; i <= FACTS; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "f%u, of w%ua", i, i);
        add(&used, text, i);
    }
    static const uint32_t order[] = {100, 37, 36, 38, 1, 99, 70, 35, 71, 2, 98, 97, 96, 50};
    for (size_t removal = 0; removal < sizeof order / sizeof *order; removal++) {
        assert_ok(take_out(&used, order[removal], &error), error);
        gone[order[removal]] = true;
        uint32_t held =
            used.recent.count < CG_RECENT_MAX ? used.recent.count : (uint32_t)CG_RECENT_MAX;
        assert_int_equal(held, CG_RECENT_MAX);
        uint32_t expected = FACTS + 1;
        for (uint32_t i = held; i-- > 0;) { /* latest first */
            do {
                expected--;
            } while (gone[expected]);
            uint32_t at = (used.recent.count - held + i) % CG_RECENT_MAX;
            assert_int_equal(used.recent.rows[at], expected);
            assert_int_equal(used.recent.times_ns[at],
                             plan_start_ns + expected * UINT64_C(1000000));
        }
    }
    for (uint32_t i = 1; i <= FACTS; i++) {
        if (!gone[i]) {
            assert_ok(take_out(&used, i, &error), error);
        }
    }
    assert_int_equal(used.recent.count, 0);
    cg_partition_deinit(&used);
}

/* Goal: what was learned from a fact stays learned when it goes. */
static void test_learned_stays(void **state) {
    (void)state;
    cg_partition used;
    make_partition(&used, 0);
    cg_error error = {0};
    float dense[32] = {1.0f};
    cg_log_record record = {.id = {.epoch = 1, .number = 1},
                            .request_id = 1,
                            .target = 20,
                            .has_learned = true,
                            .learned = corpus.learned,
                            .dims = 32,
                            .dense = dense,
                            .text = "lesson",
                            .text_bytes = 6};
    record.learned.lessons += 1;
    assert_ok(apply_record(&used, &record, &error), error);
    assert_ok(take_out(&used, 1, &error), error);
    assert_int_equal(used.learned.lessons, corpus.learned.lessons + 1);
    cg_partition_deinit(&used);
}

static void add_many(cg_partition *used, uint32_t facts) {
    for (uint32_t i = 0; i < facts; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "f%u h%u, of w%ua w%ub", i, i % 3, i % 9, i % 7);
        add(used, text, i % 40);
    }
}

/* An allocator that, once armed, fails at its n-th call, and from then on if it is to stay out of
 * memory. */
typedef struct scarce {
    cg_counting_allocator counting;
    cg_allocator inner; /* the counting one */
    uint64_t left;      /* calls until the failure; 0: never */
    bool stays;
    bool failed;
} scarce;

static void *scarce_reallocate(void *context, void *block, size_t old_bytes, size_t new_bytes) {
    scarce *self = context;
    bool frees = new_bytes == 0;
    if (!frees && ((self->stays && self->failed) || (self->left > 0 && --self->left == 0))) {
        self->failed = true;
        return NULL;
    }
    return self->inner.reallocate(self->inner.context, block, old_bytes, new_bytes);
}

/* The hash after the last of so many removals, the n-th allocation of which fails; 0 when it was
 * told to have failed. */
static uint64_t removal_with(scarce *memory, uint32_t removals, uint64_t nth, bool stays) {
    cg_error error = {0};
    cg_partition used;
    *memory = (scarce){.stays = stays};
    cg_counting_allocator_init(&memory->counting, cg_allocator_heap());
    memory->inner = cg_counting_allocator_view(&memory->counting);
    cg_allocator allocator = memory->inner;
    allocator.context = memory;
    allocator.reallocate = scarce_reallocate;
    make_partition_from(&used, 0, allocator);
    add_many(&used, 32);
    for (uint64_t sequence = 1; sequence <= removals; sequence++) {
        assert_ok(take_out(&used, sequence, &error), error);
    }
    memory->left = nth;
    cg_status status = take_out(&used, 32, &error);
    memory->left = 0;
    uint64_t hash = 0;
    if (status == CG_OK) {
        hash = cg_partition_hash(&used);
    } else {
        assert_int_equal(status, CG_ERROR_MEMORY);
        assert_true(error.message[0] != '\0');
    }
    cg_partition_deinit(&used);
    assert_int_equal(memory->counting.live_bytes, 0);
    return hash;
}

/* Goal: whichever allocation of a removal fails, in whatever state the partition is, the failure is
 * told, nothing leaks, and the partition can be freed; and a removal that is told to be done has
 * the state of one that met no failure, the repair of the index among it. */
static void test_memory(void **state) {
    (void)state;
    uint32_t fails = 0;
    scarce memory;
    for (uint32_t removals = 0; removals < 14; removals++) {
        uint64_t expected = removal_with(&memory, removals, 0, false);
        for (int stays = 0; stays <= 1; stays++) {
            for (uint64_t nth = 1;; nth++) {
                uint64_t hash = removal_with(&memory, removals, nth, stays > 0);
                assert_true(hash == expected || (hash == 0 && memory.failed));
                fails += hash == 0;
                if (!memory.failed) {
                    break;
                }
            }
        }
    }
    assert_true(fails > 14);
}

static int set_up(void **state) {
    cg_error error = {0};
    return corpus_set_up(state) != 0 ||
           cg_cascade_scratch_alloc(cg_allocator_heap(), &scratch, &error) != CG_OK;
}

static int tear_down(void **state) {
    cg_cascade_scratch_free(scratch);
    return corpus_tear_down(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gone),     cmocka_unit_test(test_ids),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_removed_teacher),
        cmocka_unit_test(test_recent),   cmocka_unit_test(test_learned_stays),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
