/* Goal: every known value and every rule that the headers of engine/base state holds, and every
 * failure of memory comes back as a status without a leak. */
#include "tests/support/support.h"

#include <float.h>
#include <string.h>

#include "engine/base/bytes.h"
#include "engine/base/clock.h"
#include "engine/base/hash.h"
#include "engine/base/heap.h"
#include "engine/base/histogram.h"
#include "engine/base/map.h"
#include "engine/base/math.h"
#include "engine/base/memory.h"
#include "engine/base/parallel.h"
#include "engine/base/prng.h"
#include "engine/base/work.h"

/* ---- status ---- */

static void every_status_has_its_own_name(void **state) {
    (void)state;
    assert_string_equal(cg_status_name(CG_OK), "ok");
    assert_string_equal(cg_status_name(CG_ERROR_TIMEOUT), "timeout");
    assert_string_equal(cg_status_name(CG_ERROR_NOT_FOUND), "not_found");
    assert_string_equal(cg_status_name(CG_STATUS_COUNT), "unknown");
    for (int i = 0; i < CG_STATUS_COUNT; i++) {
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(cg_status_name((cg_status)i), cg_status_name((cg_status)j));
        }
    }
}

static void error_is_one_line_and_can_be_prefixed(void **state) {
    (void)state;
    cg_error error = {0};
    assert_int_equal(cg_error_set(&error, CG_ERROR_FULL, "slot %d of %d", 7, 8), CG_ERROR_FULL);
    assert_int_equal(error.status, CG_ERROR_FULL);
    assert_string_equal(error.message, "slot 7 of 8");
    assert_int_equal(cg_error_prefix(&error, "host %s: ", "h1"), CG_ERROR_FULL);
    assert_string_equal(error.message, "host h1: slot 7 of 8");
    /* The old message may be an argument of the new one. */
    cg_error_set(&error, CG_ERROR_IO, "<%s>", error.message);
    assert_string_equal(error.message, "<host h1: slot 7 of 8>");
    cg_error_set(&error, CG_ERROR_INVALID, "key \"%s\"", "a\nb\tc");
    assert_string_equal(error.message, "key \"a b c\"");
}

static void long_error_is_truncated_inside_the_buffer(void **state) {
    (void)state;
    struct {
        cg_error error;
        uint8_t guard;
    } box = {.guard = 0xa5};
    char text[2 * CG_ERROR_MESSAGE_BYTES];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    cg_error_set(&box.error, CG_ERROR_IO, "%s", text);
    assert_int_equal(strlen(box.error.message), CG_ERROR_MESSAGE_BYTES - 1);
    cg_error_prefix(&box.error, "front: ");
    assert_int_equal(strlen(box.error.message), CG_ERROR_MESSAGE_BYTES - 1);
    assert_memory_equal(box.error.message, "front: xxx", 10);
    cg_error_prefix(&box.error, "%s", text);
    assert_int_equal(strlen(box.error.message), CG_ERROR_MESSAGE_BYTES - 1);
    assert_int_equal(box.guard, 0xa5);
}

static void error_may_be_null(void **state) {
    (void)state;
    assert_int_equal(cg_error_set(NULL, CG_ERROR_LAG, "%d", 1), CG_ERROR_LAG);
    assert_int_not_equal(cg_error_prefix(NULL, "%d", 1), CG_OK);
}

static jmp_buf assertion_jump;
static char assertion_text[64];

static void note_assertion(const char *condition, const char *file, int line) {
    (void)file;
    (void)line;
    strncpy(assertion_text, condition, sizeof assertion_text - 1);
    longjmp(assertion_jump, 1);
}

static void failed_assertion_reaches_the_handler(void **state) {
    (void)state;
    cg_assert_install(note_assertion);
    if (setjmp(assertion_jump) == 0) {
        CG_ASSERT(1 + 1 == 2);
        CG_ASSERT(1 + 1 == 3);
        fail_msg("the assertion returned");
    }
    cg_assert_install(NULL);
    assert_string_equal(assertion_text, "1 + 1 == 3");
}

/* ---- memory ---- */

static void allocation_is_zeroed_and_refuses_overflow(void **state) {
    (void)state;
    cg_allocator heap = cg_allocator_heap();
    uint64_t *words = cg_allocate(&heap, 100, sizeof *words);
    assert_non_null(words);
    assert_int_equal((uintptr_t)words % 16, 0);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(words[i], 0);
    }
    cg_deallocate(&heap, words, 100, sizeof *words);
    assert_null(cg_allocate(&heap, 0, 8));
    assert_null(cg_allocate(&heap, SIZE_MAX / 2, 3));
    cg_deallocate(&heap, NULL, 5, 8);
}

