/* Insertion in batches: the same graph, to the byte, for any number of workers and any order of
 * tasks.
 *
 * A call's rows are cut into batches of BATCH_ROWS (batch-synchronous, after ParlayANN, Manohar
 * et al., PPoPP 2024). For each batch:
 *
 *   search   in parallel over its rows: the beam search of the paper's algorithm 1 in the graph
 *            frozen before the batch, then every lower row of the batch by brute force; of
 *            both, the neighbours are chosen. So a row sees all rows before it, as in
 *            sequential insertion, whatever order the data come in.
 *   link     in row order: the row takes its links and its parent (hnsw.h); the reverse links
 *            are listed.
 *   reverse  in parallel over the lists that gain links: append while there is room, else
 *            choose anew among old and new.
 *
 * A search writes only its row's slots of `forward`, a reverse task only its lists; what they
 * read does not change meanwhile. Everything is allocated before the index is touched, so a
 * failed call changes nothing.
 *
 * Invariant between batches: hnsw.h's tree. The parent is the nearest chosen neighbour with
 * fewer than m / 2 children; when all are full (thousands of duplicates choose the same few
 * rows) it is the row before, which is never refused, as it can happen only once a row. So at
 * most m / 2 + 2 <= 2m links are never pruned.
 */
#include "engine/index/index_internal.h"

enum { BATCH_ROWS = 1024, LISTS_A_TASK = 32 };
#define EMPTY_SLOT UINT64_MAX
/* Lists that gain links: at level 0 the row's number, above it UPPER_LISTS + the block's. */
#define UPPER_LISTS UINT32_C(0x80000000)

typedef struct hnsw_worker {
    cg_index_scratch *scratch;
    uint64_t *candidates; /* [2m + BATCH_ROWS] */
    cg_work work;
} hnsw_worker;

typedef struct hnsw_build {
    cg_index *index;
    cg_allocator allocator;
    uint32_t first; /* the batch's rows are first, first + 1 ... */
    uint32_t count;
    uint32_t slot_capacity; /* the largest batch's need */
    uint32_t edge_count;
    uint32_t list_count;
    uint32_t worker_count;
    uint32_t *first_slot;  /* [BATCH_ROWS] of a row: its top level's m first, level 0's last */
    uint64_t *forward;     /* [slot_capacity] keys of the neighbours chosen; m + 1 at level 0 */
    uint32_t *sources;     /* [slot_capacity] the row that owns the slot */
    uint64_t *edges;       /* [slot_capacity] list << 32 | slot, sorted */
    uint32_t *list_starts; /* [slot_capacity + 1] into edges */
    hnsw_worker *workers;
} hnsw_build;

static uint32_t slots_of(const cg_index *index, uint32_t level) {
    return (level + 1) * index->options.m + 1;
}

static uint64_t *level_slots(const hnsw_build *build, uint32_t row, uint32_t level) {
    const cg_index *index = build->index;
    size_t above = index->hnsw.levels[row] - level;
    return build->forward + build->first_slot[row - build->first] + above * index->options.m;
}

/* Phase "search". */

static void add_batch_rows(const hnsw_build *build, uint32_t row, uint32_t level,
                           cg_candidates *candidates, cg_work *work) {
    const cg_index *index = build->index;
    const float *vector = cg_index_row(index, row);
    uint64_t distances = 0;
    for (uint32_t other = build->first; other < row; other++) {
        if (index->hnsw.levels[other] >= level) {
            float distance = cg_index_distance(index, vector, cg_index_row(index, other));
            cg_candidates_insert(candidates, cg_key(distance, other));
            distances++;
        }
    }
    cg_work_count(work, CG_WORK_DISTANCE_F32, distances, distances * index->options.dims);
}

static void choose_forward(const hnsw_build *build, uint32_t row, uint32_t level,
                           const cg_candidates *candidates, cg_work *work) {
    uint32_t m = build->index->options.m;
    uint64_t *slots = level_slots(build, row, level);
    for (uint32_t i = 0; i < candidates->count; i++) {
        candidates->keys[i] &= ~UINT64_C(1);
    }
    cg_hnsw_choice choice = {
        .candidates = candidates->keys,
        .count = candidates->count,
        .width = m,
        .fill = m / 2,
        .tree_row = CG_NO_ROW,
    };
    uint32_t chosen = cg_hnsw_choose(build->index, &choice, slots, work);
    for (uint32_t i = chosen; i < m + (level == 0); i++) {
        slots[i] = EMPTY_SLOT;
    }
}

