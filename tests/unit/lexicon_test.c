/* Goal: names lead to concepts and cues to parents with the right counts, at the edges too:
 * nothing at all, phrase 0, the highest rows, very long lists, counts that stop; an overlay
 * shares its base and costs what it adds. (A3) */
#include "tests/support/support.h"

#include <stdlib.h>
#include <string.h>

#include "engine/graph/lexicon.h"
#include "engine/graph/lexicon_layout.h"

enum { SEEN_MAX = 128 };

typedef struct seen {
    uint32_t rows[SEEN_MAX];
    uint32_t counts[SEEN_MAX];
    uint32_t count;
} seen;

static void note(void *context, uint32_t row, uint32_t count) {
    seen *list = context;
    assert_true(list->count < SEEN_MAX);
    list->rows[list->count] = row;
    list->counts[list->count++] = count;
}

static cg_lexicon *new_lexicon(const cg_lexicon *base) {
    cg_lexicon *lexicon = NULL;
    cg_error error = {0};
    assert_ok(cg_lexicon_alloc(base, cg_allocator_heap(), &lexicon, &error), error);
    return lexicon;
}

static void add_cues(cg_lexicon *lexicon, uint32_t row, const cg_cues *cues,
                     const uint32_t *parents, uint32_t parent_count) {
    cg_error error = {0};
    assert_ok(cg_lexicon_add(lexicon, row, cues, parents, parent_count, &error), error);
}

/* A concept with one cue and one parent. */
static void add_one(cg_lexicon *lexicon, uint32_t row, cg_cue_kind kind, uint64_t phrase,
                    uint32_t parent) {
    cg_cues cues = {.count = 1};
    cues.list[0] = (cg_cue){.phrase = phrase, .kind = (uint8_t)kind};
    add_cues(lexicon, row, &cues, &parent, 1);
}

static void add_text(cg_lexicon *lexicon, uint32_t row, const char *text, uint32_t parent) {
    cg_cues cues;
    cg_work work = {0};
    cg_cues_find(NULL, text, strlen(text), &cues, &work);
    add_cues(lexicon, row, &cues, &parent, 1);
}

static void expect(const cg_lexicon *lexicon, cg_cue_kind kind, uint64_t phrase, uint32_t count,
                   const uint32_t *rows, const uint32_t *counts) {
    seen list = {.count = 0};
    cg_lexicon_total total = kind == CG_CUE_NAME
                                 ? cg_lexicon_each_named(lexicon, phrase, note, &list)
                                 : cg_lexicon_each_parent(lexicon, kind, phrase, note, &list);
    uint32_t sum = 0;
    assert_int_equal(list.count, count);
    assert_int_equal(total.entries, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(list.rows[i], rows[i]);
        assert_int_equal(list.counts[i], counts ? counts[i] : 1);
        sum += list.counts[i];
    }
    assert_int_equal(total.count, sum);
}

static uint64_t phrase_of(const char *words) {
    return cg_cue_phrase(NULL, words, strlen(words));
}

static void texts_lead_where_like_ones_hang(void **state) {
    (void)state;
    enum { ABLATION = 1, ARTIST = 2, PAINTER = 3 };
    cg_lexicon *lexicon = new_lexicon(NULL);
    add_text(lexicon, 10, "appendectomy: surgical removal of an appendix", ABLATION);
    add_text(lexicon, 11, "tonsillectomy: surgical removal of tonsils", ABLATION);
    add_text(lexicon, 12, "painter: an artist who paints", ARTIST);
    add_text(lexicon, 13, "muralist: a painter of murals", PAINTER);
    add_text(lexicon, 14, "old master, painter: a great painter of former times", ARTIST);
    expect(lexicon, CG_CUE_ENDING, phrase_of("ectomy"), 1, (uint32_t[]){ABLATION},
           (uint32_t[]){2});
    expect(lexicon, CG_CUE_GENUS, phrase_of("painter"), 2, (uint32_t[]){PAINTER, ARTIST}, NULL);
    expect(lexicon, CG_CUE_NAME, phrase_of("painter"), 2, (uint32_t[]){12, 14}, NULL);
    expect(lexicon, CG_CUE_NAME, phrase_of("artist"), 0, NULL, NULL);
    uint64_t names[2] = {0};
    assert_int_equal(cg_lexicon_names(lexicon, 14, names, 2), 2);
    assert_true(names[0] == phrase_of("old master") && names[1] == phrase_of("painter"));
    cg_lexicon_free(lexicon);
}