static void aligned_blocks_are_aligned_and_accounted(void **state) {
    (void)state;
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_allocator view = cg_counting_allocator_view(&counting);
    for (size_t bytes = 1; bytes < 300; bytes += 7) {
        uint8_t *block = cg_allocate_aligned(&view, bytes);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % 64, 0);
        for (size_t i = 0; i < bytes; i++) {
            assert_int_equal(block[i], 0);
        }
        memset(block, 0xff, bytes);
        cg_deallocate_aligned(&view, block, bytes);
        assert_int_equal(counting.live_bytes, 0);
        assert_int_equal(counting.live_blocks, 0);
    }
    assert_null(cg_allocate_aligned(&view, 0));
    assert_null(cg_allocate_aligned(&view, SIZE_MAX - 3));
}

static void counting_allocator_counts_and_fails_on_demand(void **state) {
    (void)state;
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_allocator view = cg_counting_allocator_view(&counting);
    void *first = cg_allocate(&view, 10, 10);
    void *second = cg_allocate(&view, 1, 50);
    assert_int_equal(counting.live_bytes, 150);
    assert_int_equal(counting.live_blocks, 2);
    cg_deallocate(&view, first, 10, 10);
    assert_int_equal(counting.live_bytes, 50);
    assert_int_equal(counting.peak_bytes, 150);
    assert_int_equal(counting.calls, 2);
    counting.fail_at = 2;
    void *third = cg_allocate(&view, 1, 8);
    assert_non_null(third);
    assert_null(cg_allocate(&view, 1, 8));
    void *fourth = cg_allocate(&view, 1, 8); /* fails once only */
    assert_non_null(fourth);
    cg_deallocate(&view, second, 1, 50);
    cg_deallocate(&view, third, 1, 8);
    cg_deallocate(&view, fourth, 1, 8);
    assert_int_equal(counting.live_bytes, 0);
    assert_int_equal(counting.live_blocks, 0);
}

static void grow_keeps_content_and_changes_nothing_on_failure(void **state) {
    (void)state;
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_allocator view = cg_counting_allocator_view(&counting);
    cg_error error = {0};
    void *array = NULL;
    size_t capacity = 0;
    assert_ok(cg_grow(&view, &array, &capacity, 3, sizeof(uint32_t), &error), error);
    assert_true(capacity >= 3);
    size_t old_capacity = capacity;
    uint32_t *values = array;
    for (size_t i = 0; i < capacity; i++) {
        assert_int_equal(values[i], 0);
        values[i] = (uint32_t)i + 1;
    }
    counting.fail_at = 1;
    assert_status(cg_grow(&view, &array, &capacity, 1000, sizeof(uint32_t), &error),
                  CG_ERROR_MEMORY, error, "1000 elements of 4 bytes");
    assert_ptr_equal(array, values);
    assert_int_equal(capacity, old_capacity);
    assert_ok(cg_grow(&view, &array, &capacity, capacity + 1, sizeof(uint32_t), &error), error);
    assert_int_equal(capacity, 2 * old_capacity);
    values = array;
    for (size_t i = 0; i < capacity; i++) {
        assert_int_equal(values[i], i < old_capacity ? i + 1 : 0);
    }
    assert_status(cg_grow(&view, &array, &capacity, SIZE_MAX / 2, sizeof(uint32_t), &error),
                  CG_ERROR_MEMORY, error, "does not fit the address space");
    values = array; /* the same, where the pointer has a type */
    assert_status(CG_GROW(&view, values, capacity, SIZE_MAX / 2, &error), CG_ERROR_MEMORY,
                  error, "does not fit the address space");
    assert_ptr_equal(values, array);
    old_capacity = capacity;
    assert_ok(CG_GROW(&view, values, capacity, old_capacity, &error), error);
    assert_ptr_equal(values, array);
    assert_ok(CG_GROW(&view, values, capacity, old_capacity + 1, &error), error);
    assert_int_equal(capacity, 2 * old_capacity);
    assert_int_equal(values[0], 1);
    assert_int_equal(values[old_capacity], 0);
    cg_deallocate(&view, values, capacity, sizeof(uint32_t));
    assert_int_equal(counting.live_bytes, 0);
}

