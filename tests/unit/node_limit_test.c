/* Goal: decisions agree with exhaustive ones; a corpus is the same for any number of workers;
 * what cannot be a node or a corpus is refused; and memory that runs out anywhere is a status.
 */
#include "tests/support/rig.h"
#include "tests/support/runner.h"

/* --- decisions ------------------------------------------------------------------------------
 */

/* Goal: an exhaustive node agrees with every audit; a hierarchical one over the same corpus
 * with nearly every one, and its decision is never changed by being audited. */
static void test_audits(void **state) {
    (void)state;
    enum { FACTS = 100 };
    static const cg_strategy strategies[] = {CG_STRATEGY_DIRECT, CG_STRATEGY_HIERARCHICAL,
                                             CG_STRATEGY_HIERARCHICAL};
    uint64_t hashes[3];
    uint32_t agreed[3] = {0};
    for (int run = 0; run < 3; run++) {
        cg_stream stream = cg_stream_init(support_seed(12), "node.audit", 0);
        cg_node_options options = options_for(1, 0);
        options.cascade.strategy = strategies[run];
        rig used = make_rig_with(1, &options);
        for (uint32_t i = 0; i < FACTS; i++) {
            char text[SUPPORT_TEXT_BYTES];
            uint32_t size = support_fact_text(&stream, text);
            taken write = take(step(&used, 0,
                                    (cg_event){.kind = CG_EVENT_REQUEST,
                                               .id = i + 1,
                                               .bytes = (const uint8_t *)text,
                                               .size_bytes = size,
                                               .flags = run < 2 ? CG_REQUEST_AUDIT : 0}),
                               CG_OUTPUT_WRITE);
            cg_reply reply = take_reply(storage_done(&used, 0, write.output.id));
            assert_int_equal(reply.audited, run < 2);
            agreed[run] += reply.agreed;
            free(write.bytes);
            used.now_ns += MS;
        }
        hashes[run] = hash_of(&used, 0, 0);
        free_rig(&used);
    }
    assert_int_equal(agreed[0], FACTS);
    assert_true(agreed[1] >= 95);
    assert_int_equal(agreed[2], 0);
    assert_int_equal(hashes[1], hashes[2]);
}

/* Goal: the corpus is the same for any number of workers, in any order. */
static void test_corpus_workers(void **state) {
    (void)state;
    uint32_t workers = 3;
    support_disorder disorder;
    cg_runner runners[] = {cg_runner_serial(), support_threads(&workers),
                           support_disordered(&disorder, support_seed(3), 5)};
    for (int kind = CG_INDEX_FLAT; kind <= CG_INDEX_HNSW; kind++) {
        uint64_t hash = 0;
        for (size_t i = 0; i < 3; i++) {
            cg_corpus built;
            cg_error error = {0};
            assert_ok(support_corpus_build((cg_index_kind)kind, &runners[i],
                                           cg_allocator_heap(), &built, &error),
                      error);
            if (i == 0) {
                hash = cg_corpus_hash(&built);
            }
            assert_int_equal(cg_corpus_hash(&built), hash);
            cg_corpus_deinit(&built);
        }
    }
}

static void text_without_words(void *context, uint32_t row, const char **text,
                               uint32_t *text_bytes) {
    (void)context;
    *text = row == 7 ? "..." : "word";
    *text_bytes = row == 7 ? 3 : 4;
}

static bool never_go_on(void *context, double share) {
    (void)context;
    assert_true(share >= 0.0 && share <= 1.0);
    return false;
}

/* Goal: what cannot be a corpus is refused with the reason, and the graph stays the caller's.
 */