static void nothing_leads_nowhere(void **state) {
    (void)state;
    cg_lexicon_free(NULL);
    cg_lexicon *lexicon = new_lexicon(NULL);
    uint64_t empty = cg_lexicon_hash(lexicon);
    cg_cues none = {.count = 0};
    expect(lexicon, CG_CUE_NAME, 0, 0, NULL, NULL);
    expect(lexicon, CG_CUE_GENUS, 0, 0, NULL, NULL);
    assert_int_equal(cg_lexicon_names(lexicon, 0, NULL, 0), 0);
    add_cues(lexicon, 7, &none, NULL, 0);
    cg_cues orphan = {.count = 2};
    orphan.list[0] = (cg_cue){.phrase = 5, .kind = CG_CUE_NAME};
    orphan.list[1] = (cg_cue){.phrase = 5, .kind = CG_CUE_HEAD};
    assert_true(cg_lexicon_hash(lexicon) == empty);
    add_cues(lexicon, 8, &orphan, NULL, 0); /* no parents: its name alone counts */
    assert_true(cg_lexicon_hash(lexicon) != empty);
    expect(lexicon, CG_CUE_NAME, 5, 1, (uint32_t[]){8}, NULL);
    expect(lexicon, CG_CUE_HEAD, 5, 0, NULL, NULL);
    assert_int_equal(cg_lexicon_names(lexicon, 7, NULL, 0), 0);
    assert_int_equal(cg_lexicon_names(lexicon, 8, NULL, 0), 1);
    assert_int_equal(cg_lexicon_names(lexicon, 9, NULL, 0), 0);
    cg_lexicon_free(lexicon);
}

/* One phrase as a cue of every kind; also for phrases that a table might take for no key. */
static void kinds_stay_apart(void **state) {
    (void)state;
    const uint64_t phrases[] = {0, 1, UINT64_MAX, UINT64_C(1) << 63, UINT64_C(1) << 32};
    enum { PHRASES = sizeof phrases / sizeof *phrases };
    cg_lexicon *lexicon = new_lexicon(NULL);
    for (uint32_t p = 0; p < PHRASES; p++) {
        cg_cues cues = {.count = CG_CUE_KINDS};
        for (uint32_t kind = 0; kind < CG_CUE_KINDS; kind++) {
            cues.list[kind] = (cg_cue){.phrase = phrases[p], .kind = (uint8_t)kind};
            if (kind != CG_CUE_NAME) {
                add_one(lexicon, 1000 + p * CG_CUE_KINDS + kind, (cg_cue_kind)kind, phrases[p],
                        100 * p + kind);
            }
        }
        add_cues(lexicon, p, &cues, (uint32_t[]){77}, 1);
    }
    for (uint32_t p = 0; p < PHRASES; p++) {
        for (uint32_t kind = 0; kind < CG_CUE_KINDS; kind++) {
            bool is_name = kind == CG_CUE_NAME;
            expect(lexicon, (cg_cue_kind)kind, phrases[p], is_name ? 1 : 2,
                   is_name ? (uint32_t[]){p, 0} : (uint32_t[]){100 * p + kind, 77}, NULL);
        }
    }
    cg_lexicon_free(lexicon);
}

static void highest_rows_are_rows(void **state) {
    (void)state;
    static const uint32_t high[] = {INT32_MAX - 1u, INT32_MAX,      INT32_MAX + 1u,
                                    INT32_MAX + 2u, UINT32_MAX - 1, UINT32_MAX};
    enum { COUNT = sizeof high / sizeof *high };
    cg_lexicon *lexicon = new_lexicon(NULL);
    for (uint32_t i = 0; i < COUNT; i++) {
        for (uint32_t times = 0; times <= i; times++) {
            add_one(lexicon, i * COUNT + times, CG_CUE_GENUS, i, high[i]);
            add_one(lexicon, 100 + i * COUNT + times, CG_CUE_GENUS, 99, high[i]);
        }
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        expect(lexicon, CG_CUE_GENUS, i, 1, &high[i], (uint32_t[]){i + 1});
    }
    expect(lexicon, CG_CUE_GENUS, 99, COUNT, high, (uint32_t[]){1, 2, 3, 4, 5, 6});
    cg_lexicon *top = new_lexicon(lexicon);
    add_one(top, UINT32_MAX, CG_CUE_NAME, 3, 0);
    add_one(top, UINT32_MAX - 9, CG_CUE_NAME, 3, 0);
    expect(top, CG_CUE_NAME, 3, 2, (uint32_t[]){UINT32_MAX, UINT32_MAX - 9}, NULL);
    assert_int_equal(cg_lexicon_names(top, UINT32_MAX, NULL, 0), 1);
    assert_int_equal(cg_lexicon_names(top, UINT32_MAX - 8, NULL, 0), 0);
    assert_int_equal(cg_lexicon_names(top, 0, NULL, 0), 0);
    assert_true(cg_lexicon_bytes(top) < 2000);
    cg_lexicon_free(top);
    cg_lexicon_free(lexicon);
}