static void arena_bumps_zeroes_and_remembers_its_high_water(void **state) {
    (void)state;
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_allocator view = cg_counting_allocator_view(&counting);
    cg_error error = {0};
    cg_arena arena = {0};
    assert_ok(cg_arena_init(&arena, &view, 100, &error), error);
    uint8_t *first = cg_arena_take(&arena, 10, 1);
    uint8_t *second = cg_arena_take(&arena, 4, 4);
    assert_non_null(first);
    assert_int_equal((uintptr_t)first % 16, 0);
    assert_ptr_equal(second, first + 16);
    assert_int_equal(arena.used_bytes, 32);
    memset(first, 0xff, 32);
    assert_null(cg_arena_take(&arena, 69, 1)); /* 68 are left */
    assert_null(cg_arena_take(&arena, SIZE_MAX, 2));
    assert_int_equal(arena.used_bytes, 32);
    assert_non_null(cg_arena_take(&arena, 68, 1));
    assert_null(cg_arena_take(&arena, 1, 1));
    cg_arena_reset(&arena);
    assert_int_equal(arena.used_bytes, 0);
    assert_int_equal(arena.high_water_bytes, 100);
    first = cg_arena_take(&arena, 32, 1);
    for (int i = 0; i < 32; i++) {
        assert_int_equal(first[i], 0);
    }
    cg_arena_deinit(&arena, &view);
    assert_int_equal(counting.live_bytes, 0);
    counting.fail_at = 1;
    assert_status(cg_arena_init(&arena, &view, 100, &error), CG_ERROR_MEMORY, error,
                  "arena of 100 bytes");
}

/* ---- hash ---- */

static void xxh64_known_values(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t seed;
        uint64_t hash;
    } known[] = {
        {"", 0, UINT64_C(0xef46db3751d8e999)},
        {"a", 0, UINT64_C(0xd24ec4f1a98c6e5b)},
        {"abc", 0, UINT64_C(0x44bc2cf5ad770999)},
        {"xxhash", 0, UINT64_C(0x32dd38952c4bc720)},
        {"xxhash", 20141025, UINT64_C(0xb559b98d844e0635)},
        {"Nobody inspects the spammish repetition", 0, UINT64_C(0xfbcea83c8a378bf1)},
        {"The quick brown fox jumps over the lazy dog", 0, UINT64_C(0x0b242d361fda71bc)},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        assert_int_equal(cg_hash_bytes(known[i].text, strlen(known[i].text), known[i].seed),
                         known[i].hash);
    }
}

static uint32_t crc_by_bits(const uint8_t *bytes, size_t size_bytes) {
    uint32_t crc = UINT32_C(0xffffffff);
    for (size_t i = 0; i < size_bytes; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ (crc & 1 ? UINT32_C(0x82f63b78) : 0);
        }
    }
    return ~crc;
}

static void crc32c_known_values_and_definition(void **state) {
    (void)state;
    uint8_t bytes[300];
    assert_int_equal(cg_crc32c("123456789", 9), UINT32_C(0xe3069283));
    assert_int_equal(cg_crc32c(NULL, 0), 0);
    memset(bytes, 0, 32);
    assert_int_equal(cg_crc32c(bytes, 32), UINT32_C(0x8a9136aa)); /* RFC 3720, B.4 */
    memset(bytes, 0xff, 32);
    assert_int_equal(cg_crc32c(bytes, 32), UINT32_C(0x62a8ab43));
    for (int i = 0; i < 32; i++) {
        bytes[i] = (uint8_t)i;
    }
    assert_int_equal(cg_crc32c(bytes, 32), UINT32_C(0x46dd794e));
    cg_stream stream = cg_stream_init(1, "test.crc", 0);
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)cg_stream_next(&stream);
    }
    for (size_t from = 0; from < 9; from++) {
        for (size_t size = 0; size + from <= sizeof bytes; size++) {
            assert_int_equal(cg_crc32c(bytes + from, size), crc_by_bits(bytes + from, size));
        }
    }
}

static void hash_u64_mixes_value_and_seed(void **state) {
    (void)state;
    /* Every input bit flips close to half of the output bits, whichever argument it is in. */
    for (int argument = 0; argument < 2; argument++) {
        for (int bit = 0; bit < 64; bit++) {
            int flipped = 0;
            for (uint64_t base = 0; base < 64; base++) {
                uint64_t other = base ^ (UINT64_C(1) << bit);
                uint64_t change = argument == 0 ? cg_hash_u64(base, 5) ^ cg_hash_u64(other, 5)
                                                : cg_hash_u64(5, base) ^ cg_hash_u64(5, other);
                for (; change; change &= change - 1) {
                    flipped++;
                }
            }
            assert_in_range(flipped, 64 * 32 - 300, 64 * 32 + 300);
        }
    }
    assert_int_not_equal(cg_hash_u64(0, 0), 0);
}

