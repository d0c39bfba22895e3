/* Goal: the structures of engine/base behave like naive ones under random programs of
 * operations, and the random draws have the distributions that they claim. */
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/bytes.h"
#include "engine/base/heap.h"
#include "engine/base/histogram.h"
#include "engine/base/map.h"
#include "engine/base/math.h"

static cg_error error;

/* ---- heap against the smallest of an unsorted array ---- */

static void heap_gives_entries_in_order(void **state) {
    (void)state;
    enum { PROGRAMS = 40, STEPS = 600 };
    cg_stream stream = cg_stream_init(support_seed(11), "test.heap", 0);
    for (int program = 0; program < PROGRAMS; program++) {
        cg_heap heap;
        cg_heap_init(&heap, cg_allocator_heap());
        static cg_heap_entry naive[STEPS];
        size_t count = 0;
        uint64_t push_of_10 = 3 + cg_stream_next_below(&stream, 5);
        for (uint64_t step = 0; step < STEPS; step++) {
            if (cg_stream_next_below(&stream, 10) < push_of_10) {
                cg_heap_entry entry = {.time_ns = cg_stream_next_below(&stream, 20),
                                       .sender = cg_stream_next_below(&stream, 4),
                                       .sequence = step,
                                       .payload = &naive[step]};
                naive[count++] = entry;
                assert_ok(cg_heap_push(&heap, entry, &error), error);
            } else {
                cg_heap_entry got = {0};
                cg_heap_entry peeked = {0};
                assert_int_equal(cg_heap_peek(&heap, &peeked), count > 0);
                assert_int_equal(cg_heap_pop(&heap, &got), count > 0);
                if (count > 0) {
                    size_t least = 0;
                    for (size_t i = 1; i < count; i++) {
                        if (cg_heap_entry_compare(&naive[i], &naive[least]) < 0) {
                            least = i;
                        }
                    }
                    assert_int_equal(cg_heap_entry_compare(&got, &naive[least]), 0);
                    assert_int_equal(cg_heap_entry_compare(&got, &peeked), 0);
                    assert_ptr_equal(got.payload, naive[least].payload);
                    naive[least] = naive[--count];
                }
            }
            assert_int_equal(heap.count, count);
        }
        cg_heap_deinit(&heap);
    }
}

/* ---- map and table against an array indexed by key ---- */

enum { KEYS = 300 };

/* Dense small keys (0 among them), and keys at both ends of the range and far apart. */
static uint64_t key_of(uint64_t index, int spread) {
    return spread ? index * (UINT64_MAX / (KEYS - 1)) : index;
}

typedef struct naive_map {
    bool present[KEYS];
    uint64_t value[KEYS];
    size_t count;
} naive_map;

static void check_iteration(const cg_map *map, const naive_map *naive, int spread) {
    uint64_t from = 0;
    bool more = true;
    for (uint64_t i = 0; i < KEYS; i++) {
        if (!naive->present[i]) {
            continue;
        }
        uint64_t key = 0;
        uint64_t value = 0;
        assert_true(more);
        assert_true(cg_map_next(map, from, &key, &value));
        assert_int_equal(key, key_of(i, spread));
        assert_int_equal(value, naive->value[i]);
        more = key < UINT64_MAX;
        from = key + 1;
    }
    uint64_t key = 77;
    uint64_t value = 78;
    if (more) {
        assert_false(cg_map_next(map, from, &key, &value));
        assert_int_equal(key, 77);
        assert_int_equal(value, 78);
    }
}

