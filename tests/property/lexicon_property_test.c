/* Goal: a lexicon does what plain arrays do, over random programs of additions, alone and on
 * bases; base and overlay hold together what one lexicon holds; the order of additions changes
 * neither hash nor contents; and an addition that runs out of memory changes nothing. (A3) */
#include "tests/support/support.h"

#include <stdlib.h>
#include <string.h>

#include "engine/graph/lexicon.h"

enum {
    CONCEPTS_MAX = 700,
    PHRASES = 20,
    PARENTS_MAX = 5,
    LENGTH_MAX = 1200,
    ROWS_RANGE = 2000
};

typedef struct concept {
    uint32_t row;
    cg_cues cues;
    uint32_t parents[PARENTS_MAX];
    uint32_t parent_count;
}
concept;

typedef struct program {
    concept concepts[CONCEPTS_MAX];
    uint32_t count;
    uint64_t phrases[PHRASES]; /* the first is 0 */
} program;

typedef struct naive_list {
    uint32_t rows[LENGTH_MAX];
    uint32_t counts[LENGTH_MAX];
    uint32_t length;
} naive_list;

typedef struct naive {
    naive_list lists[CG_CUE_KINDS][PHRASES];
} naive;

static program drawn;
static naive models[3];

static uint64_t below(cg_stream *stream, uint64_t n) {
    return cg_stream_next_below(stream, n);
}

/* Phrases are skewed to the first ones, so that some lists are long; a few rows and parents are
 * as high as they can be. Cues are distinct within a kind. */
static void draw_concept(cg_stream *stream, const program *in, uint32_t parents_range,
                         concept *out) {
    memset(out, 0, sizeof *out);
    uint64_t cue_count = below(stream, 20);
    for (uint64_t i = 0; i < cue_count; i++) {
        uint64_t phrase = in->phrases[below(stream, 1 + below(stream, PHRASES))];
        uint8_t kind = (uint8_t)below(stream, CG_CUE_KINDS);
        bool seen = false;
        for (uint32_t k = 0; k < out->cues.count; k++) {
            seen |= out->cues.list[k].phrase == phrase && out->cues.list[k].kind == kind;
        }
        if (!seen) {
            out->cues.list[out->cues.count++] = (cg_cue){.phrase = phrase, .kind = kind};
        }
    }
    out->parent_count = (uint32_t)below(stream, PARENTS_MAX + 1);
    for (uint32_t i = 0; i < out->parent_count; i++) {
        uint32_t parent = (uint32_t)below(stream, 1 + below(stream, parents_range));
        out->parents[i] = below(stream, 8) == 0 ? UINT32_MAX - parent : parent;
    }
}

static void draw_program(uint64_t seed, uint64_t round) {
    cg_stream stream = cg_stream_init(seed, "test.lexicon.program", round);
    drawn.count = 1 + (uint32_t)below(&stream, CONCEPTS_MAX);
    drawn.phrases[0] = 0;
    for (uint32_t i = 1; i < PHRASES; i++) {
        drawn.phrases[i] = cg_stream_next(&stream);
    }
    uint32_t rows[ROWS_RANGE];
    for (uint32_t i = 0; i < ROWS_RANGE; i++) {
        rows[i] = i;
    }
    if (below(&stream, 3) > 0) { /* upwards as a graph grows, or in any order */
        cg_stream_shuffle_u32(&stream, rows, ROWS_RANGE);
    }
    uint32_t first = below(&stream, 2) ? UINT32_MAX - ROWS_RANGE + 1 : 0;
    uint32_t parents_range = 1 + (uint32_t)below(&stream, 600);
    for (uint32_t i = 0; i < drawn.count; i++) {
        draw_concept(&stream, &drawn, parents_range, &drawn.concepts[i]);
        drawn.concepts[i].row = first + rows[i];
    }
}

static void naive_put(naive_list *list, uint32_t row) {
    uint32_t at = 0;
    while (at < list->length && list->rows[at] != row) {
        at++;
    }
    if (at == list->length) {
        assert_true(list->length < LENGTH_MAX);
        list->rows[at] = row;
        list->counts[at] = 0;
        list->length++;
    }
    list->counts[at]++;
}