static void hasher_depends_on_order_length_and_value(void **state) {
    (void)state;
    cg_hasher a = cg_hasher_init();
    cg_hasher b = cg_hasher_init();
    cg_hasher_add_u64(&a, 1);
    cg_hasher_add_u64(&a, 2);
    cg_hasher_add_u64(&b, 2);
    cg_hasher_add_u64(&b, 1);
    assert_int_not_equal(cg_hasher_value(&a), cg_hasher_value(&b));
    a = cg_hasher_init();
    b = cg_hasher_init();
    cg_hasher_add_f32(&a, 0.0f);
    cg_hasher_add_f32(&b, -0.0f);
    assert_int_equal(cg_hasher_value(&a), cg_hasher_value(&b));
    cg_hasher_add_f64(&a, 0.0);
    cg_hasher_add_f64(&b, -0.0);
    assert_int_equal(cg_hasher_value(&a), cg_hasher_value(&b));
    cg_hasher_add_f64(&a, 1.0);
    cg_hasher_add_f64(&b, -1.0);
    assert_int_not_equal(cg_hasher_value(&a), cg_hasher_value(&b));
    a = cg_hasher_init();
    b = cg_hasher_init();
    cg_hasher_add_bytes(&a, "ab", 2);
    cg_hasher_add_bytes(&a, "c", 1);
    cg_hasher_add_bytes(&b, "a", 1);
    cg_hasher_add_bytes(&b, "bc", 2);
    assert_int_not_equal(cg_hasher_value(&a), cg_hasher_value(&b));
}

/* ---- prng ---- */

static void philox_known_answers(void **state) {
    (void)state;
    /* Random123, tests/kat_vectors, philox4x32 10. */
    static const struct {
        uint32_t counter[4];
        uint32_t key[2];
        uint32_t out[4];
    } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        uint32_t out[4];
        cg_philox4x32(known[i].counter, known[i].key, out);
        assert_memory_equal(out, known[i].out, sizeof out);
    }
}

static void stream_is_a_function_of_seed_name_entity_counter(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(7, "fabric.latency", UINT64_C(0x1122334455667788));
    assert_int_equal(stream.key, cg_hash_bytes("fabric.latency", 14, 7));
    const uint32_t key[2] = {(uint32_t)stream.key, (uint32_t)(stream.key >> 32)};
    const uint32_t counter[4] = {0xfffffffe, 0x9, 0x55667788, 0x11223344};
    uint32_t out[4];
    cg_philox4x32(counter, key, out);
    assert_int_equal(cg_stream_at(&stream, UINT64_C(0x9fffffffe)),
                     (uint64_t)out[0] | (uint64_t)out[1] << 32);
    assert_int_equal(stream.counter, 0);
    for (uint64_t i = 0; i < 10; i++) {
        assert_int_equal(cg_stream_at(&stream, i), cg_stream_next(&stream));
    }
    cg_stream seed = cg_stream_init(8, "fabric.latency", stream.entity);
    cg_stream name = cg_stream_init(7, "fabric.loss", stream.entity);
    cg_stream entity = cg_stream_init(7, "fabric.latency", stream.entity + 1);
    uint64_t draw = cg_stream_at(&stream, 0);
    assert_int_not_equal(draw, cg_stream_at(&seed, 0));
    assert_int_not_equal(draw, cg_stream_at(&name, 0));
    assert_int_not_equal(draw, cg_stream_at(&entity, 0));
}

/* ---- bytes ---- */

static void bytes_are_little_endian(void **state) {
    (void)state;
    uint8_t bytes[19];
    static const uint8_t expected[19] = {0x01, 0x03, 0x02, 0x07, 0x06, 0x05, 0x04,
                                         0x0f, 0x0e, 0x0d, 0x0c, 0x0b, 0x0a, 0x09,
                                         0x08, 0x00, 0x00, 0x80, 0x3f};
    cg_writer writer = cg_writer_init(bytes, sizeof bytes);
    cg_write_u8(&writer, 0x01);
    cg_write_u16(&writer, 0x0203);
    cg_write_u32(&writer, 0x04050607);
    cg_write_u64(&writer, UINT64_C(0x08090a0b0c0d0e0f));
    cg_write_f32(&writer, 1.0f);
    assert_false(writer.failed);
    assert_int_equal(writer.used_bytes, sizeof bytes);
    assert_memory_equal(bytes, expected, sizeof bytes);
    cg_write_bytes(&writer, NULL, 0);
    assert_false(writer.failed);
    cg_write_u8(&writer, 1);
    assert_true(writer.failed);
}