static void search_row(void *argument, uint32_t task, uint32_t worker_id) {
    const hnsw_build *build = argument;
    hnsw_worker *worker = &build->workers[worker_id];
    const cg_index *index = build->index;
    const cg_hnsw *hnsw = &index->hnsw;
    uint32_t row = build->first + task;
    uint32_t row_level = hnsw->levels[row];
    const float *vector = cg_index_row(index, row);
    bool has_graph = build->first > 0;
    uint64_t start = 0;
    if (has_graph) {
        start = cg_hnsw_start(index, vector, &worker->work);
        for (uint32_t level = hnsw->top_level; level > row_level; level--) {
            start = cg_hnsw_descend(index, vector, start, level, &worker->work);
        }
    }
    for (uint32_t level = row_level + 1; level-- > 0;) {
        cg_candidates candidates = {.keys = worker->scratch->keys,
                                    .limit = index->options.ef_construction};
        if (has_graph && level <= hnsw->top_level) {
            candidates.count = cg_hnsw_beam(index, vector, start, level, candidates.limit,
                                            worker->scratch, &worker->work);
            start = candidates.keys[0] & ~UINT64_C(1);
        }
        add_batch_rows(build, row, level, &candidates, &worker->work);
        choose_forward(build, row, level, &candidates, &worker->work);
    }
}

/* Phase "link". */

static void take_parent(hnsw_build *build, uint32_t row, cg_work *work) {
    cg_index *index = build->index;
    cg_hnsw *hnsw = &index->hnsw;
    uint64_t *slots = level_slots(build, row, 0);
    bool has_previous = false;
    uint32_t parent = CG_NO_ROW;
    uint32_t count = 0;
    for (; slots[count] != EMPTY_SLOT && parent == CG_NO_ROW; count++) {
        uint32_t other = cg_key_row(slots[count]);
        has_previous = has_previous || other == row - 1;
        if (hnsw->children[other] < index->options.m / 2) {
            parent = other;
        }
    }
    if (parent == CG_NO_ROW) {
        parent = row - 1;
        if (!has_previous) {
            const float *vector = cg_index_row(index, row);
            slots[count] =
                cg_key(cg_index_distance(index, vector, cg_index_row(index, parent)), parent);
            cg_work_count(work, CG_WORK_DISTANCE_F32, 1, index->options.dims);
        }
    }
    hnsw->parents[row] = parent;
    hnsw->children[parent]++;
}

static void link_row(hnsw_build *build, uint32_t row, cg_work *work) {
    cg_index *index = build->index;
    const cg_hnsw *hnsw = &index->hnsw;
    if (row > 0) {
        take_parent(build, row, work);
    }
    for (uint32_t level = hnsw->levels[row] + 1u; level-- > 0;) {
        const uint64_t *slots = level_slots(build, row, level);
        uint32_t *links = cg_hnsw_links(index, row, level);
        uint32_t count = 0;
        for (; count < index->options.m + (level == 0) && slots[count] != EMPTY_SLOT; count++) {
            uint32_t target = cg_key_row(slots[count]);
            uint32_t slot = (uint32_t)(slots + count - build->forward);
            uint32_t list =
                level == 0 ? target : UPPER_LISTS + hnsw->first_block[target] + level - 1;
            links[count] = target;
            build->sources[slot] = row;
            build->edges[build->edge_count++] = (uint64_t)list << 32 | slot;
        }
        cg_work_count(work, CG_WORK_INDEX_LINK, 1, count);
    }
}

static void list_reverse_links(hnsw_build *build) {
    cg_keys_sort(build->edges, build->edge_count);
    build->list_count = 0;
    for (uint32_t i = 0; i < build->edge_count; i++) {
        if (i == 0 || build->edges[i] >> 32 != build->edges[i - 1] >> 32) {
            build->list_starts[build->list_count++] = i;
        }
    }
    build->list_starts[build->list_count] = build->edge_count;
}

/* Phase "reverse". */

static void choose_reverse(const hnsw_build *build, hnsw_worker *worker,
                           const cg_hnsw_choice *choice, uint32_t *links) {
    uint64_t chosen[CG_INDEX_LINKS_MAX];
    cg_keys_sort(choice->candidates, choice->count);
    uint32_t count = cg_hnsw_choose(build->index, choice, chosen, &worker->work);
    for (uint32_t i = 0; i < choice->width; i++) {
        links[i] = i < count ? cg_key_row(chosen[i]) : CG_NO_ROW;
    }
    cg_work_count(&worker->work, CG_WORK_INDEX_LINK, 1, count);
}