static void naive_add(naive *model, const concept *added) {
    for (uint32_t i = 0; i < added->cues.count; i++) {
        const cg_cue *cue = &added->cues.list[i];
        uint32_t phrase = 0;
        while (drawn.phrases[phrase] != cue->phrase) {
            phrase++;
        }
        naive_list *list = &model->lists[cue->kind][phrase];
        if (cue->kind == CG_CUE_NAME) {
            naive_put(list, added->row);
        }
        for (uint32_t k = 0; cue->kind != CG_CUE_NAME && k < added->parent_count; k++) {
            naive_put(list, added->parents[k]);
        }
    }
}

static cg_lexicon *new_lexicon(const cg_lexicon *base, cg_allocator allocator) {
    cg_lexicon *lexicon = NULL;
    cg_error error = {0};
    assert_ok(cg_lexicon_alloc(base, allocator, &lexicon, &error), error);
    return lexicon;
}

static void add(cg_lexicon *lexicon, const concept *added) {
    cg_error error = {0};
    assert_ok(cg_lexicon_add(lexicon, added->row, &added->cues, added->parents,
                             added->parent_count, &error),
              error);
}

/* What visits saw. */
static naive_list visited;

static void note(void *context, uint32_t row, uint32_t count) {
    naive_list *list = context;
    assert_true(list->length < LENGTH_MAX);
    list->rows[list->length] = row;
    list->counts[list->length] = count;
    list->length++;
}

static cg_lexicon_total visit(const cg_lexicon *lexicon, uint32_t kind, uint64_t phrase) {
    visited.length = 0;
    cg_lexicon_total unseen =
        kind == CG_CUE_NAME
            ? cg_lexicon_each_named(lexicon, phrase, NULL, NULL)
            : cg_lexicon_each_parent(lexicon, (cg_cue_kind)kind, phrase, NULL, NULL);
    cg_lexicon_total total =
        kind == CG_CUE_NAME
            ? cg_lexicon_each_named(lexicon, phrase, note, &visited)
            : cg_lexicon_each_parent(lexicon, (cg_cue_kind)kind, phrase, note, &visited);
    assert_int_equal(unseen.entries, total.entries);
    assert_int_equal(unseen.count, total.count);
    return total;
}

/* The lists are those of models[0 .. parts - 1], one after the other. */
static void check_lists(const cg_lexicon *lexicon, const naive *parts, uint32_t part_count) {
    for (uint32_t kind = 0; kind < CG_CUE_KINDS; kind++) {
        for (uint32_t phrase = 0; phrase < PHRASES; phrase++) {
            cg_lexicon_total total = visit(lexicon, kind, drawn.phrases[phrase]);
            uint32_t at = 0;
            uint32_t sum = 0;
            for (uint32_t part = 0; part < part_count; part++) {
                const naive_list *list = &parts[part].lists[kind][phrase];
                for (uint32_t i = 0; i < list->length; i++, at++) {
                    assert_true(at < visited.length);
                    assert_int_equal(visited.rows[at], list->rows[i]);
                    assert_int_equal(visited.counts[at], list->counts[i]);
                    sum += list->counts[i];
                }
            }
            assert_int_equal(visited.length, at);
            assert_int_equal(total.entries, at);
            assert_int_equal(total.count, sum);
        }
    }
}

static void check_names(const cg_lexicon *lexicon, uint32_t added) {
    for (uint32_t i = 0; i < drawn.count; i++) {
        uint64_t phrases[CG_CUES_MAX];
        const cg_cues *cues = &drawn.concepts[i].cues;
        uint32_t count = cg_lexicon_names(lexicon, drawn.concepts[i].row, phrases, CG_CUES_MAX);
        uint32_t at = 0;
        for (uint32_t k = 0; i < added && k < cues->count; k++) {
            if (cues->list[k].kind == CG_CUE_NAME) {
                assert_true(at < count && phrases[at] == cues->list[k].phrase);
                at++;
            }
        }
        assert_int_equal(count, at);
    }
}