static void failure_sticks(void **state) {
    (void)state;
    uint8_t bytes[4] = {1, 2, 3, 4};
    cg_reader reader = cg_reader_init(bytes, sizeof bytes);
    assert_int_equal(cg_read_u16(&reader), 0x0201);
    assert_int_equal(cg_reader_left(&reader), 2);
    assert_int_equal(cg_read_u32(&reader), 0);
    assert_true(reader.failed);
    assert_int_equal(cg_read_u8(&reader), 0); /* though two bytes are there */
    assert_null(cg_read_bytes(&reader, 0));
    cg_writer writer = cg_writer_init(bytes, 2);
    cg_write_u32(&writer, 0);
    cg_write_u8(&writer, 9);
    assert_true(writer.failed);
    assert_int_equal(writer.used_bytes, 0);
    assert_int_equal(bytes[0], 1);
    reader = cg_reader_init(NULL, 0);
    assert_non_null(cg_read_bytes(&reader, 0));
    assert_false(reader.failed);
    assert_null(cg_read_bytes(&reader, SIZE_MAX));
    assert_true(reader.failed);
}

/* ---- clocks ---- */

static void lamport_is_past_both(void **state) {
    (void)state;
    cg_lamport clock = {0};
    assert_int_equal(cg_lamport_tick(&clock), 1);
    assert_int_equal(cg_lamport_receive(&clock, 10), 11);
    assert_int_equal(cg_lamport_receive(&clock, 3), 12);
    assert_int_equal(cg_lamport_receive(&clock, 12), 13);
    assert_int_equal(cg_lamport_receive(&clock, UINT64_MAX), UINT64_MAX);
    assert_int_equal(cg_lamport_tick(&clock), UINT64_MAX);
}

static void vector_clocks_order_partially(void **state) {
    (void)state;
    uint64_t a[3] = {1, 2, 3};
    const uint64_t b[3] = {1, 3, 3};
    const uint64_t c[3] = {2, 1, 3};
    assert_int_equal(cg_vector_clock_compare(a, a, 3), CG_ORDER_EQUAL);
    assert_int_equal(cg_vector_clock_compare(a, b, 3), CG_ORDER_BEFORE);
    assert_int_equal(cg_vector_clock_compare(b, a, 3), CG_ORDER_AFTER);
    assert_int_equal(cg_vector_clock_compare(a, c, 3), CG_ORDER_CONCURRENT);
    cg_vector_clock_merge(a, c, 3);
    const uint64_t merged[3] = {2, 2, 3};
    assert_memory_equal(a, merged, sizeof a);
}

static void assert_hlc(cg_hlc hlc, uint64_t physical_ns, uint32_t logical) {
    assert_int_equal(hlc.physical_ns, physical_ns);
    assert_int_equal(hlc.logical, logical);
}

static void hlc_follows_the_paper(void **state) {
    (void)state;
    cg_hlc clock = {0};
    assert_hlc(cg_hlc_tick(&clock, 10), 10, 0);
    assert_hlc(cg_hlc_tick(&clock, 10), 10, 1);
    assert_hlc(cg_hlc_tick(&clock, 8), 10, 2); /* physical time went back */
    /* The four cases of receive: all equal, local ahead, remote ahead, physical ahead. */
    assert_hlc(cg_hlc_receive(&clock, 9, (cg_hlc){10, 7}), 10, 8);
    assert_hlc(cg_hlc_receive(&clock, 9, (cg_hlc){5, 99}), 10, 9);
    assert_hlc(cg_hlc_receive(&clock, 9, (cg_hlc){20, 3}), 20, 4);
    assert_hlc(cg_hlc_receive(&clock, 30, (cg_hlc){20, 9}), 30, 0);
    assert_hlc(clock, 30, 0);
    /* A counter that is used up carries, so that the clock still moves on. */
    assert_hlc(cg_hlc_receive(&clock, 0, (cg_hlc){40, UINT32_MAX}), 41, 0);
    assert_int_equal(cg_hlc_compare((cg_hlc){1, 2}, (cg_hlc){1, 2}), 0);
    assert_int_equal(cg_hlc_compare((cg_hlc){1, 2}, (cg_hlc){1, 3}), -1);
    assert_int_equal(cg_hlc_compare((cg_hlc){2, 0}, (cg_hlc){1, 3}), 1);
}

/* ---- parallel and work ---- */