static void run_map_program(cg_stream *stream, cg_map *map, cg_table *table, int spread) {
    static naive_map naive;
    memset(&naive, 0, sizeof naive);
    uint64_t put_of_10 = 2 + cg_stream_next_below(stream, 6);
    for (int step = 0; step < 2000; step++) {
        uint64_t index = cg_stream_next_below(stream, KEYS);
        uint64_t key = key_of(index, spread);
        if (cg_stream_next_below(stream, 10) < put_of_10) {
            uint64_t value = cg_stream_next(stream);
            assert_ok(cg_map_put(map, key, value, &error), error);
            assert_ok(cg_table_put(table, key, value, &error), error);
            naive.count += !naive.present[index];
            naive.present[index] = true;
            naive.value[index] = value;
        } else {
            assert_int_equal(cg_map_remove(map, key), naive.present[index]);
            assert_int_equal(cg_table_remove(table, key), naive.present[index]);
            naive.count -= naive.present[index];
            naive.present[index] = false;
        }
        assert_int_equal(cg_map_count(map), naive.count);
        assert_int_equal(cg_table_count(table), naive.count);
        index = cg_stream_next_below(stream, KEYS);
        uint64_t in_map = 5;
        uint64_t in_table = 5;
        assert_int_equal(cg_map_get(map, key_of(index, spread), &in_map), naive.present[index]);
        assert_int_equal(cg_table_get(table, key_of(index, spread), &in_table),
                         naive.present[index]);
        assert_int_equal(in_map, naive.present[index] ? naive.value[index] : 5);
        assert_int_equal(in_table, in_map);
        if (step % 100 == 0) {
            check_iteration(map, &naive, spread);
        }
    }
    check_iteration(map, &naive, spread);
    for (uint64_t i = 0; i < KEYS; i++) {
        uint64_t value = 0;
        assert_int_equal(cg_table_get(table, key_of(i, spread), &value), naive.present[i]);
        assert_true(!naive.present[i] || value == naive.value[i]);
    }
}

static void map_and_table_hold_what_was_put(void **state) {
    (void)state;
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_allocator view = cg_counting_allocator_view(&counting);
    cg_stream stream = cg_stream_init(support_seed(12), "test.map", 0);
    for (int program = 0; program < 30; program++) {
        cg_map *map = NULL;
        cg_table *table = NULL;
        assert_ok(cg_map_alloc(view, &map, &error), error);
        uint64_t map_bytes = counting.live_bytes;
        assert_ok(cg_table_alloc(view, &table, &error), error);
        assert_int_equal(cg_table_bytes(table), counting.live_bytes - map_bytes);
        run_map_program(&stream, map, table, program % 2);
        cg_map_free(map);
        assert_int_equal(cg_table_bytes(table), counting.live_bytes);
        cg_table_free(table);
        assert_int_equal(counting.live_bytes, 0);
    }
}

/* Ascending keys are the worst case of a plain search tree: without balance the 200,000 puts
 * would visit 2 * 10^10 nodes and pass the time limit of the test. */
static void map_and_table_stay_fast_on_ascending_keys(void **state) {
    (void)state;
    enum { MANY = 200000 };
    cg_map *map = NULL;
    cg_table *table = NULL;
    assert_ok(cg_map_alloc(cg_allocator_heap(), &map, &error), error);
    assert_ok(cg_table_alloc(cg_allocator_heap(), &table, &error), error);
    for (uint64_t key = 0; key < MANY; key++) {
        assert_ok(cg_map_put(map, key, ~key, &error), error);
        assert_ok(cg_table_put(table, key, ~key, &error), error);
    }
    for (uint64_t key = 0; key < MANY; key += 2) {
        assert_true(cg_map_remove(map, key));
        assert_true(cg_table_remove(table, key));
    }
    uint64_t from = 0;
    for (uint64_t expected = 1; expected < MANY; expected += 2) {
        uint64_t key = 0;
        uint64_t value = 0;
        assert_true(cg_map_next(map, from, &key, &value));
        assert_int_equal(key, expected);
        assert_true(cg_table_get(table, key, &value));
        assert_int_equal(value, ~key);
        assert_false(cg_table_get(table, key - 1, &value));
        from = key + 1;
    }
    cg_map_free(map);
    cg_table_free(table);
}

/* ---- histogram against the sorted values ---- */

static int compare_u64(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

static void check_quantiles(const cg_histogram *histogram, const uint64_t *sorted,
                            size_t count) {
    static const double quantiles[] = {0.0, 0.001, 0.1, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0};
    assert_int_equal(histogram->min, sorted[0]);
    assert_int_equal(histogram->max, sorted[count - 1]);
    for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++) {
        double product = quantiles[i] * (double)count;
        size_t rank = (size_t)product;
        rank += (double)rank < product;
        uint64_t exact = sorted[rank < 1 ? 0 : rank - 1];
        uint64_t got = cg_histogram_quantile(histogram, quantiles[i]);
        uint64_t difference = got > exact ? got - exact : exact - got;
        if (exact < 2048 ? difference != 0 : difference > exact / 2048 + 1) {
            fail_msg("quantile %g of %zu values: %llu, exact %llu", quantiles[i], count,
                     (unsigned long long)got, (unsigned long long)exact);
        }
    }
}

