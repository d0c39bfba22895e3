/* Goal: any history comes back from its lines as it was, to the byte; and lines that were mangled
 * are read as some history or refused with a line number, but never change what was there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/histories.h"

enum { CASES = 300, OPERATIONS_MAX = 60, MANGLED_CASES = 4000 };

static uint64_t wide(cg_stream *stream) {
    return cg_stream_next(stream) >> cg_stream_next_below(stream, 64);
}

static sim_operation random_operation(cg_stream *stream, uint64_t id) {
    sim_operation operation = {
        .id = id * 3,
        .key = wide(stream) >> 16,
        .invoke_ns = wide(stream) >> 2,
        .fact_id = wide(stream),
        .epoch = wide(stream),
        .client = (uint32_t)wide(stream),
        .host_asked = (uint32_t)wide(stream),
        .space = (uint32_t)wide(stream),
        .count = (uint32_t)cg_stream_next_below(stream, SIM_BATCH_FACTS_MAX + 1),
        .kind = (sim_operation_kind)cg_stream_next_below(stream, SIM_OPERATION_KIND_COUNT),
        .outcome = (sim_effect)cg_stream_next_below(stream, SIM_EFFECT_COUNT),
        .acknowledge = (sim_mode)cg_stream_next_below(stream, SIM_MODE_COUNT),
        .promised = cg_stream_next_below(stream, 2) == 0,
        .found = cg_stream_next_below(stream, 2) == 0,
        .has_value = cg_stream_next_below(stream, 2) == 0,
        .has_slot = cg_stream_next_below(stream, 2) == 0,
        .has_answer = cg_stream_next_below(stream, 2) == 0};
    bool open = operation.outcome == SIM_EFFECT_OPEN;
    operation.complete_ns = open ? SIM_TIME_NONE : operation.invoke_ns + (wide(stream) >> 2);
    operation.status = open ? CG_OK : (cg_status)cg_stream_next_below(stream, CG_STATUS_COUNT);
    operation.value = operation.has_value ? wide(stream) : 0;
    operation.slot = operation.has_slot ? wide(stream) : 0;
    operation.host_answered = operation.has_answer ? (uint32_t)wide(stream) : 0;
    return operation;
}

static sim_history *random_history(cg_stream *stream) {
    sim_history *history = history_new();
    uint64_t count = cg_stream_next_below(stream, OPERATIONS_MAX);
    for (uint64_t i = 0; i < count; ++i) {
        history_put(history, random_operation(stream, i));
    }
    return history;
}

static char *written(sim_history *history, size_t *size_bytes) {
    char *text = NULL;
    cg_error error = {0};
    FILE *file = open_memstream(&text, size_bytes);
    assert_non_null(file);
    assert_ok(sim_history_write(history, file, &error), error);
    fclose(file);
    return text;
}

static void lines_come_back_as_they_were(void **state) {
    (void)state;
    uint64_t seed = support_seed(20260720);
    for (uint64_t number = 0; number < CASES; ++number) {
        cg_stream stream = cg_stream_init(seed, "history.lines", number);
        cg_error error = {0};
        sim_history *history = random_history(&stream);
        sim_history *back = history_new();
        size_t size_bytes[2] = {0};
        char *text = written(history, &size_bytes[0]);
        assert_ok(sim_history_read(back, text, size_bytes[0], &error), error);
        char *again = written(back, &size_bytes[1]);
        assert_int_equal(size_bytes[0], size_bytes[1]);
        assert_memory_equal(text, again, size_bytes[0]);
        assert_int_equal(sim_history_count(back), sim_history_count(history));
        for (size_t i = 0; i < sim_history_count(back); ++i) {
            char line[SIM_HISTORY_LINE_BYTES];
            const sim_operation *one = &sim_history_operations(history)[i];
            const sim_operation *other = &sim_history_operations(back)[i];
            (void)sim_history_line(one, line);
            assert_true(support_contains(text, line));
            assert_true(one->id == other->id && one->key == other->key &&
                        one->value == other->value && one->slot == other->slot &&
                        one->complete_ns == other->complete_ns && one->kind == other->kind &&
                        one->status == other->status && one->found == other->found);
        }
        free(text);
        free(again);
        sim_history_free(history);
        sim_history_free(back);
    }
}

static void mangled_lines_change_nothing(void **state) {
    (void)state;
    uint64_t seed = support_seed(20260721);
    uint64_t refused = 0;
    for (uint64_t number = 0; number < MANGLED_CASES; ++number) {
        cg_stream stream = cg_stream_init(seed, "history.mangled", number);
        cg_error error = {0};
        sim_history *history = history_new();
        for (uint64_t i = 0; i < 3; ++i) {
            history_put(history, random_operation(&stream, i));
        }
        size_t size_bytes = 0;
        char *text = written(history, &size_bytes);
        sim_history *back = history_new();
        sim_operation first = history_ok(SIM_OPERATION_GET, 1, 1, 1, 1, 1);
        history_put(back, first);
        for (uint64_t changes = 1 + cg_stream_next_below(&stream, 3); changes > 0; --changes) {
            static const char likely[] = "0123456789\"{}:, \n\\nulltrefas";
            size_t at = (size_t)cg_stream_next_below(&stream, size_bytes);
            text[at] = likely[cg_stream_next_below(&stream, sizeof likely)];
        }
        size_bytes -= (size_t)cg_stream_next_below(&stream, 2) *
                      (size_t)cg_stream_next_below(&stream, size_bytes);
        cg_status status = sim_history_read(back, text, size_bytes, &error);
        if (status != CG_OK) {
            refused++;
            assert_true(status == CG_ERROR_CORRUPT || status == CG_ERROR_EXISTS);
            assert_true(support_contains(error.message, "line "));
            assert_int_equal(sim_history_count(back), 1);
        }
        assert_true(sim_history_find(back, 1, &first) && first.client == 1);
        free(text);
        sim_history_free(history);
        sim_history_free(back);
    }
    assert_true(refused > MANGLED_CASES / 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_back_as_they_were),
        cmocka_unit_test(mangled_lines_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
