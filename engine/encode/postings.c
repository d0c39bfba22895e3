/* Inverted lists as chains of growing blocks (an unrolled linked list).
 *
 * Block b of a list holds BLOCK_FIRST << min(b, BLOCK_DOUBLINGS) postings, after one entry that
 * links to block b - 1; so the shape of a chain follows from the number of its blocks, a list
 * wastes at most half, and reading one costs a cache miss a block.
 *
 * Invariant: all blocks of a list but the newest are full, and that is never empty. So a posting
 * that goes is replaced by the last one of its list, and a block that this empties serves the next
 * list that needs one of its size.
 * Source: Pibiri & Venturini, "Techniques for inverted index compression", ACM CSUR 53, 2020,
 * section 2, for growing lists; nothing is compressed here.
 */
#include "engine/encode/postings.h"

#include "engine/base/map.h"

enum { BLOCK_FIRST = 4, BLOCK_DOUBLINGS = 6, BLOCK_MAX = BLOCK_FIRST << BLOCK_DOUBLINGS };

typedef struct posting {
    uint32_t row; /* of a link: where the older block starts */
    float weight;
} posting;

typedef struct list {
    uint32_t count;  /* postings in all blocks */
    uint32_t blocks; /* chained; 0: none yet */
    uint32_t newest; /* where the newest block starts in the pool */
    uint32_t used;   /* postings in the newest block */
} list;

struct cg_postings {
    cg_allocator allocator;
    cg_table *places; /* feature to its place in lists */
    list *lists;
    size_t list_count;
    size_t list_capacity;
    posting *pool;
    size_t pool_used;
    size_t pool_capacity;
    /* By doublings of the first size: 1 + where a block given up starts, whose link leads to the
     * next; 0: none. */
    uint32_t vacant[BLOCK_DOUBLINGS + 1];
};

cg_status cg_postings_alloc(cg_allocator allocator, cg_postings **out, cg_error *error) {
    cg_postings *postings = cg_allocate(&allocator, 1, sizeof *postings);
    if (!postings) {
        return cg_error_set(error, CG_ERROR_MEMORY, "out of memory for an inverted file");
    }
    postings->allocator = allocator;
    cg_status status = cg_table_alloc(allocator, &postings->places, error);
    if (status != CG_OK) {
        cg_postings_free(postings);
        return status;
    }
    *out = postings;
    return CG_OK;
}

void cg_postings_free(cg_postings *postings) {
    if (!postings) {
        return;
    }
    cg_allocator allocator = postings->allocator;
    cg_table_free(postings->places);
    cg_deallocate(&allocator, postings->lists, postings->list_capacity, sizeof(list));
    cg_deallocate(&allocator, postings->pool, postings->pool_capacity, sizeof(posting));
    cg_deallocate(&allocator, postings, 1, sizeof *postings);
}

static const list *find(const cg_postings *postings, uint32_t feature) {
    uint64_t place = 0;
    return cg_table_get(postings->places, feature, &place) ? &postings->lists[place] : NULL;
}

static uint32_t doublings_of(uint32_t block) {
    return block < BLOCK_DOUBLINGS ? block : BLOCK_DOUBLINGS;
}

static uint32_t block_size(uint32_t block) {
    return (uint32_t)BLOCK_FIRST << doublings_of(block);
}

cg_status cg_postings_reserve(cg_postings *postings, cg_sparse sparse, cg_error *error) {
    size_t pool_needed = postings->pool_used + (size_t)sparse.count * (BLOCK_MAX + 1);
    if (pool_needed > UINT32_MAX) {
        return cg_error_set(error, CG_ERROR_FULL,
                            "the inverted file holds %zu entries; it must stay below %u",
                            postings->pool_used, UINT32_MAX);
    }
    cg_status status = CG_GROW(&postings->allocator, postings->lists, postings->list_capacity,
                               postings->list_count + sparse.count, error);
    if (status == CG_OK) {
        status = CG_GROW(&postings->allocator, postings->pool, postings->pool_capacity,
                         pool_needed, error);
    }
    /* A list that stays empty because of a later failure is no harm: it says "no rows". */
    for (uint32_t i = 0; i < sparse.count && status == CG_OK; i++) {
        if (!find(postings, sparse.features[i])) {
            status =
                cg_table_put(postings->places, sparse.features[i], postings->list_count, error);
            postings->list_count += status == CG_OK;
        }
    }
    return status;
}