static void assert_same_histogram(const cg_histogram *a, const cg_histogram *b) {
    assert_int_equal(a->total, b->total);
    assert_int_equal(a->min, b->min);
    assert_int_equal(a->max, b->max);
    assert_int_equal(a->bucket_count, b->bucket_count);
    assert_memory_equal(a->buckets, b->buckets, a->bucket_count * sizeof *a->buckets);
    assert_memory_equal(a->counts, b->counts, a->bucket_count * sizeof *a->counts);
}

static void histogram_is_close_merges_and_round_trips(void **state) {
    (void)state;
    enum { VALUES = 3000 };
    static uint64_t values[VALUES];
    cg_stream stream = cg_stream_init(support_seed(13), "test.histogram", 0);
    for (int program = 0; program < 20; program++) {
        cg_histogram whole;
        cg_histogram parts[3];
        cg_histogram_init(&whole, cg_allocator_heap());
        for (int i = 0; i < 3; i++) {
            cg_histogram_init(&parts[i], cg_allocator_heap());
        }
        size_t count = 1 + (size_t)cg_stream_next_below(&stream, VALUES);
        uint64_t shift = cg_stream_next_below(&stream, 64);
        for (size_t i = 0; i < count; i++) {
            values[i] = cg_stream_next(&stream) >> shift;
            values[i] >>= program % 2 ? cg_stream_next_below(&stream, 64 - shift) : 0;
            assert_ok(cg_histogram_record(&whole, values[i], 1, &error), error);
            cg_histogram *part = &parts[cg_stream_next_below(&stream, 3)];
            assert_ok(cg_histogram_record(part, values[i], 1, &error), error);
        }
        qsort(values, count, sizeof *values, compare_u64);
        check_quantiles(&whole, values, count);
        double sum = 0.0;
        for (size_t i = 0; i < count; i++) {
            sum += (double)values[i];
        }
        double mean = sum / (double)count;
        double mean_error = cg_histogram_mean(&whole) - mean;
        assert_true(mean_error * mean_error <= mean * mean * 1e-6);

        assert_ok(cg_histogram_merge(&parts[0], &parts[1], &error), error);
        assert_ok(cg_histogram_merge(&parts[2], &parts[0], &error), error);
        assert_same_histogram(&parts[2], &whole);

        size_t length = cg_histogram_format(&whole, NULL, 0);
        char *text = malloc(length + 1);
        char *again = malloc(length + 1);
        assert_non_null(text);
        assert_non_null(again);
        assert_int_equal(cg_histogram_format(&whole, text, length + 1), length);
        assert_ok(cg_histogram_parse(&parts[0], text, &error), error);
        assert_same_histogram(&parts[0], &whole);
        cg_histogram_format(&parts[0], again, length + 1);
        assert_string_equal(text, again);
        free(text);
        free(again);

        assert_ok(cg_histogram_merge(&whole, &whole, &error), error);
        assert_int_equal(whole.total, 2 * count);
        cg_histogram_deinit(&whole);
        for (int i = 0; i < 3; i++) {
            cg_histogram_deinit(&parts[i]);
        }
    }
}

/* Altered text either is refused or is canonical: it formats to itself. */
static void histogram_parse_accepts_only_what_format_writes(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(14), "test.histogram.text", 0);
    static const char alphabet[] = "0123456789: v-\n";
    int accepted = 0;
    for (int program = 0; program < 20000; program++) {
        char text[64] = "v1 3 5000 3:2 17:1 2496:4 3298:1";
        size_t size = strlen(text);
        for (uint64_t i = 1 + cg_stream_next_below(&stream, 2); i > 0; i--) {
            text[cg_stream_next_below(&stream, size)] =
                alphabet[cg_stream_next_below(&stream, sizeof alphabet - 1)];
        }
        cg_histogram histogram;
        cg_histogram_init(&histogram, cg_allocator_heap());
        if (cg_histogram_parse(&histogram, text, &error) == CG_OK) {
            char again[128];
            accepted++;
            cg_histogram_format(&histogram, again, sizeof again);
            assert_string_equal(again, text);
        }
        cg_histogram_deinit(&histogram);
    }
    assert_in_range(accepted, 100, 19000);
}

/* ---- bytes ---- */

typedef struct item {
    uint64_t kind; /* 0-3: words of 1, 2, 4, 8 bytes; 4: float; 5: bytes */
    uint64_t word;
    uint8_t bytes[16];
    size_t size_bytes;
} item;