static void overlays_share_their_base(void **state) {
    (void)state;
    cg_lexicon *base = new_lexicon(NULL);
    for (uint32_t row = 0; row < 5000; row++) {
        cg_cues cues = {.count = 2};
        cues.list[0] = (cg_cue){.phrase = row, .kind = CG_CUE_NAME};
        cues.list[1] = (cg_cue){.phrase = row % 50, .kind = CG_CUE_HEAD};
        add_cues(base, row, &cues, (uint32_t[]){row % 2, row % 2}, 2); /* counts twice */
    }
    uint64_t hash = cg_lexicon_hash(base);
    cg_lexicon *middle = new_lexicon(base);
    cg_lexicon *top = new_lexicon(middle);
    uint64_t empty = cg_lexicon_hash(top);
    add_one(middle, 5000, CG_CUE_HEAD, 4, 9);
    assert_true(cg_lexicon_hash(top) == empty); /* of the own part */
    add_one(top, 5001, CG_CUE_HEAD, 4, 0);
    add_one(top, 5002, CG_CUE_NAME, 4, 0);
    expect(top, CG_CUE_HEAD, 4, 3, (uint32_t[]){0, 9, 0}, (uint32_t[]){200, 1, 1});
    expect(middle, CG_CUE_HEAD, 4, 2, (uint32_t[]){0, 9}, (uint32_t[]){200, 1});
    expect(base, CG_CUE_HEAD, 4, 1, (uint32_t[]){0}, (uint32_t[]){200});
    expect(top, CG_CUE_NAME, 4, 2, (uint32_t[]){4, 5002}, NULL);
    uint64_t name = 0;
    assert_int_equal(cg_lexicon_names(top, 4321, &name, 1), 1);
    assert_true(name == 4321);
    assert_int_equal(cg_lexicon_names(top, 5002, &name, 1), 1);
    assert_true(name == 4);
    assert_int_equal(cg_lexicon_names(base, 5002, &name, 1), 0);
    assert_true(cg_lexicon_hash(base) == hash);
    assert_true(cg_lexicon_bytes(top) < 2000);
    cg_lexicon_free(top);
    cg_lexicon_free(middle);
    cg_lexicon_free(base);
}

/* Every part of the contents is in the hash. */
static void hash_sees_everything(void **state) {
    (void)state;
    enum { WAYS = 10 };
    uint64_t hashes[WAYS];
    for (uint32_t way = 0; way < WAYS; way++) {
        cg_lexicon *lexicon = new_lexicon(NULL);
        cg_cues cues = {.count = 3};
        uint64_t swap = way == 1;
        cues.list[0] = (cg_cue){.phrase = 10 + swap, .kind = CG_CUE_NAME};
        cues.list[1] = (cg_cue){.phrase = 11 - swap, .kind = CG_CUE_NAME};
        cues.list[2] = (cg_cue){.phrase = way == 2 ? 13 : 12,
                                .kind = way == 3 ? CG_CUE_FIRST : CG_CUE_GENUS};
        uint32_t parents[3] = {way == 4 ? 5 : 6, way == 5 ? 6 : 8, 9};
        cues.count = way == 6 ? 2 : 3;
        add_cues(lexicon, way == 7 ? 1 : 2, &cues, parents, way == 8 ? 3 : 2);
        if (way == 9) {
            add_one(lexicon, 3, CG_CUE_GENUS, 12, 8);
        }
        hashes[way] = cg_lexicon_hash(lexicon);
        for (uint32_t before = 0; before < way; before++) {
            assert_true(hashes[before] != hashes[way]);
        }
        cg_lexicon_free(lexicon);
    }
}

typedef struct tally {
    uint32_t next;
    uint32_t step;
    uint32_t count;
} tally;

static void expect_next(void *context, uint32_t row, uint32_t count) {
    tally *expected = context;
    assert_int_equal(row, expected->next);
    assert_int_equal(count, expected->count);
    expected->next += expected->step;
}