/* Where the list's next block is to start; room is reserved. */
static uint32_t take_block(cg_postings *postings, uint32_t block) {
    uint32_t *vacant = &postings->vacant[doublings_of(block)];
    if (*vacant != 0) {
        uint32_t start = *vacant - 1;
        *vacant = postings->pool[start].row;
        return start;
    }
    uint32_t start = (uint32_t)postings->pool_used;
    postings->pool_used += 1 + block_size(block);
    CG_ASSERT(postings->pool_used <= postings->pool_capacity);
    return start;
}

void cg_postings_add(cg_postings *postings, uint32_t row, cg_sparse sparse) {
    for (uint32_t i = 0; i < sparse.count; i++) {
        uint64_t place = 0;
        bool reserved = cg_table_get(postings->places, sparse.features[i], &place);
        CG_ASSERT(reserved);
        list *held = &postings->lists[place];
        if (held->blocks == 0 || held->used == block_size(held->blocks - 1)) {
            uint32_t older = held->newest;
            held->newest = take_block(postings, held->blocks);
            postings->pool[held->newest].row = older;
            held->blocks++;
            held->used = 0;
        }
        held->used++;
        postings->pool[held->newest + held->used] =
            (posting){.row = row, .weight = sparse.weights[i]};
        held->count++;
    }
}

/* Where the row's posting lies in the pool. The list holds it. */
static uint32_t place_of(const cg_postings *postings, const list *held, uint32_t row) {
    uint32_t start = held->newest;
    uint32_t used = held->used;
    for (uint32_t block = held->blocks;; block--) {
        CG_ASSERT(block > 0);
        for (uint32_t i = 1; i <= used; i++) {
            if (postings->pool[start + i].row == row) {
                return start + i;
            }
        }
        start = postings->pool[start].row;
        used = block > 1 ? block_size(block - 2) : 0;
    }
}

void cg_postings_remove(cg_postings *postings, uint32_t row, cg_sparse sparse) {
    for (uint32_t i = 0; i < sparse.count; i++) {
        uint64_t place = 0;
        bool is_known = cg_table_get(postings->places, sparse.features[i], &place);
        CG_ASSERT(is_known);
        list *held = &postings->lists[place];
        uint32_t at = place_of(postings, held, row);
        postings->pool[at] = postings->pool[held->newest + held->used];
        held->count--;
        held->used--;
        if (held->used > 0) {
            continue;
        }
        uint32_t emptied = held->newest;
        held->blocks--;
        held->newest = postings->pool[emptied].row; /* meaningless without blocks */
        held->used = held->blocks > 0 ? block_size(held->blocks - 1) : 0;
        uint32_t *vacant = &postings->vacant[doublings_of(held->blocks)];
        postings->pool[emptied].row = *vacant;
        *vacant = emptied + 1;
    }
}

uint32_t cg_postings_frequency(const cg_postings *postings, uint32_t feature) {
    const list *held = find(postings, feature);
    return held ? held->count : 0;
}

void cg_postings_each(const cg_postings *postings, uint32_t feature, cg_postings_visit visit,
                      void *context) {
    const list *held = find(postings, feature);
    if (!held) {
        return;
    }
    uint32_t start = held->newest;
    uint32_t used = held->used;
    for (uint32_t block = held->blocks; block-- > 0;) {
        for (uint32_t i = 1; i <= used; i++) {
            visit(context, postings->pool[start + i].row, postings->pool[start + i].weight);
        }
        start = postings->pool[start].row;
        used = block > 0 ? block_size(block - 1) : 0;
    }
}

uint64_t cg_postings_bytes(const cg_postings *postings) {
    return sizeof *postings + cg_table_bytes(postings->places) +
           postings->list_capacity * sizeof(list) + postings->pool_capacity * sizeof(posting);
}