static item random_item(cg_stream *stream) {
    static const size_t sizes[5] = {1, 2, 4, 8, 4};
    item made = {.kind = cg_stream_next_below(stream, 6), .word = cg_stream_next(stream)};
    made.size_bytes =
        made.kind < 5 ? sizes[made.kind] : (size_t)cg_stream_next_below(stream, 17);
    for (size_t i = 0; i < sizeof made.bytes; i++) {
        made.bytes[i] = (uint8_t)cg_stream_next(stream);
    }
    return made;
}

static float float_of(uint64_t word) {
    return (float)(word % 1000003) / 7.0f;
}

static void write_item(cg_writer *writer, const item *it) {
    switch (it->kind) {
    case 0:
        cg_write_u8(writer, (uint8_t)it->word);
        break;
    case 1:
        cg_write_u16(writer, (uint16_t)it->word);
        break;
    case 2:
        cg_write_u32(writer, (uint32_t)it->word);
        break;
    case 3:
        cg_write_u64(writer, it->word);
        break;
    case 4:
        cg_write_f32(writer, float_of(it->word));
        break;
    default:
        cg_write_bytes(writer, it->bytes, it->size_bytes);
        break;
    }
}

static void read_item(cg_reader *reader, const item *it, bool ok) {
    const uint8_t *bytes = NULL;
    switch (it->kind) {
    case 0:
        assert_int_equal(cg_read_u8(reader), ok ? (uint8_t)it->word : 0);
        break;
    case 1:
        assert_int_equal(cg_read_u16(reader), ok ? (uint16_t)it->word : 0);
        break;
    case 2:
        assert_int_equal(cg_read_u32(reader), ok ? (uint32_t)it->word : 0);
        break;
    case 3:
        assert_int_equal(cg_read_u64(reader), ok ? it->word : 0);
        break;
    case 4:
        assert_true(cg_read_f32(reader) == (ok ? float_of(it->word) : 0.0f));
        break;
    default:
        bytes = cg_read_bytes(reader, it->size_bytes);
        assert_int_equal(bytes != NULL, ok);
        if (ok) {
            assert_memory_equal(bytes, it->bytes, it->size_bytes);
        }
        break;
    }
}

/* Blocks of exactly the capacity from malloc, so that the address sanitizer sees an access
 * outside. */
static void bytes_round_trip_within_bounds(void **state) {
    (void)state;
    enum { ITEMS = 24 };
    cg_stream stream = cg_stream_init(support_seed(15), "test.bytes", 0);
    for (int program = 0; program < 3000; program++) {
        item items[ITEMS];
        size_t total = 0;
        for (int i = 0; i < ITEMS; i++) {
            items[i] = random_item(&stream);
            total += items[i].size_bytes;
        }
        size_t capacity =
            program % 3 ? (size_t)cg_stream_next_below(&stream, total + 1) : total;
        uint8_t *block = malloc(capacity ? capacity : 1);
        assert_non_null(block);
        cg_writer writer = cg_writer_init(block, capacity);
        size_t used = 0;
        int written = 0;
        bool failed = false;
        for (int i = 0; i < ITEMS; i++) {
            write_item(&writer, &items[i]);
            bool fits = items[i].size_bytes <= capacity - used;
            /* An empty byte string needs nothing, so it can neither fail nor write. */
            failed = failed || !fits;
            if (!failed) {
                used += items[i].size_bytes;
                written++;
            }
            assert_int_equal(writer.used_bytes, used);
            assert_int_equal(writer.failed, failed);
        }
        cg_reader reader = cg_reader_init(block, used);
        for (int i = 0; i < ITEMS; i++) {
            bool ok = i < written;
            if (i == written && items[i].size_bytes <= capacity - used) {
                break;
            }
            read_item(&reader, &items[i], ok);
            assert_int_equal(reader.failed, !ok);
            assert_true(reader.used_bytes <= used);
        }
        free(block);
    }
}

/* ---- draws ---- */

/* Chi-squared over cells of equal expectation, against its mean plus six deviations (df, sqrt(2
 * df)). */
static void assert_uniform(const uint64_t *counts, size_t cells, double expected,
                           const char *what) {
    double chi = 0.0;
    for (size_t i = 0; i < cells; i++) {
        double difference = (double)counts[i] - expected;
        chi += difference * difference / expected;
    }
    double freedom = (double)cells - 1.0;
    if (chi > freedom + 6.0 * cg_sqrt(2.0 * freedom)) {
        fail_msg("%s: chi-squared %g with %g degrees of freedom", what, chi, freedom);
    }
}

