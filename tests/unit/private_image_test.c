/* Goal: views of one image start equal and keep what each writes to itself, an image once sealed
 * stays as it was built, a view costs memory only for the pages that it writes, tiers can work in
 * one, and misuse is refused with a sentence.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/tier/tier.h"
#include "sim/memory/private_image.h"
#include "tests/support/support.h"

enum { PAGE_BYTES = 4096, PAGES = 2000, IMAGE_BYTES = PAGES * PAGE_BYTES - 100 };

static uint8_t pattern(size_t i) {
    return (uint8_t)((i * 2654435761u) >> 11 ^ (i >> 20) ^ 1u);
}

static sim_private_image *sealed(void) {
    cg_error error = {0};
    sim_private_image *image = NULL;
    assert_ok(sim_private_image_alloc(IMAGE_BYTES, &image, &error), error);
    uint8_t *builder = sim_private_image_builder(image);
    assert_int_equal((uintptr_t)builder % 64, 0);
    for (size_t i = 0; i < IMAGE_BYTES; i++) {
        assert_int_equal(builder[i], 0);
        builder[i] = pattern(i);
    }
    assert_ok(sim_private_image_seal(image, &error), error);
    assert_null(sim_private_image_builder(image));
    assert_int_equal(sim_private_image_bytes(image), IMAGE_BYTES);
    return image;
}

static uint8_t *view_of(const sim_private_image *image) {
    cg_error error = {0};
    void *view = NULL;
    assert_ok(sim_private_image_map(image, &view, &error), error);
    assert_int_equal((uintptr_t)view % 64, 0);
    return view;
}

static void assert_as_built(const uint8_t *view) {
    for (size_t i = 0; i < IMAGE_BYTES; i++) {
        if (view[i] != pattern(i)) {
            fail_msg("byte %zu is %u", i, view[i]);
        }
    }
}

/* A field of the mapping at `address` in /proc/self/smaps, in KiB. */
static long smaps_kib(const void *address, const char *field) {
    FILE *file = fopen("/proc/self/smaps", "r");
    assert_non_null(file);
    char line[512];
    bool is_inside = false;
    long found = -1;
    size_t length = strlen(field);
    while (fgets(line, sizeof line, file)) {
        char *end = NULL;
        unsigned long long from = strtoull(line, &end, 16);
        if (end != line && *end == '-') {
            is_inside = from == (uintptr_t)address;
        } else if (is_inside && strncmp(line, field, length) == 0 && line[length] == ':') {
            found = strtol(line + length + 1, NULL, 10);
        }
    }
    (void)fclose(file);
    assert_true(found >= 0);
    return found;
}

static void views_keep_their_writes(void **state) {
    (void)state;
    sim_private_image *image = sealed();
    uint8_t *one = view_of(image);
    uint8_t *two = view_of(image);
    assert_ptr_not_equal(one, two);
    assert_as_built(one);
    for (size_t i = 0; i < IMAGE_BYTES; i += 1000) {
        one[i] = (uint8_t)~pattern(i);
    }
    assert_as_built(two);
    two[5] = 200;
    assert_int_equal(one[5], pattern(5));
    for (size_t i = 0; i < IMAGE_BYTES; i++) {
        assert_int_equal(one[i], i % 1000 == 0 ? (uint8_t)~pattern(i) : pattern(i));
    }
    uint8_t *later = view_of(image);
    assert_as_built(later);
    sim_private_image_unmap(image, one);
    sim_private_image_unmap(image, two);
    assert_as_built(later);
    sim_private_image_unmap(image, later);
    sim_private_image_unmap(image, NULL);
    sim_private_image_free(image);
    sim_private_image_free(NULL);
}

/* Goal: a view takes nothing untouched, nothing of its own when it is only read, and one page
 * for each page written. */
static void a_view_costs_what_it_writes(void **state) {
    (void)state;
    sim_private_image *image = sealed();
    uint8_t *view = view_of(image);
    assert_int_equal(smaps_kib(view, "Rss"), 0);
    assert_int_equal(smaps_kib(view, "Private_Dirty"), 0);
    assert_as_built(view);
    assert_int_equal(smaps_kib(view, "Anonymous"), 0);
    for (size_t page = 0; page < 30; page++) {
        view[page * 50 * PAGE_BYTES] = 1;
    }
    long copied = smaps_kib(view, "Anonymous");
    print_message("a view of %d KiB: %ld KiB of its own after 30 writes\n", IMAGE_BYTES / 1024,
                  copied);
    assert_true(copied >= 30 && copied <= 30L * 64); /* pages of 4 KiB here, 64 at most */
    sim_private_image_unmap(image, view);
    sim_private_image_free(image);
}

