/* Goal: every instruction set prices spike patterns as kernel.h defines it, one row and many, for
 * all dims, at the ends of the entries' and the unit's range. */
#include "tests/support/support.h"

#include <stdlib.h>
#include <string.h>

#include "engine/vector/kernel.h"
#include "tests/support/kernel_sets.h"

enum { GUARD = 4 };

/* Channel by channel, in 64 bits. */
static uint64_t spike_oracle(const int32_t *left, const int32_t *right, uint32_t dims,
                             uint64_t unit, uint32_t *fired) {
    uint64_t cost = 0;
    for (uint32_t d = 0; d < dims; d++) {
        for (int64_t sign = -1; sign <= 1; sign += 2) {
            int64_t a = left[d] * sign;
            int64_t b = right[d] * sign;
            uint64_t gap = (uint64_t)(a > b ? a - b : b - a);
            bool both = a > 0 && b > 0;
            uint32_t spikes = (uint32_t)(a > 0) + (uint32_t)(b > 0);
            cost += !both ? spikes * unit : gap < 2 * unit ? gap : 2 * unit;
            *fired += spikes;
        }
    }
    return cost;
}

/* Silent, at the ends of the range, at one place, or anywhere up to `most`. */
static int32_t draw_entry(cg_stream *stream, int32_t most) {
    int32_t size = 0;
    switch (cg_stream_next_below(stream, 6)) {
    case 0:
        break;
    case 1:
        size = cg_stream_next_below(stream, 2) ? most : 1;
        break;
    case 2:
        size = most / 2 + 1;
        break;
    default:
        size = 1 + (int32_t)cg_stream_next_below(stream, (uint64_t)most);
    }
    return cg_stream_next_below(stream, 2) ? size : -size;
}

enum { SPIKE_DIMS = 260, SPIKE_ROWS = 23 };

typedef struct spike_round {
    int32_t query[SPIKE_DIMS];
    int32_t table[SPIKE_ROWS][SPIKE_DIMS];
    const int32_t *rows[SPIKE_ROWS];
    cg_spike_batch batch;
} spike_round;

static void draw_spikes(cg_stream *stream, uint32_t dims, uint32_t count, spike_round *round) {
    int32_t most = 1 << cg_stream_next_below(stream, 31);
    most += most == 1 << 30; /* the last tick of the longest window */
    uint64_t unit_most = UINT32_MAX / 2 / (dims + 1);
    unit_most = unit_most < (1u << 30) - 1 ? unit_most : (1u << 30) - 1;
    uint32_t unit = cg_stream_next_below(stream, 3) == 0
                        ? (uint32_t)unit_most
                        : 1 + (uint32_t)cg_stream_next_below(stream, unit_most);
    for (uint32_t d = 0; d < dims; d++) {
        round->query[d] = draw_entry(stream, most);
        for (uint32_t r = 0; r < SPIKE_ROWS; r++) {
            round->table[r][d] = draw_entry(stream, most);
        }
    }
    for (uint32_t r = 0; r < SPIKE_ROWS; r++) { /* some the query itself, some more than once */
        uint64_t from = cg_stream_next_below(stream, SPIKE_ROWS + 1);
        round->rows[r] = from < SPIKE_ROWS ? round->table[from] : round->query;
    }
    round->batch = (cg_spike_batch){round->rows, count, dims, unit};
}

static void check_spikes(const kernel_sets *sets, const spike_round *round) {
    const cg_spike_batch *batch = &round->batch;
    for (int s = 0; s < sets->count; s++) {
        uint32_t costs[SPIKE_ROWS + GUARD];
        uint32_t spikes[SPIKE_ROWS + GUARD];
        memset(costs, 0x55, sizeof costs);
        memset(spikes, 0x55, sizeof spikes);
        sets->set[s]->spike_cost_i32_many(round->query, batch, costs, spikes);
        for (uint32_t i = 0; i < SPIKE_ROWS + GUARD; i++) {
            uint64_t cost = 0x55555555;
            uint32_t fired = 0x55555555;
            if (i < batch->count) {
                fired = 0;
                cost = spike_oracle(round->query, batch->rows[i], batch->dims, batch->unit,
                                    &fired);
                uint32_t one = 7;
                assert_int_equal(sets->set[s]->spike_cost_i32(round->query, batch->rows[i],
                                                              batch->dims, batch->unit, &one),
                                 cost);
                assert_int_equal(one, fired + 7);
            }
            if (costs[i] != cost || spikes[i] != fired) {
                fail_msg("%s, %u dims, unit %u: row %u of %u costs %u of %u spikes, not %llu "
                         "of %u",
                         sets->set[s]->name, batch->dims, batch->unit, i, batch->count,
                         costs[i], spikes[i], (unsigned long long)cost, fired);
            }
        }
    }
}

static void test_batches_of_spikes_agree(void **state) {
    (void)state;
    kernel_sets sets = sets_here();
    cg_stream stream = cg_stream_init(support_seed(5), "kernel_test.spike_batches", 0);
    spike_round *round = malloc(sizeof *round);
    assert_non_null(round);
    for (uint32_t dims = 0; dims <= SPIKE_DIMS; dims++) {
        uint32_t count = (uint32_t)cg_stream_next_below(&stream, SPIKE_ROWS + 1);
        draw_spikes(&stream, dims, count, round);
        check_spikes(&sets, round);
    }
    for (uint32_t count = 0; count <= SPIKE_ROWS; count++) {
        draw_spikes(&stream, 128, count, round);
        check_spikes(&sets, round);
    }
    free(round);
}

/* The three prices: a gap, one spike alone, and two of one axis's channels, each at its edge. */
static void test_known_spikes(void **state) {
    (void)state;
    enum { END = (1 << 30) + 1, UNIT = 100 };
    static const int32_t left[8] = {5, -5, 0, 9, 1, 1, END, -END};
    static const int32_t right[8] = {25, 5, -3, 0, 200, 202, -END, -1};
    static const uint32_t costs[8] = {20, 200, 100, 100, 199, 200, 200, 200};
    kernel_sets sets = sets_here();
    for (int s = 0; s < sets.count; s++) {
        for (uint32_t d = 0; d < 8; d++) {
            int32_t wide[2][16] = {{[0] = left[d], [15] = left[d]},
                                   {[0] = right[d], [15] = right[d]}};
            uint32_t fired = 0;
            uint32_t expected = 2 * ((uint32_t)(left[d] != 0) + (uint32_t)(right[d] != 0));
            assert_int_equal(sets.set[s]->spike_cost_i32(wide[0], wide[1], 16, UNIT, &fired),
                             2 * costs[d]);
            assert_int_equal(fired, expected);
            assert_int_equal(sets.set[s]->spike_cost_i32(wide[1], wide[0], 16, UNIT, &fired),
                             2 * costs[d]);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batches_of_spikes_agree),
        cmocka_unit_test(test_known_spikes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