static void below_is_unbiased(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(16), "test.below", 0);
    static const uint64_t limits[] = {1, 2, 3, 7, 10, 64, 100};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        uint64_t counts[100] = {0};
        for (int draw = 0; draw < 50000; draw++) {
            uint64_t value = cg_stream_next_below(&stream, limits[i]);
            assert_true(value < limits[i]);
            counts[value]++;
        }
        if (limits[i] > 1) {
            assert_uniform(counts, (size_t)limits[i], 50000.0 / (double)limits[i], "below");
        }
    }
    /* With n = 3 * 2^62 a plain multiply-and-shift gives every third value twice; a third of
     * all draws has to be refused to prevent it, and each residue class must stay equally
     * likely. */
    uint64_t residues[3] = {0};
    for (int draw = 0; draw < 60000; draw++) {
        uint64_t value = cg_stream_next_below(&stream, UINT64_C(3) << 62);
        assert_true(value < UINT64_C(3) << 62);
        residues[value % 3]++;
    }
    assert_uniform(residues, 3, 20000.0, "below 3 * 2^62");
}

static void shuffle_gives_every_permutation_equally_often(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(17), "test.shuffle", 0);
    uint64_t counts[256] = {0};
    enum { DRAWS = 48000 };
    for (int draw = 0; draw < DRAWS; draw++) {
        uint32_t values[4] = {0, 1, 2, 3};
        cg_stream_shuffle_u32(&stream, values, 4);
        counts[values[0] | values[1] << 2 | values[2] << 4 | values[3] << 6]++;
    }
    uint64_t permutations[24];
    size_t seen = 0;
    for (size_t i = 0; i < 256; i++) {
        if (counts[i] > 0) {
            assert_true(seen < 24);
            permutations[seen++] = counts[i];
        }
    }
    assert_int_equal(seen, 24);
    assert_uniform(permutations, 24, DRAWS / 24.0, "shuffle");
    uint32_t big[1000];
    bool present[1000] = {false};
    for (uint32_t i = 0; i < 1000; i++) {
        big[i] = i;
    }
    cg_stream_shuffle_u32(&stream, big, 1000);
    for (uint32_t i = 0; i < 1000; i++) {
        assert_false(present[big[i]]);
        present[big[i]] = true;
    }
    cg_stream_shuffle_u32(&stream, NULL, 0);
}

static void real_draws_have_their_moments(void **state) {
    (void)state;
    enum { DRAWS = 200000 };
    cg_stream stream = cg_stream_init(support_seed(18), "test.moments", 0);
    double unit_sum = 0.0;
    double exponential_sum = 0.0;
    double normal_sum = 0.0;
    double normal_squares = 0.0;
    double normal_fourths = 0.0;
    for (int draw = 0; draw < DRAWS; draw++) {
        double unit = cg_stream_next_unit(&stream);
        assert_true(unit >= 0.0 && unit < 1.0);
        unit_sum += unit;
        double exponential = cg_stream_next_exponential(&stream, 4.0);
        assert_true(exponential >= 0.0 && exponential < 4.0 * 37.0);
        exponential_sum += exponential;
        double normal = cg_stream_next_normal(&stream);
        normal_sum += normal;
        normal_squares += normal * normal;
        normal_fourths += normal * normal * normal * normal;
    }
    /* Bounds of six deviations of each mean. */
    double root = cg_sqrt((double)DRAWS);
    double deviations[5] = {(unit_sum / DRAWS - 0.5) / cg_sqrt(1.0 / 12.0),
                            (exponential_sum / DRAWS - 4.0) / 4.0, normal_sum / DRAWS,
                            (normal_squares / DRAWS - 1.0) / cg_sqrt(2.0),
                            (normal_fourths / DRAWS - 3.0) / cg_sqrt(96.0)};
    for (int i = 0; i < 5; i++) {
        if (deviations[i] * root > 6.0 || deviations[i] * root < -6.0) {
            fail_msg("moment %d is off by %g deviations", i, deviations[i] * root);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heap_gives_entries_in_order),
        cmocka_unit_test(map_and_table_hold_what_was_put),
        cmocka_unit_test(map_and_table_stay_fast_on_ascending_keys),
        cmocka_unit_test(histogram_is_close_merges_and_round_trips),
        cmocka_unit_test(histogram_parse_accepts_only_what_format_writes),
        cmocka_unit_test(bytes_round_trip_within_bounds),
        cmocka_unit_test(below_is_unbiased),
        cmocka_unit_test(shuffle_gives_every_permutation_equally_often),
        cmocka_unit_test(real_draws_have_their_moments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