/* Adds drawn.concepts[from .. end - 1] to both. */
static void extend(cg_lexicon *lexicon, naive *model, uint32_t from, uint32_t end) {
    for (uint32_t i = from; i < end; i++) {
        add(lexicon, &drawn.concepts[i]);
        naive_add(model, &drawn.concepts[i]);
    }
}

static void programs_match_arrays(void **state) {
    (void)state;
    uint64_t seed = support_seed(1);
    for (uint64_t round = 0; round < 60; round++) {
        draw_program(seed, round);
        memset(models, 0, sizeof models);
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        cg_lexicon *lexicon = new_lexicon(NULL, cg_counting_allocator_view(&counting));
        cg_stream stream = cg_stream_init(seed, "test.lexicon.looks", round);
        for (uint32_t at = 0; at < drawn.count;) {
            uint32_t end = at + 1 + (uint32_t)below(&stream, 300);
            end = end < drawn.count ? end : drawn.count;
            extend(lexicon, &models[0], at, end);
            at = end;
            check_lists(lexicon, models, 1);
            check_names(lexicon, at);
            assert_int_equal(cg_lexicon_bytes(lexicon), counting.live_bytes);
        }
        cg_lexicon_free(lexicon);
        assert_int_equal(counting.live_bytes, 0);
    }
}

/* The multiset of a list: the sum of its counts by row. */
static int compare_pairs(const void *left, const void *right) {
    uint64_t l = *(const uint64_t *)left;
    uint64_t r = *(const uint64_t *)right;
    return l < r ? -1 : l > r;
}

static uint32_t sorted_sums(uint64_t pairs[LENGTH_MAX]) {
    for (uint32_t i = 0; i < visited.length; i++) {
        pairs[i] = (uint64_t)visited.rows[i] << 32 | visited.counts[i];
    }
    qsort(pairs, visited.length, sizeof *pairs, compare_pairs);
    uint32_t distinct = 0;
    for (uint32_t i = 0; i < visited.length; i++) {
        if (distinct > 0 && pairs[distinct - 1] >> 32 == pairs[i] >> 32) {
            pairs[distinct - 1] += pairs[i] & UINT32_MAX;
        } else {
            pairs[distinct++] = pairs[i];
        }
    }
    return distinct;
}

static void check_same_sums(const cg_lexicon *a, const cg_lexicon *b) {
    static uint64_t of_a[LENGTH_MAX];
    static uint64_t of_b[LENGTH_MAX];
    for (uint32_t kind = 0; kind < CG_CUE_KINDS; kind++) {
        for (uint32_t phrase = 0; phrase < PHRASES; phrase++) {
            cg_lexicon_total total_a = visit(a, kind, drawn.phrases[phrase]);
            uint32_t count_a = sorted_sums(of_a);
            cg_lexicon_total total_b = visit(b, kind, drawn.phrases[phrase]);
            uint32_t count_b = sorted_sums(of_b);
            assert_int_equal(total_a.count, total_b.count);
            assert_int_equal(count_a, count_b);
            assert_true(count_a == 0 || memcmp(of_a, of_b, count_a * sizeof *of_a) == 0);
        }
    }
}

static void base_and_overlays_add_up(void **state) {
    (void)state;
    uint64_t seed = support_seed(2);
    for (uint64_t round = 0; round < 40; round++) {
        draw_program(seed, round);
        memset(models, 0, sizeof models);
        cg_lexicon *parts[3] = {NULL};
        cg_stream stream = cg_stream_init(seed, "test.lexicon.cuts", round);
        uint32_t at = 0;
        for (uint32_t part = 0; part < 3; part++) {
            uint64_t base_hash = part > 0 ? cg_lexicon_hash(parts[part - 1]) : 0;
            parts[part] = new_lexicon(part > 0 ? parts[part - 1] : NULL, cg_allocator_heap());
            uint32_t end = at + (uint32_t)below(&stream, drawn.count - at + 1);
            end = part == 2 ? drawn.count : end;
            extend(parts[part], &models[part], at, end);
            at = end;
            check_lists(parts[part], models, part + 1);
            check_names(parts[part], at);
            assert_true(part == 0 || cg_lexicon_hash(parts[part - 1]) == base_hash);
        }
        cg_lexicon *whole = new_lexicon(NULL, cg_allocator_heap());
        for (uint32_t i = 0; i < drawn.count; i++) {
            add(whole, &drawn.concepts[i]);
        }
        check_same_sums(parts[2], whole);
        cg_lexicon_free(whole);
        for (uint32_t part = 3; part-- > 0;) {
            cg_lexicon_free(parts[part]);
        }
    }
}

