/* Term-at-a-time retrieval with a bound on the postings read.
 *
 * Products are summed per row in an open-addressing table of twice the bound, whose slots are
 * told from those of earlier searches by an epoch. A list that no longer fits what is left of
 * the bound is skipped, and so are all longer ones.
 *
 * Source: Turtle & Flood, "Query evaluation: strategies and optimizations", Information
 * Processing & Management 31, 1995, section 2 (term-at-a-time); the bound on postings after the
 * "quit" strategy of Moffat & Zobel, ACM TOIS 14, 1996.
 */
#include "engine/encode/lexical.h"

#include "engine/base/hash.h"

/* Products over the rarer features order rows only roughly, hence the wide first selection. */
enum {
    PREFETCHED = 4,
    SLOTS = 2 * CG_LEXICAL_POSTINGS_MAX,
    SELECTED_MAX = CG_LEXICAL_HITS_MAX * 5 / 2
};

typedef struct slot {
    uint32_t row;
    uint32_t epoch;
    float product;
} slot;

struct cg_lexical_scratch {
    cg_allocator allocator;
    uint32_t epoch;
    uint32_t found_count;
    uint32_t found[CG_LEXICAL_POSTINGS_MAX]; /* slots, in the order met */
    float weight;                            /* of the query's feature being read */
    cg_lexical_hit selected[SELECTED_MAX];
    slot slots[SLOTS];
};

cg_status cg_lexical_scratch_alloc(cg_allocator allocator, cg_lexical_scratch **out,
                                   cg_error *error) {
    cg_lexical_scratch *scratch = cg_allocate(&allocator, 1, sizeof *scratch);
    if (!scratch) {
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "out of memory for a lexical search's scratch");
    }
    scratch->allocator = allocator;
    *out = scratch;
    return CG_OK;
}

void cg_lexical_scratch_free(cg_lexical_scratch *scratch) {
    if (scratch) {
        cg_allocator allocator = scratch->allocator;
        cg_deallocate(&allocator, scratch, 1, sizeof *scratch);
    }
}

uint64_t cg_lexical_scratch_bytes(const cg_lexical_scratch *scratch) {
    return sizeof *scratch;
}

static void add_product(void *context, uint32_t row, float weight) {
    cg_lexical_scratch *scratch = context;
    uint32_t at = (uint32_t)cg_hash_u64(row, 3) & (SLOTS - 1);
    while (scratch->slots[at].epoch == scratch->epoch && scratch->slots[at].row != row) {
        at = (at + 1) & (SLOTS - 1);
    }
    slot *held = &scratch->slots[at];
    if (held->epoch != scratch->epoch) {
        *held = (slot){.row = row, .epoch = scratch->epoch};
        scratch->found[scratch->found_count++] = at;
    }
    held->product += scratch->weight * weight;
}

/* Fills order with the positions of the query's entries, rarest feature first, ties by
 * feature. */
static void order_by_rarity(const cg_features *features, cg_sparse query,
                            uint32_t frequencies[CG_SPARSE_ENTRIES_MAX],
                            uint32_t order[CG_SPARSE_ENTRIES_MAX]) {
    for (uint32_t i = 0; i < query.count; i++) {
        frequencies[i] = cg_features_frequency(features, query.features[i]);
        uint32_t at = i;
        while (at > 0 && frequencies[order[at - 1]] > frequencies[i]) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = i;
    }
}

static bool better(const cg_lexical_hit *left, const cg_lexical_hit *right) {
    return left->product > right->product ||
           (left->product == right->product && left->row < right->row);
}

/* A heap with the worst on top: sinks the hit at `place`. */
static void sink(cg_lexical_hit *heap, uint32_t count, uint32_t place) {
    cg_lexical_hit hit = heap[place];
    for (uint32_t child = 2 * place + 1; child < count; child = 2 * place + 1) {
        child += child + 1 < count && better(&heap[child], &heap[child + 1]);
        if (better(&heap[child], &hit)) {
            break;
        }
        heap[place] = heap[child];
        place = child;
    }
    heap[place] = hit;
}

/* Keeps the best `most` hits as a heap. Returns how many are held now. */
static uint32_t keep_best(cg_lexical_hit *heap, uint32_t held, uint32_t most,
                          cg_lexical_hit hit) {
    if (held == most) {
        if (most > 0 && better(&hit, &heap[0])) {
            heap[0] = hit;
            sink(heap, held, 0);
        }
        return held;
    }
    uint32_t place = held;
    for (; place > 0 && better(&heap[(place - 1) / 2], &hit); place = (place - 1) / 2) {
        heap[place] = heap[(place - 1) / 2];
    }
    heap[place] = hit;
    return held + 1;
}

static void sort_best_first(cg_lexical_hit *heap, uint32_t count) {
    for (uint32_t end = count; end > 1; end--) {
        cg_lexical_hit worst = heap[0];
        heap[0] = heap[end - 1];
        heap[end - 1] = worst;
        sink(heap, end - 1, 0);
    }
}

static uint32_t select_best(const cg_features *features, cg_sparse query, uint32_t most,
                            cg_lexical_scratch *scratch, cg_lexical_hit *hits, cg_work *work) {
    uint32_t selected = 0;
    for (uint32_t i = 0; i < scratch->found_count; i++) {
        const slot *found = &scratch->slots[scratch->found[i]];
        cg_lexical_hit hit = {.row = found->row, .product = found->product};
        selected = keep_best(scratch->selected, selected, most * 5 / 2, hit);
    }
    uint32_t held = 0;
    uint64_t entries = 0;
    for (uint32_t i = 0; i < selected; i++) {
        if (i + PREFETCHED < selected) {
            cg_features_prefetch_sparse(features, scratch->selected[i + PREFETCHED].row);
        }
        cg_sparse sparse = cg_features_row(features, scratch->selected[i].row).sparse;
        cg_lexical_hit hit = {.row = scratch->selected[i].row,
                              .product = cg_sparse_dot(query, sparse)};
        held = keep_best(hits, held, most, hit);
        entries += (uint64_t)query.count + sparse.count;
    }
    sort_best_first(hits, held);
    cg_work_count(work, CG_WORK_DISTANCE_SPARSE, selected, entries);
    return held;
}

uint32_t cg_lexical_search(const cg_features *features, cg_sparse query, uint32_t most,
                           cg_lexical_scratch *scratch, cg_lexical_hit *hits, cg_work *work) {
    CG_ASSERT(query.count <= CG_SPARSE_ENTRIES_MAX && most <= CG_LEXICAL_HITS_MAX);
    if (scratch->epoch == UINT32_MAX) {
        for (uint32_t i = 0; i < SLOTS; i++) {
            scratch->slots[i].epoch = 0;
        }
        scratch->epoch = 0;
    }
    scratch->epoch++;
    scratch->found_count = 0;
    uint32_t frequencies[CG_SPARSE_ENTRIES_MAX];
    uint32_t order[CG_SPARSE_ENTRIES_MAX];
    order_by_rarity(features, query, frequencies, order);
    uint32_t left = CG_LEXICAL_POSTINGS_MAX;
    for (uint32_t i = 0; i < query.count && frequencies[order[i]] <= left; i++) {
        left -= frequencies[order[i]];
        scratch->weight = query.weights[order[i]];
        cg_features_each_holder(features, query.features[order[i]], add_product, scratch);
    }
    cg_work_count(work, CG_WORK_DISTANCE_SPARSE, 1,
                  (uint64_t)query.count + CG_LEXICAL_POSTINGS_MAX - left);
    return select_best(features, query, most, scratch, hits, work);
}