static uint32_t read_at(cg_tiers *tiers, uint64_t key) {
    cg_error error = {0};
    uint32_t served = UINT32_MAX;
    assert_ok(cg_tiers_read(tiers, key, 64, 0, &served, NULL, &error), error);
    return served;
}

/* Goal: two hosts open warm tiers in views of one image; both start warm, what one does the other
 * does not see, and a few reads copy a small part of it. */
static void warm_tiers_are_shared(void **state) {
    (void)state;
    enum { HELD = 100000 };
    const cg_tier_options options[3] = {
        {.policy = CG_CACHE_LRU, .capacity = 1000, .promote_after = 1},
        {.policy = CG_CACHE_LRU, .capacity = HELD, .promote_after = 2},
        {.capacity = 0},
    };
    cg_error error = {0};
    cg_tiers *warm = NULL;
    assert_ok(cg_tiers_alloc(options, 3, cg_allocator_heap(), &warm, &error), error);
    for (uint64_t key = 0; key < HELD; key++) {
        assert_ok(cg_tiers_fill(warm, key, 64, 1, &error), error);
    }
    (void)read_at(warm, HELD + 1);
    sim_private_image *image = NULL;
    size_t bytes = cg_tiers_image_bytes(warm);
    assert_ok(sim_private_image_alloc(bytes, &image, &error), error);
    assert_ok(cg_tiers_save(warm, sim_private_image_builder(image), &error), error);
    assert_ok(sim_private_image_seal(image, &error), error);
    uint8_t *views[2] = {view_of(image), view_of(image)};
    cg_tiers *hosts[2] = {NULL, NULL};
    for (int i = 0; i < 2; i++) {
        assert_ok(
            cg_tiers_open(views[i], bytes, options, 3, cg_allocator_heap(), &hosts[i], &error),
            error);
        assert_int_equal(cg_tiers_hash(hosts[i]), cg_tiers_hash(warm));
    }
    for (uint64_t i = 0; i < 20; i++) {
        assert_int_equal(read_at(hosts[0], i * 4999), 1);
    }
    assert_int_not_equal(cg_tiers_hash(hosts[0]), cg_tiers_hash(warm));
    assert_int_equal(cg_tiers_hash(hosts[1]), cg_tiers_hash(warm));
    long copied = smaps_kib(views[0], "Anonymous");
    print_message("warm tiers of %zu KiB: %ld KiB copied by 20 reads\n", bytes / 1024, copied);
    assert_true(copied * 1024L < (long)bytes / 4);
    for (int i = 0; i < 2; i++) {
        cg_tiers_free(hosts[i]);
        sim_private_image_unmap(image, views[i]);
    }
    cg_tiers_free(warm);
    sim_private_image_free(image);
}

static void misuse_is_refused(void **state) {
    (void)state;
    cg_error error = {0};
    sim_private_image *image = NULL;
    assert_status(sim_private_image_alloc(0, &image, &error), CG_ERROR_INVALID, error,
                  "image of 0 bytes");
    assert_status(sim_private_image_alloc(SIZE_MAX, &image, &error), CG_ERROR_INVALID, error,
                  "18446744073709551615");
    /* A file may be as long, but no address space is. */
    cg_status status = sim_private_image_alloc(PTRDIFF_MAX - 4096, &image, &error);
    assert_true(status == CG_ERROR_MEMORY || status == CG_ERROR_IO);
    assert_null(image);
    assert_ok(sim_private_image_alloc(10, &image, &error), error);
    void *view = NULL;
    assert_status(sim_private_image_map(image, &view, &error), CG_ERROR_INVALID, error,
                  "still being built");
    assert_null(view);
    assert_ok(sim_private_image_seal(image, &error), error);
    assert_status(sim_private_image_seal(image, &error), CG_ERROR_INVALID, error,
                  "sealed already");
    sim_private_image_free(image);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(views_keep_their_writes),
        cmocka_unit_test(a_view_costs_what_it_writes),
        cmocka_unit_test(warm_tiers_are_shared),
        cmocka_unit_test(misuse_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