static void note_task(void *argument, uint32_t index, uint32_t worker) {
    uint32_t *next = argument;
    assert_int_equal(index, *next);
    assert_int_equal(worker, 0);
    ++*next;
}

static void serial_runner_runs_in_order(void **state) {
    (void)state;
    cg_runner runner = cg_runner_serial();
    uint32_t next = 0;
    assert_int_equal(runner.workers, 1);
    cg_runner_run(&runner, 0, note_task, &next);
    assert_int_equal(next, 0);
    cg_runner_run(&runner, 5, note_task, &next);
    assert_int_equal(next, 5);
}

static void work_adds_up(void **state) {
    (void)state;
    cg_work a = {0};
    cg_work b = {0};
    cg_work_count(&a, CG_WORK_DISTANCE_F32, 2, 96);
    cg_work_count(&b, CG_WORK_DISTANCE_F32, 3, 4);
    cg_work_count(&b, CG_WORK_DISK_WRITE, 1, 512);
    cg_work_count(NULL, CG_WORK_DISK_WRITE, 1, 1);
    cg_work_add(&a, &b);
    cg_work_add(&a, NULL);
    cg_work_add(NULL, &b);
    assert_int_equal(a.operations[CG_WORK_DISTANCE_F32], 5);
    assert_int_equal(a.units[CG_WORK_DISTANCE_F32], 100);
    assert_int_equal(a.units[CG_WORK_DISK_WRITE], 512);
    assert_string_equal(cg_work_kind_name(CG_WORK_DISTANCE_F32), "distance_f32");
    assert_string_equal(cg_work_kind_unit(CG_WORK_DISTANCE_F32), "dimension");
    assert_string_equal(cg_work_kind_name(CG_WORK_DISK_WRITE), "disk_write");
    assert_string_equal(cg_work_kind_unit(CG_WORK_DISK_WRITE), "byte");
    assert_string_equal(cg_work_kind_name(CG_WORK_KIND_COUNT), "unknown");
}

/* ---- histogram ---- */

static void histogram_quantiles_follow_their_definition(void **state) {
    (void)state;
    cg_error error = {0};
    cg_histogram histogram;
    cg_histogram_init(&histogram, cg_allocator_heap());
    assert_int_equal(cg_histogram_quantile(&histogram, 0.5), 0);
    assert_true(cg_histogram_mean(&histogram) == 0.0);
    for (uint64_t value = 1; value <= 100; value++) {
        assert_ok(cg_histogram_record(&histogram, value, 1, &error), error);
    }
    assert_int_equal(cg_histogram_quantile(&histogram, 0.0), 1);
    assert_int_equal(cg_histogram_quantile(&histogram, 0.005), 1);
    assert_int_equal(cg_histogram_quantile(&histogram, 0.011), 2);
    assert_int_equal(cg_histogram_quantile(&histogram, 0.5), 50);
    assert_int_equal(cg_histogram_quantile(&histogram, 0.95), 95);
    assert_int_equal(cg_histogram_quantile(&histogram, 0.99), 99);
    assert_int_equal(cg_histogram_quantile(&histogram, 1.0), 100);
    assert_true(cg_histogram_mean(&histogram) == 50.5);
    cg_histogram_reset(&histogram);
    /* Two values of one bucket: its middle is 1025 * 1024 + 512, the extremes stay exact. */
    assert_ok(cg_histogram_record(&histogram, 1025 * 1024 + 1000, 1, &error), error);
    assert_int_equal(cg_histogram_quantile(&histogram, 0.5), 1025 * 1024 + 1000);
    assert_ok(cg_histogram_record(&histogram, 1025 * 1024 + 1, 1, &error), error);
    assert_int_equal(histogram.bucket_count, 1);
    assert_int_equal(cg_histogram_quantile(&histogram, 0.5), 1025 * 1024 + 512);
    assert_int_equal(histogram.min, 1025 * 1024 + 1);
    assert_int_equal(histogram.max, 1025 * 1024 + 1000);
    cg_histogram_deinit(&histogram);
}