static void reverse_list(const hnsw_build *build, uint32_t list_number, hnsw_worker *worker) {
    const cg_index *index = build->index;
    const uint64_t *edges = build->edges + build->list_starts[list_number];
    uint32_t incoming = build->list_starts[list_number + 1] - build->list_starts[list_number];
    uint32_t list = (uint32_t)(edges[0] >> 32);
    uint32_t target = cg_key_row(build->forward[(uint32_t)edges[0]]);
    uint32_t level =
        list < UPPER_LISTS ? 0 : list - UPPER_LISTS - index->hnsw.first_block[target] + 1;
    uint32_t width = cg_hnsw_width(index, level);
    uint32_t *links = cg_hnsw_links(index, target, level);
    uint32_t count = cg_hnsw_link_count(links, width);
    if (count + incoming <= width) {
        for (uint32_t i = 0; i < incoming; i++) {
            links[count + i] = build->sources[(uint32_t)edges[i]];
        }
        cg_work_count(&worker->work, CG_WORK_INDEX_LINK, 1, incoming);
        return;
    }
    const float *vector = cg_index_row(index, target);
    for (uint32_t i = 0; i < count; i++) {
        float distance = cg_index_distance(index, vector, cg_index_row(index, links[i]));
        worker->candidates[i] = cg_key(distance, links[i]);
    }
    cg_work_count(&worker->work, CG_WORK_DISTANCE_F32, count,
                  (uint64_t)count * index->options.dims);
    for (uint32_t i = 0; i < incoming; i++) {
        uint32_t slot = (uint32_t)edges[i];
        worker->candidates[count + i] =
            cg_key(cg_key_distance(build->forward[slot]), build->sources[slot]);
    }
    cg_hnsw_choice choice = {
        .candidates = worker->candidates,
        .count = count + incoming,
        .width = width,
        .fill = index->options.m / 2,
        .tree_row = level == 0 ? target : CG_NO_ROW,
    };
    choose_reverse(build, worker, &choice, links);
}

static void reverse_lists(void *argument, uint32_t task, uint32_t worker_id) {
    const hnsw_build *build = argument;
    uint32_t first = task * LISTS_A_TASK;
    for (uint32_t i = first; i < first + LISTS_A_TASK && i < build->list_count; i++) {
        reverse_list(build, i, &build->workers[worker_id]);
    }
}

/* The whole. */

static void add_batch(hnsw_build *build, const cg_runner *runner) {
    cg_index *index = build->index;
    cg_hnsw *hnsw = &index->hnsw;
    uint32_t slot = 0;
    for (uint32_t i = 0; i < build->count; i++) {
        build->first_slot[i] = slot;
        slot += slots_of(index, hnsw->levels[build->first + i]);
    }
    cg_runner_run(runner, build->count, search_row, build);
    build->edge_count = 0;
    for (uint32_t i = 0; i < build->count; i++) {
        link_row(build, build->first + i, &build->workers[0].work);
    }
    list_reverse_links(build);
    cg_runner_run(runner, (build->list_count + LISTS_A_TASK - 1) / LISTS_A_TASK, reverse_lists,
                  build);
    for (uint32_t row = build->first; row < build->first + build->count; row++) {
        if (row == 0 || hnsw->levels[row] > hnsw->top_level) {
            hnsw->entry_point = row;
            hnsw->top_level = hnsw->levels[row];
        }
    }
    index->count += build->count;
}

/* Takes in vectors and levels of all the call's rows, still without links. */
static void place_rows(cg_index *index, const float *vectors, uint32_t count) {
    cg_hnsw *hnsw = &index->hnsw;
    const size_t m = index->options.m;
    const uint32_t first = index->count;
    const uint32_t first_block = hnsw->block_count;
    memcpy(index->vectors + (size_t)first * index->options.dims, vectors,
           (size_t)count * index->options.dims * sizeof *vectors);
    for (uint32_t row = first; row < first + count; row++) {
        hnsw->levels[row] = (uint8_t)cg_hnsw_level(&index->options, row);
        hnsw->children[row] = 0;
        hnsw->parents[row] = CG_NO_ROW;
        hnsw->first_block[row] = hnsw->block_count;
        hnsw->block_count += hnsw->levels[row];
    }
    for (size_t i = (size_t)first * 2 * m; i < ((size_t)first + count) * 2 * m; i++) {
        hnsw->links[i] = CG_NO_ROW;
    }
    for (size_t i = first_block * m; i < hnsw->block_count * m; i++) {
        hnsw->blocks[i] = CG_NO_ROW;
    }
}