static void test_corpus_refused(void **state) {
    (void)state;
    cg_error error = {0};
    cg_allocator heap = cg_allocator_heap();
    cg_runner serial = cg_runner_serial();
    cg_corpus made;
    cg_graph *empty = NULL;
    cg_graph *graph = NULL;
    assert_ok(cg_graph_alloc(NULL, heap, &empty, &error), error);
    assert_ok(support_graph_build(heap, &graph, &error), error);
    cg_corpus_options options = {.embed = {.dims = 32, .feature_bits = 12, .seed = 1},
                                 .encoding = cg_ttfs_options_default(),
                                 .index = cg_index_options_default(CG_INDEX_FLAT, 32)};
    cg_corpus_source source = {.text = text_without_words};
    assert_status(cg_corpus_build(&options, empty, &source, &serial, &heap, &made, &error),
                  CG_ERROR_INVALID, error, "no concepts");
    assert_status(cg_corpus_build(&options, graph, &source, &serial, &heap, &made, &error),
                  CG_ERROR_INVALID, error, "row 7");
    source.proceed = never_go_on;
    assert_status(cg_corpus_build(&options, graph, &source, &serial, &heap, &made, &error),
                  CG_ERROR_INTERRUPTED, error, "interrupted");
    options.index.dims = 48;
    assert_status(cg_corpus_build(&options, graph, &source, &serial, &heap, &made, &error),
                  CG_ERROR_INVALID, error, "48");
    cg_graph_free(empty);
    cg_graph_free(graph);
}

/* --- options and memory ---------------------------------------------------------------------
 */

static void test_options_refused(void **state) {
    (void)state;
    cg_node_options bad[12];
    for (size_t i = 0; i < 12; i++) {
        bad[i] = options_for(2, 0);
    }
    bad[0].hosts = 0;
    bad[1].host = 2;
    bad[2].replicas = 2;
    bad[3].hosts = 1; /* with a replica */
    bad[4].tries = 0;
    bad[5].tries = 1 << 15;
    bad[6].timeout_ns = 0;
    bad[7].replicate_retry_ns = 0;
    bad[8].hosts = (1 << 16) + 1;
    bad[9].timeout_ns = UINT64_MAX;
    bad[10].retry_ns = UINT64_MAX / 2;
    bad[11].cascade.neighbours = 0;
    for (size_t i = 0; i < 12; i++) {
        cg_error error = {0};
        cg_node *node = NULL;
        assert_status(cg_node_alloc(&bad[i], &corpus, cg_allocator_heap(), &node, &error),
                      CG_ERROR_INVALID, error, "");
        assert_true(error.message[0] != 0);
        assert_null(node);
    }
    cg_node_free(NULL);
}

/* Goal: whichever allocation fails while a node or a corpus is made, the status says so and
 * nothing is left behind. */
static void test_alloc_memory(void **state) {
    (void)state;
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_allocator view = cg_counting_allocator_view(&counting);
    cg_node_options options = options_for(2, 0);
    cg_node *node = NULL;
    cg_error error = {0};
    uint64_t nth = 1;
    for (; !node; nth++) {
        counting.fail_at = nth;
        if (cg_node_alloc(&options, &corpus, view, &node, &error) != CG_OK) {
            assert_int_equal(error.status, CG_ERROR_MEMORY);
            assert_int_equal(counting.live_blocks, 0);
        }
    }
    assert_true(nth > 20);
    /* What a node says it holds leaves out small headers and padding only. */
    assert_true(cg_node_bytes(node) <= counting.live_bytes);
    assert_true(cg_node_bytes(node) >= counting.live_bytes / 100 * 99);
    cg_node_free(node);
    assert_int_equal(counting.live_bytes, 0);

    cg_runner serial = cg_runner_serial();
    bool built = false;
    for (nth = 1; !built; nth += 1 + nth / 64) {
        cg_corpus made;
        counting.fail_at = nth;
        cg_status status = support_corpus_build(CG_INDEX_HNSW, &serial, view, &made, &error);
        built = status == CG_OK;
        if (built) {
            cg_corpus_deinit(&made);
        } else {
            assert_int_equal(status, CG_ERROR_MEMORY);
        }
        counting.fail_at = 0;
        assert_int_equal(counting.live_blocks, 0);
    }
}