static void histogram_bucket_edges(void **state) {
    (void)state;
    static const struct {
        uint64_t value;
        const char *text;
    } known[] = {
        {0, "v1 0 0 0:1"},
        {2047, "v1 2047 2047 2047:1"},
        {2048, "v1 2048 2048 2048:1"},
        {2049, "v1 2049 2049 2048:1"},
        {4095, "v1 4095 4095 3071:1"},
        {4096, "v1 4096 4096 3072:1"},
        {UINT64_MAX, "v1 18446744073709551615 18446744073709551615 56319:1"},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        cg_error error = {0};
        cg_histogram histogram;
        char text[128];
        cg_histogram_init(&histogram, cg_allocator_heap());
        assert_ok(cg_histogram_record(&histogram, known[i].value, 1, &error), error);
        assert_int_equal(cg_histogram_format(&histogram, text, sizeof text),
                         strlen(known[i].text));
        assert_string_equal(text, known[i].text);
        assert_int_equal(cg_histogram_quantile(&histogram, 0.5), known[i].value);
        /* Like snprintf: full length, cut text, nothing behind the capacity. */
        char cut[6] = "?????";
        assert_int_equal(cg_histogram_format(&histogram, cut, 5), strlen(known[i].text));
        assert_memory_equal(cut, known[i].text, 4);
        assert_int_equal(cut[4], '\0');
        assert_int_equal(cg_histogram_format(&histogram, NULL, 0), strlen(known[i].text));
        cg_histogram_deinit(&histogram);
    }
}

static void histogram_text_that_is_not_canonical_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *text;
        cg_status status;
        const char *part;
    } bad[] = {
        {"", CG_ERROR_VERSION, "expected \"v1 \""},
        {"v2 0 0", CG_ERROR_VERSION, "v2 0 0"},
        {"v10 0 0", CG_ERROR_CORRUPT, "expected \"v1 MIN MAX\""},
        {"v1", CG_ERROR_CORRUPT, "byte 2"},
        {"v1  0 0", CG_ERROR_CORRUPT, "v1 MIN MAX"},
        {"v1 00 0", CG_ERROR_CORRUPT, "v1 MIN MAX"},
        {"v1 0 18446744073709551616", CG_ERROR_CORRUPT, "v1 MIN MAX"},
        {"v1 0 0 ", CG_ERROR_CORRUPT, "byte 6: expected \" BUCKET:COUNT\""},
        {"v1 0 1", CG_ERROR_CORRUPT, "min 0 and max 1"},
        {"v1 5 5 5:0", CG_ERROR_CORRUPT, "count 0"},
        {"v1 5 5 5:01", CG_ERROR_CORRUPT, "BUCKET:COUNT"},
        {"v1 5 5 5:+1", CG_ERROR_CORRUPT, "BUCKET:COUNT"},
        {"v1 5 5 5:1\n", CG_ERROR_CORRUPT, "BUCKET:COUNT"},
        {"v1 5 6 6:1 5:1", CG_ERROR_CORRUPT, "byte 10: bucket 5 is not above"},
        {"v1 5 5 5:1 5:1", CG_ERROR_CORRUPT, "not above"},
        {"v1 5 5 56320:1", CG_ERROR_CORRUPT, "bucket 56320 is above the last one, 56319"},
        {"v1 4 5 5:1", CG_ERROR_CORRUPT, "min 4"},
        {"v1 5 6 5:1", CG_ERROR_CORRUPT, "max 6"},
        {"v1 2049 2048 2048:2", CG_ERROR_CORRUPT, "min 2049 and max 2048"},
        {"v1 2048 2049 2048:1", CG_ERROR_CORRUPT, "min 2048 and max 2049"},
        {"v1 1 2 1:18446744073709551615 2:1", CG_ERROR_CORRUPT, "total past"},
    };
    cg_error error = {0};
    cg_histogram histogram;
    cg_histogram_init(&histogram, cg_allocator_heap());
    assert_ok(cg_histogram_record(&histogram, 42, 3, &error), error);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_status(cg_histogram_parse(&histogram, bad[i].text, &error), bad[i].status, error,
                      bad[i].part);
        assert_int_equal(histogram.total, 3);
    }
    assert_ok(cg_histogram_parse(&histogram, "v1 0 0", &error), error);
    assert_int_equal(histogram.total, 0);
    assert_ok(cg_histogram_parse(&histogram, "v1 2048 2049 2048:2", &error), error);
    assert_int_equal(histogram.max, 2049);
    cg_histogram_deinit(&histogram);
}

static void histogram_total_cannot_overflow(void **state) {
    (void)state;
    cg_error error = {0};
    cg_histogram a;
    cg_histogram_init(&a, cg_allocator_heap());
    assert_ok(cg_histogram_record(&a, 1, 0, &error), error);
    assert_int_equal(a.total, 0);
    assert_ok(cg_histogram_record(&a, 5, UINT64_MAX - 1, &error), error);
    assert_status(cg_histogram_record(&a, 5, 2, &error), CG_ERROR_FULL, error, "2^64 - 1");
    assert_status(cg_histogram_merge(&a, &a, &error), CG_ERROR_FULL, error, "2^64 - 1");
    assert_ok(cg_histogram_record(&a, 5, 1, &error), error);
    assert_int_equal(a.total, UINT64_MAX);
    assert_int_equal(cg_histogram_quantile(&a, 1.0), 5);
    cg_histogram_deinit(&a);
}