static void order_does_not_matter(void **state) {
    (void)state;
    uint64_t seed = support_seed(3);
    for (uint64_t round = 0; round < 40; round++) {
        draw_program(seed, round);
        cg_lexicon *one = new_lexicon(NULL, cg_allocator_heap());
        cg_lexicon *other = new_lexicon(NULL, cg_allocator_heap());
        uint32_t order[CONCEPTS_MAX];
        for (uint32_t i = 0; i < drawn.count; i++) {
            order[i] = i;
            add(one, &drawn.concepts[i]);
        }
        cg_stream stream = cg_stream_init(seed, "test.lexicon.order", round);
        cg_stream_shuffle_u32(&stream, order, drawn.count);
        for (uint32_t i = 0; i < drawn.count; i++) {
            const concept *next = &drawn.concepts[order[i]];
            uint64_t before = cg_lexicon_hash(other);
            add(other, next);
            bool adds = next->cues.count > 0 && next->parent_count > 0;
            assert_true(!adds || cg_lexicon_hash(other) != before);
        }
        assert_true(cg_lexicon_hash(one) == cg_lexicon_hash(other));
        check_same_sums(one, other);
        check_names(other, drawn.count);
        cg_lexicon_free(one);
        cg_lexicon_free(other);
    }
}

/* Builds with the n-th allocation failing; an addition that fails is tried again. Returns
 * whether one failed. */
static bool build_failing(uint64_t n, uint64_t *hash) {
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_lexicon *lexicon = new_lexicon(NULL, cg_counting_allocator_view(&counting));
    memset(models, 0, sizeof models[0]);
    counting.fail_at = n;
    bool failed = false;
    uint64_t before = cg_lexicon_hash(lexicon);
    for (uint32_t i = 0; i < drawn.count; i++) {
        const concept *next = &drawn.concepts[i];
        cg_error error = {0};
        cg_status status = cg_lexicon_add(lexicon, next->row, &next->cues, next->parents,
                                          next->parent_count, &error);
        if (status != CG_OK) {
            assert_status(status, CG_ERROR_MEMORY, error, "memory");
            assert_false(failed);
            failed = true;
            assert_true(cg_lexicon_hash(lexicon) == before);
            check_lists(lexicon, models, 1);
            check_names(lexicon, i);
            assert_int_equal(cg_lexicon_bytes(lexicon), counting.live_bytes);
            add(lexicon, next);
        }
        naive_add(&models[0], next);
        if (!failed) {
            before = cg_lexicon_hash(lexicon);
        }
    }
    check_lists(lexicon, models, 1);
    *hash = cg_lexicon_hash(lexicon);
    cg_lexicon_free(lexicon);
    assert_int_equal(counting.live_bytes, 0);
    return failed;
}

static void failed_additions_change_nothing(void **state) {
    (void)state;
    uint64_t seed = support_seed(4);
    uint64_t failures = 0;
    for (uint64_t round = 0; round < 3; round++) {
        draw_program(seed, round);
        drawn.count = drawn.count < 250 ? drawn.count : 250;
        uint64_t expected = 0;
        assert_false(build_failing(0, &expected));
        uint64_t hash = 0;
        for (uint64_t n = 1; build_failing(n, &hash); n++, failures++) {
            assert_true(hash == expected);
        }
    }
    assert_true(failures > 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(programs_match_arrays),
        cmocka_unit_test(base_and_overlays_add_up),
        cmocka_unit_test(order_does_not_matter),
        cmocka_unit_test(failed_additions_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