static void build_deinit(hnsw_build *build) {
    const cg_allocator *allocator = &build->allocator;
    size_t slots = build->slot_capacity;
    size_t candidates = 2 * build->index->options.m + BATCH_ROWS;
    for (uint32_t i = 0; build->workers && i < build->worker_count; i++) {
        hnsw_worker *worker = &build->workers[i];
        cg_index_scratch_free(worker->scratch);
        cg_deallocate(allocator, worker->candidates, candidates, sizeof *worker->candidates);
    }
    cg_deallocate(allocator, build->workers, build->worker_count, sizeof *build->workers);
    cg_deallocate(allocator, build->list_starts, slots + 1, sizeof *build->list_starts);
    cg_deallocate(allocator, build->edges, slots, sizeof *build->edges);
    cg_deallocate(allocator, build->sources, slots, sizeof *build->sources);
    cg_deallocate(allocator, build->forward, slots, sizeof *build->forward);
    cg_deallocate(allocator, build->first_slot, BATCH_ROWS, sizeof *build->first_slot);
}

/* On failure, build_deinit frees what is there. */
static cg_status build_init(hnsw_build *build, uint32_t count, cg_error *error) {
    const cg_allocator *allocator = &build->allocator;
    const cg_index *index = build->index;
    size_t slots = build->slot_capacity;
    size_t candidates = 2 * index->options.m + BATCH_ROWS;
    build->first_slot = cg_allocate(allocator, BATCH_ROWS, sizeof *build->first_slot);
    build->forward = cg_allocate(allocator, slots, sizeof *build->forward);
    build->sources = cg_allocate(allocator, slots, sizeof *build->sources);
    build->edges = cg_allocate(allocator, slots, sizeof *build->edges);
    build->list_starts = cg_allocate(allocator, slots + 1, sizeof *build->list_starts);
    build->workers = cg_allocate(allocator, build->worker_count, sizeof *build->workers);
    bool is_complete = build->first_slot && build->forward && build->sources && build->edges &&
                       build->list_starts && build->workers;
    for (uint32_t i = 0; is_complete && i < build->worker_count; i++) {
        hnsw_worker *worker = &build->workers[i];
        worker->candidates = cg_allocate(allocator, candidates, sizeof *worker->candidates);
        is_complete = worker->candidates &&
                      cg_index_scratch_alloc(*allocator, &worker->scratch, error) == CG_OK &&
                      cg_index_scratch_reserve(worker->scratch, (size_t)index->count + count,
                                               index->options.ef_construction, error) == CG_OK;
    }
    if (!is_complete) {
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "no memory to insert a batch of %u rows with %u workers", count,
                            build->worker_count);
    }
    return CG_OK;
}

cg_status cg_hnsw_add(cg_index *index, const float *vectors, uint32_t count,
                      const cg_runner *runner, cg_work *work, cg_error *error) {
    CG_ASSERT(runner && runner->workers > 0);
    const uint32_t end = index->count + count;
    hnsw_build build = {
        .index = index,
        .allocator = index->allocator,
        .worker_count = runner->workers,
    };
    uint32_t blocks = index->hnsw.block_count;
    uint32_t batch_slots = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t level = cg_hnsw_level(&index->options, index->count + i);
        blocks += level;
        batch_slots = (i % BATCH_ROWS == 0 ? 0 : batch_slots) + slots_of(index, level);
        if (batch_slots > build.slot_capacity) {
            build.slot_capacity = batch_slots;
        }
    }
    cg_status status = build_init(&build, count, error);
    if (status == CG_OK) {
        status = cg_index_reserve(index, end, blocks, error);
    }
    if (status == CG_OK) {
        place_rows(index, vectors, count);
        while (index->count < end) {
            uint32_t left = end - index->count;
            build.first = index->count;
            build.count = left < BATCH_ROWS ? left : BATCH_ROWS;
            add_batch(&build, runner);
        }
        for (uint32_t i = 0; i < build.worker_count && work; i++) {
            cg_work_add(work, &build.workers[i].work);
        }
    }
    build_deinit(&build);
    return status;
}