/* Were adding to a list linear in it, this would take minutes. */
static void long_lists_grow_in_order(void **state) {
    (void)state;
    enum { BEARERS = 100000, PARENTS = 10000, TIMES = 30, FAR = 1 << 17 };
    cg_lexicon *lexicon = new_lexicon(NULL);
    for (uint32_t row = BEARERS; row-- > 0;) {
        add_one(lexicon, row, CG_CUE_NAME, 1, 0);
    }
    uint32_t row = BEARERS;
    for (uint32_t time = 0; time < TIMES; time++) {
        for (uint32_t parent = 0; parent < PARENTS; parent++) {
            add_one(lexicon, row++, CG_CUE_GENUS, 1, parent * FAR);
        }
    }
    tally bearers = {.next = BEARERS - 1, .step = UINT32_MAX, .count = 1};
    cg_lexicon_total total = cg_lexicon_each_named(lexicon, 1, expect_next, &bearers);
    assert_int_equal(total.entries, BEARERS);
    assert_int_equal(total.count, BEARERS);
    tally parents = {.next = 0, .step = FAR, .count = TIMES};
    total = cg_lexicon_each_parent(lexicon, CG_CUE_GENUS, 1, expect_next, &parents);
    assert_int_equal(total.entries, PARENTS);
    assert_int_equal(total.count, PARENTS * TIMES);
    cg_lexicon_free(lexicon);
}

static void a_concept_may_have_very_many_parents(void **state) {
    (void)state;
    enum { PARENTS = 10000 };
    uint32_t *parents = malloc(PARENTS * sizeof *parents);
    assert_non_null(parents);
    for (uint32_t i = 0; i < PARENTS; i++) {
        parents[i] = i * 3;
    }
    cg_lexicon *lexicon = new_lexicon(NULL);
    cg_cues cues = {.count = CG_CUES_MAX};
    for (uint32_t i = 0; i < CG_CUES_MAX; i++) {
        cues.list[i] = (cg_cue){.phrase = i, .kind = CG_CUE_LATER};
    }
    for (uint32_t row = 0; row < 2; row++) {
        add_cues(lexicon, row, &cues, parents, PARENTS);
    }
    for (uint32_t i = 0; i < CG_CUES_MAX; i++) {
        tally expected = {.next = 0, .step = 3, .count = 2};
        cg_lexicon_total total =
            cg_lexicon_each_parent(lexicon, CG_CUE_LATER, i, expect_next, &expected);
        assert_int_equal(total.entries, PARENTS);
    }
    cg_lexicon_free(lexicon);
    free(parents);
}

/* On the lists themselves: 2^32 additions would take a while. */
static void counts_stop_at_their_greatest(void **state) {
    (void)state;
    cg_allocator allocator = cg_allocator_heap();
    cg_lexicon_lists lists = {0};
    cg_error error = {0};
    assert_ok(cg_lexicon_lists_reserve(&lists, &allocator, cg_lexicon_lists_cost(false, 0, 2),
                                       &error),
              error);
    uint32_t block = cg_lexicon_lists_start(&lists, 7);
    lists.pool[block].count = UINT32_MAX - 2;
    lists.pool[block + 1].count = UINT32_MAX - 2;
    for (uint32_t i = 0; i < 5; i++) {
        block = cg_lexicon_lists_add(&lists, block, 7);
    }
    block = cg_lexicon_lists_add(&lists, block, 8);
    cg_lexicon_list list = cg_lexicon_lists_at(&lists, block);
    assert_int_equal(list.entry_count, 2);
    assert_int_equal(list.total, UINT32_MAX);
    assert_int_equal(list.entries[0].count, UINT32_MAX);
    assert_int_equal(list.entries[1].count, 1);
    assert_status(cg_lexicon_lists_reserve(&lists, &allocator, UINT64_C(1) << 31, &error),
                  CG_ERROR_FULL, error, "2147483648");
    cg_deallocate(&allocator, lists.pool, lists.capacity, sizeof *lists.pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_lead_where_like_ones_hang),
        cmocka_unit_test(nothing_leads_nowhere),
        cmocka_unit_test(kinds_stay_apart),
        cmocka_unit_test(highest_rows_are_rows),
        cmocka_unit_test(overlays_share_their_base),
        cmocka_unit_test(hash_sees_everything),
        cmocka_unit_test(long_lists_grow_in_order),
        cmocka_unit_test(a_concept_may_have_very_many_parents),
        cmocka_unit_test(counts_stop_at_their_greatest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