/* ---- failing allocations ---- */

/* Uses every structure that allocates; stops at the first failure and gives everything back. */
static cg_status use_everything(cg_allocator allocator, cg_error *error) {
    cg_status status = CG_OK;
    cg_map *map = NULL;
    cg_table *table = NULL;
    cg_heap heap;
    cg_histogram a;
    cg_histogram b;
    cg_heap_init(&heap, allocator);
    cg_histogram_init(&a, allocator);
    cg_histogram_init(&b, allocator);
    status = cg_map_alloc(allocator, &map, error);
    if (status == CG_OK) {
        status = cg_table_alloc(allocator, &table, error);
    }
    for (uint64_t i = 0; status == CG_OK && i < 40; i++) {
        status = cg_map_put(map, i, i, error);
        if (status == CG_OK) {
            status = cg_table_put(table, i, i, error);
        }
        if (status == CG_OK) {
            status = cg_heap_push(&heap, (cg_heap_entry){.time_ns = 40 - i}, error);
        }
        if (status == CG_OK) {
            status = cg_histogram_record(&a, i * i, 1, error);
        }
        size_t expected = (size_t)i + (status == CG_OK);
        assert_true(cg_map_count(map) == expected || cg_map_count(map) == expected + 1);
    }
    if (status == CG_OK) {
        status = cg_histogram_merge(&b, &a, error);
    }
    if (status == CG_OK) {
        char text[1024];
        assert_true(cg_histogram_format(&a, text, sizeof text) < sizeof text);
        status = cg_histogram_parse(&b, text, error);
    }
    cg_histogram_deinit(&a);
    cg_histogram_deinit(&b);
    cg_heap_deinit(&heap);
    cg_table_free(table);
    cg_map_free(map);
    return status;
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_allocator view = cg_counting_allocator_view(&counting);
    cg_error error = {0};
    assert_ok(use_everything(view, &error), error);
    uint64_t calls = counting.calls;
    assert_true(calls > 10);
    for (uint64_t n = 1; n <= calls; n++) {
        counting.fail_at = n;
        assert_status(use_everything(view, &error), CG_ERROR_MEMORY, error, "out of memory");
        assert_int_equal(counting.live_bytes, 0);
        assert_int_equal(counting.live_blocks, 0);
    }
    counting.fail_at = calls + 1;
    assert_ok(use_everything(view, &error), error);
    cg_map_free(NULL);
    cg_table_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_its_own_name),
        cmocka_unit_test(error_is_one_line_and_can_be_prefixed),
        cmocka_unit_test(long_error_is_truncated_inside_the_buffer),
        cmocka_unit_test(error_may_be_null),
        cmocka_unit_test(failed_assertion_reaches_the_handler),
        cmocka_unit_test(allocation_is_zeroed_and_refuses_overflow),
        cmocka_unit_test(aligned_blocks_are_aligned_and_accounted),
        cmocka_unit_test(counting_allocator_counts_and_fails_on_demand),
        cmocka_unit_test(grow_keeps_content_and_changes_nothing_on_failure),
        cmocka_unit_test(arena_bumps_zeroes_and_remembers_its_high_water),
        cmocka_unit_test(xxh64_known_values),
        cmocka_unit_test(crc32c_known_values_and_definition),
        cmocka_unit_test(hash_u64_mixes_value_and_seed),
        cmocka_unit_test(hasher_depends_on_order_length_and_value),
        cmocka_unit_test(philox_known_answers),
        cmocka_unit_test(stream_is_a_function_of_seed_name_entity_counter),
        cmocka_unit_test(bytes_are_little_endian),
        cmocka_unit_test(failure_sticks),
        cmocka_unit_test(lamport_is_past_both),
        cmocka_unit_test(vector_clocks_order_partially),
        cmocka_unit_test(hlc_follows_the_paper),
        cmocka_unit_test(serial_runner_runs_in_order),
        cmocka_unit_test(work_adds_up),
        cmocka_unit_test(histogram_quantiles_follow_their_definition),
        cmocka_unit_test(histogram_bucket_edges),
        cmocka_unit_test(histogram_text_that_is_not_canonical_is_refused),
        cmocka_unit_test(histogram_total_cannot_overflow),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