/* One run of requests, as gateway, primary and replica, in which the n-th allocation fails.
 * Returns whether any did. */
static bool run_out_of_memory(uint64_t nth) {
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_allocator view = cg_counting_allocator_view(&counting);
    cg_node *nodes[2] = {NULL, NULL};
    cg_outputs outputs[2];
    cg_error error = {0};
    for (uint32_t host = 0; host < 2; host++) {
        cg_node_options options = options_for(2, host);
        assert_ok(cg_node_alloc(&options, &corpus, view, &nodes[host], &error), error);
        cg_outputs_init(&outputs[host], view);
    }
    cg_stream stream = cg_stream_init(2, "node.memory", 0);
    cg_status status = CG_OK;
    counting.fail_at = nth;
    for (uint64_t id = 1; status == CG_OK && id <= 12; id++) {
        char text[SUPPORT_TEXT_BYTES];
        uint32_t size = support_fact_text(&stream, text);
        cg_event queue[32] = {{.kind = CG_EVENT_REQUEST,
                               .id = id,
                               .bytes = (const uint8_t *)text,
                               .size_bytes = size,
                               .flags = id % 2 ? CG_REQUEST_AUDIT : CG_REQUEST_LABELLED,
                               .label = 17}};
        uint32_t hosts[32] = {0};
        uint32_t used = 0;
        uint32_t queued = 1;
        while (status == CG_OK && used < queued) {
            uint32_t host = hosts[used];
            cg_event event = queue[used++];
            event.now_ns = id * MS;
            status = cg_node_step(nodes[host], &event, &outputs[host], &error);
            for (size_t i = 0; status == CG_OK && i < outputs[host].count && queued < 32; i++) {
                const cg_output *output = &outputs[host].items[i];
                if (output->kind == CG_OUTPUT_WRITE) {
                    hosts[queued] = host;
                    queue[queued++] =
                        (cg_event){.kind = CG_EVENT_STORAGE_DONE, .id = output->id};
                } else if (output->kind == CG_OUTPUT_SEND) {
                    uint8_t *copy = malloc(output->size_bytes);
                    assert_non_null(copy);
                    memcpy(copy, outputs[host].bytes + output->offset, output->size_bytes);
                    hosts[queued] = output->to;
                    queue[queued++] = (cg_event){.kind = CG_EVENT_MESSAGE,
                                                 .bytes = copy,
                                                 .size_bytes = output->size_bytes};
                }
            }
        }
        for (uint32_t i = 1; i < queued; i++) {
            free((void *)(uintptr_t)queue[i].bytes);
        }
    }
    if (status != CG_OK) {
        assert_int_equal(status, CG_ERROR_MEMORY);
        assert_int_equal(error.status, CG_ERROR_MEMORY);
        assert_true(error.message[0] != 0);
    } else {
        assert_true(cg_node_idle(nodes[0]) && cg_node_idle(nodes[1]));
    }
    for (uint32_t host = 0; host < 2; host++) {
        cg_outputs_deinit(&outputs[host]);
        cg_node_free(nodes[host]);
    }
    assert_int_equal(counting.live_bytes, 0);
    assert_int_equal(counting.live_blocks, 0);
    return status != CG_OK;
}

static void test_step_memory(void **state) {
    (void)state;
    uint64_t nth = 1;
    while (run_out_of_memory(nth)) {
        nth++;
    }
    assert_true(nth > 50);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_audits),         cmocka_unit_test(test_corpus_workers),
        cmocka_unit_test(test_corpus_refused), cmocka_unit_test(test_options_refused),
        cmocka_unit_test(test_alloc_memory),   cmocka_unit_test(test_step_memory),
    };
    return cmocka_run_group_tests(tests, rig_set_up, rig_tear_down);
}
