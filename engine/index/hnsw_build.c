/* Insertion in batches: the same graph, to the byte, for any number of workers and any order of
 * tasks.
 *
 * A call's rows are cut into batches of BATCH_ROWS (batch-synchronous, after ParlayANN, Manohar
 * et al., PPoPP 2024). For each batch:
 *
 *   search   in parallel over its rows: the beam search of the paper's algorithm 1 in the graph
 *            frozen before the batch, then every earlier row of the batch by brute force; of
 *            both, the neighbours are chosen. So a row sees all rows before it, as in
 *            sequential insertion, whatever order the data come in.
 *   link     in the batch's order: the row takes its parent (hnsw.h) and its links; the reverse
 *            links are listed.
 *   reverse  in parallel over the lists that gain links: append while there is room, else
 *            choose anew among old and new.
 *   publish  the batch becomes visible to searches.
 *
 * A search writes only its row's slots of `forward`, a reverse task only its lists; what they
 * read does not change meanwhile. Everything is allocated before the index is touched, so a
 * failed call changes nothing.
 *
 * The parent is the nearest chosen neighbour with fewer than m / 2 children. When all are full
 * (thousands of duplicates choose the same few rows), the way goes down from the nearest, child
 * by child, to a row with room: a leaf has. At each fork a hash of the row says where, so the tree
 * stays low: 40,000 equal rows would else make one 5,000 deep. So at most m / 2 + 1 <= 2m links
 * are never dropped.
 */
#include "engine/base/hash.h"
#include "engine/index/hnsw_list.h"

enum { BATCH_ROWS = 1024, LISTS_A_TASK = 32 };
#define EMPTY_SLOT UINT64_MAX
/* Lists that gain links: at level 0 the row's number, above it UPPER_LISTS + the block's. */
#define UPPER_LISTS UINT32_C(0x80000000)

typedef struct worker {
    cg_index_scratch *scratch;
    uint64_t *candidates; /* [2m + BATCH_ROWS] */
    float *row_buffer;    /* [padded dims] */
    cg_work work;
} worker;

struct cg_hnsw_build {
    cg_index *index;
    cg_allocator allocator;
    const uint32_t *rows; /* of the batch */
    uint32_t count;       /* rows of the batch */
    bool has_graph;       /* there was one before the batch */
    uint32_t batch_rows;  /* of the largest batch */
    size_t slot_capacity; /* likewise */
    uint32_t edge_count;
    uint32_t list_count;
    uint32_t worker_count;
    uint32_t *first_slot;  /* [batch_rows] of a row: its top level's m first, level 0's last */
    uint64_t *forward;     /* [slot_capacity] keys of the neighbours chosen; m + 1 at level 0 */
    uint32_t *sources;     /* [slot_capacity] the row that owns the slot */
    uint64_t *edges;       /* [slot_capacity] list << 32 | slot, sorted */
    uint32_t *list_starts; /* [slot_capacity + 1] into edges */
    worker *workers;
};

static uint32_t slots_of(const cg_index *index, uint32_t level) {
    return (level + 1) * index->options.m + 1;
}

static uint64_t *level_slots(const cg_hnsw_build *build, uint32_t place, uint32_t level) {
    const cg_index *index = build->index;
    size_t above = index->hnsw.levels[build->rows[place]] - level;
    return build->forward + build->first_slot[place] + above * index->options.m;
}

/* Phase "search". */

static void add_batch_rows(const cg_hnsw_build *build, uint32_t place, uint32_t level,
                           const cg_probe *probe, cg_candidates *candidates, cg_work *work) {
    const cg_index *index = build->index;
    uint32_t rows[CG_INDEX_BLOCK_ROWS];
    uint32_t count = 0;
    for (uint32_t other = 0; other <= place; other++) {
        if (other < place && index->hnsw.levels[build->rows[other]] >= level) {
            rows[count++] = build->rows[other];
        }
        if (count == CG_INDEX_BLOCK_ROWS || other == place) {
            uint64_t keys[CG_INDEX_BLOCK_ROWS];
            cg_index_keys(index, probe, rows, count, keys, work);
            for (uint32_t i = 0; i < count; i++) {
                (void)cg_candidates_insert(candidates, keys[i]);
            }
            count = 0;
        }
    }
}

/* Removed rows still lead on but are no targets, unless there is nothing else. */
static uint32_t without_removed(const cg_index *index, uint64_t *keys, uint32_t count) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count && index->removed_count > 0; i++) {
        if (!cg_index_is_removed(index, cg_key_row(keys[i]))) {
            keys[kept++] = keys[i];
        }
    }
    return kept > 0 ? kept : count;
}

static void choose_forward(const cg_hnsw_build *build, uint32_t place, uint32_t level,
                           const cg_candidates *candidates, worker *self) {
    uint32_t m = build->index->options.m;
    uint64_t *slots = level_slots(build, place, level);
    for (uint32_t i = 0; i < candidates->count; i++) {
        candidates->keys[i] &= ~UINT64_C(1);
    }
    cg_hnsw_choice choice = {
        .candidates = candidates->keys,
        .count = without_removed(build->index, candidates->keys, candidates->count),
        .width = m,
        .fill = m / 2,
        .tree_row = CG_NO_ROW,
    };
    uint32_t chosen =
        cg_hnsw_choose(build->index, &choice, slots, self->row_buffer, &self->work);
    for (uint32_t i = chosen; i < m + (level == 0); i++) {
        slots[i] = EMPTY_SLOT;
    }
}

static void search_row(void *argument, uint32_t place, uint32_t worker_id) {
    const cg_hnsw_build *build = argument;
    worker *self = &build->workers[worker_id];
    const cg_index *index = build->index;
    uint32_t row = build->rows[place];
    uint32_t row_level = index->hnsw.levels[row];
    uint32_t top_level = cg_hnsw_top_level(index);
    cg_probe probe = cg_probe_of_row(index, row, self->scratch->vector);
    uint64_t start = 0;
    if (build->has_graph) {
        start = cg_hnsw_start(index, &probe, &self->work);
        for (uint32_t level = top_level; level > row_level; level--) {
            start = cg_hnsw_descend(index, &probe, start, level, &self->work);
        }
    }
    for (uint32_t level = row_level + 1; level-- > 0;) {
        cg_candidates candidates = {.keys = self->scratch->keys,
                                    .limit = index->options.ef_construction};
        if (build->has_graph && level <= top_level) {
            candidates.count = cg_hnsw_beam(index, &probe, start, level, candidates.limit,
                                            self->scratch, &self->work);
            start = candidates.keys[0] & ~UINT64_C(1);
        }
        add_batch_rows(build, place, level, &probe, &candidates, &self->work);
        choose_forward(build, place, level, &candidates, self);
    }
}

/* Phase "link". */

/* One of `row`'s children, by number: of those that it links to, else of those that came in this
 * batch. */
static uint32_t child_by_number(const cg_hnsw_build *build, uint32_t row, uint32_t place,
                                uint64_t number) {
    const cg_index *index = build->index;
    uint32_t links[CG_INDEX_LINKS_MAX];
    uint32_t count = cg_hnsw_copy_links(index, row, 0, links);
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (cg_hnsw_is_child(index, row, links[i])) {
            links[found++] = links[i];
        }
    }
    for (uint32_t i = 0, linked = found; linked == 0 && i < place; i++) {
        if (cg_hnsw_is_child(index, row, build->rows[i])) {
            links[found++] = build->rows[i];
        }
    }
    CG_ASSERT(found > 0); /* who has no room has children */
    return links[number % found];
}

/* Puts the parent's key into the first slot. */
static void take_parent(cg_hnsw_build *build, uint32_t place) {
    cg_index *index = build->index;
    const uint8_t most = (uint8_t)(index->options.m / 2);
    uint32_t row = build->rows[place];
    uint64_t *slots = level_slots(build, place, 0);
    uint8_t *children = index->hnsw.children;
    uint32_t at = 0;
    while (slots[at] != EMPTY_SLOT && children[cg_key_row(slots[at])] >= most) {
        at++;
    }
    if (slots[at] == EMPTY_SLOT) {
        uint32_t parent = cg_key_row(slots[0]);
        uint64_t way = cg_hash_u64(row, 0);
        for (; children[parent] >= most; way /= most) {
            parent = child_by_number(build, parent, place, way);
        }
        uint32_t known = 0;
        while (known < at && cg_key_row(slots[known]) != parent) {
            known++;
        }
        if (known == at) { /* the slot kept for this */
            worker *self = &build->workers[0];
            cg_probe probe = cg_probe_of_row(index, row, self->row_buffer);
            cg_index_keys(index, &probe, &parent, 1, &slots[at], &self->work);
        }
        at = known;
    }
    uint64_t key = slots[at];
    memmove(slots + 1, slots, at * sizeof *slots);
    slots[0] = key;
    children[cg_key_row(key)]++;
}

static void link_row(cg_hnsw_build *build, uint32_t place, bool is_root) {
    cg_index *index = build->index;
    const cg_hnsw *hnsw = &index->hnsw;
    const uint32_t row = build->rows[place];
    if (is_root) {
        cg_link_set(cg_hnsw_links(index, row, 0), row);
    } else {
        take_parent(build, place);
    }
    for (uint32_t level = hnsw->levels[row] + 1u; level-- > 0;) {
        const uint64_t *slots = level_slots(build, place, level);
        cg_link *links = cg_hnsw_links(index, row, level);
        uint32_t count = 0;
        for (; count < index->options.m + (level == 0) && slots[count] != EMPTY_SLOT; count++) {
            uint32_t target = cg_key_row(slots[count]);
            uint32_t slot = (uint32_t)(slots + count - build->forward);
            uint32_t list =
                level == 0 ? target : UPPER_LISTS + hnsw->first_block[target] + level - 1;
            cg_link_set(links + count, target);
            build->sources[slot] = row;
            build->edges[build->edge_count++] = (uint64_t)list << 32 | slot;
        }
        cg_work_count(&build->workers[0].work, CG_WORK_INDEX_LINK, 1, count);
    }
}

static void list_reverse_links(cg_hnsw_build *build) {
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

/* Removed rows make way first, but for parent and children. */
static uint32_t without_removed_links(const cg_index *index, uint32_t row, uint32_t level,
                                      uint64_t *keys, uint32_t count) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t other = cg_key_row(keys[i]);
        bool is_tree = level == 0 && (cg_hnsw_parent(index, row) == other ||
                                      cg_hnsw_is_child(index, row, other));
        keys[kept] = keys[i];
        kept += is_tree || !cg_index_is_removed(index, other);
    }
    return kept;
}

static void reverse_list(const cg_hnsw_build *build, uint32_t list_number, worker *self) {
    cg_index *index = build->index;
    const uint64_t *edges = build->edges + build->list_starts[list_number];
    uint32_t incoming = build->list_starts[list_number + 1] - build->list_starts[list_number];
    uint32_t list = (uint32_t)(edges[0] >> 32);
    uint32_t target = cg_key_row(build->forward[(uint32_t)edges[0]]);
    uint32_t level =
        list < UPPER_LISTS ? 0 : list - UPPER_LISTS - index->hnsw.first_block[target] + 1;
    uint32_t rows[CG_INDEX_LINKS_MAX];
    uint32_t count = cg_hnsw_copy_links(index, target, level, rows);
    if (count + incoming <= cg_hnsw_width(index, level)) {
        cg_link *links = cg_hnsw_links(index, target, level);
        for (uint32_t i = 0; i < incoming; i++) {
            cg_link_set(links + count + i, build->sources[(uint32_t)edges[i]]);
        }
        cg_work_count(&self->work, CG_WORK_INDEX_LINK, 1, incoming);
        return;
    }
    uint64_t *candidates = self->candidates;
    bool is_root = level == 0 && rows[0] == target; /* its first link is no neighbour */
    cg_probe probe = cg_probe_of_row(index, target, self->scratch->vector);
    count -= is_root;
    cg_index_keys(index, &probe, rows + is_root, count, candidates, &self->work);
    count = without_removed_links(index, target, level, candidates, count);
    for (uint32_t i = 0; i < incoming; i++) {
        uint32_t slot = (uint32_t)edges[i];
        candidates[count + i] =
            cg_key_of((uint32_t)(build->forward[slot] >> 32), build->sources[slot]);
    }
    cg_hnsw_list chosen_anew = {.row = target,
                                .level = level,
                                .candidates = candidates,
                                .count = count + incoming,
                                .fill = index->options.m / 2};
    uint64_t chosen[CG_INDEX_LINKS_MAX];
    count = cg_hnsw_choose_list(index, &chosen_anew, chosen, self->row_buffer, &self->work);
    cg_hnsw_write_list(index, target, level, chosen, count, &self->work);
}

static void reverse_lists(void *argument, uint32_t task, uint32_t worker_id) {
    const cg_hnsw_build *build = argument;
    uint32_t first = task * LISTS_A_TASK;
    for (uint32_t i = first; i < first + LISTS_A_TASK && i < build->list_count; i++) {
        reverse_list(build, i, &build->workers[worker_id]);
    }
}

/* The whole. */

static void publish(cg_hnsw_build *build) {
    cg_index *index = build->index;
    uint32_t row_limit = cg_index_row_limit(index);
    for (uint32_t i = 0; i < build->count; i++) {
        row_limit = build->rows[i] < row_limit ? row_limit : build->rows[i] + 1;
    }
    atomic_store_explicit(&index->row_limit, row_limit, memory_order_release);
    for (uint32_t i = 0; i < build->count; i++) {
        if ((i == 0 && !build->has_graph) ||
            index->hnsw.levels[build->rows[i]] > cg_hnsw_top_level(index)) {
            cg_hnsw_set_entry(index, build->rows[i]);
        }
    }
}

static void add_batch(cg_hnsw_build *build, const cg_runner *runner) {
    cg_index *index = build->index;
    uint32_t slot = 0;
    for (uint32_t i = 0; i < build->count; i++) {
        uint32_t row = build->rows[i];
        uint32_t level = cg_hnsw_level(&index->options, index->ids ? index->ids[row] : row);
        cg_hnsw_place_row(index, row, level);
        build->first_slot[i] = slot;
        slot += slots_of(index, level);
    }
    CG_ASSERT(slot <= build->slot_capacity);
    cg_runner_run(runner, build->count, search_row, build);
    build->edge_count = 0;
    for (uint32_t i = 0; i < build->count; i++) {
        link_row(build, i, i == 0 && !build->has_graph);
    }
    list_reverse_links(build);
    cg_runner_run(runner, (build->list_count + LISTS_A_TASK - 1) / LISTS_A_TASK, reverse_lists,
                  build);
    publish(build);
    build->has_graph = true;
}

void cg_hnsw_build_run(cg_hnsw_build *build, const uint32_t *rows, uint32_t count,
                       const cg_runner *runner, cg_work *work) {
    build->has_graph = cg_index_rows_in_use(build->index) > 0;
    for (uint32_t done = 0; done < count; done += build->count) {
        build->rows = rows + done;
        build->count = count - done < BATCH_ROWS ? count - done : BATCH_ROWS;
        add_batch(build, runner);
    }
    for (uint32_t i = 0; i < build->worker_count && work; i++) {
        cg_work_add(work, &build->workers[i].work);
    }
}

static size_t candidate_capacity(const cg_hnsw_build *build) {
    return 2 * (size_t)build->index->options.m + build->batch_rows;
}

void cg_hnsw_build_free(cg_hnsw_build *build) {
    if (!build) {
        return;
    }
    const cg_allocator allocator = build->allocator;
    const size_t slots = build->slot_capacity;
    const size_t padded = cg_index_padded_dims(build->index);
    for (uint32_t i = 0; build->workers && i < build->worker_count; i++) {
        worker *self = &build->workers[i];
        if (i > 0 || self->scratch != build->index->writer) {
            cg_index_scratch_free(self->scratch);
        }
        cg_deallocate(&allocator, self->candidates, candidate_capacity(build),
                      sizeof *self->candidates);
        cg_deallocate_aligned(&allocator, self->row_buffer, padded * sizeof(float));
    }
    cg_deallocate(&allocator, build->workers, build->worker_count, sizeof *build->workers);
    cg_deallocate(&allocator, build->list_starts, slots + 1, sizeof *build->list_starts);
    cg_deallocate(&allocator, build->edges, slots, sizeof *build->edges);
    cg_deallocate(&allocator, build->sources, slots, sizeof *build->sources);
    cg_deallocate(&allocator, build->forward, slots, sizeof *build->forward);
    cg_deallocate(&allocator, build->first_slot, build->batch_rows, sizeof *build->first_slot);
    cg_deallocate(&allocator, build, 1, sizeof *build);
}

/* One row at a time would else clear marks for all rows each time: the first worker's scratch
 * stays with an index that grows in small steps. */
static cg_status take_scratch(cg_hnsw_build *build, uint32_t worker_id, cg_error *error) {
    cg_index *index = build->index;
    cg_index_scratch **scratch = &build->workers[worker_id].scratch;
    if (worker_id == 0 && build->batch_rows < BATCH_ROWS) {
        if (!index->writer) {
            cg_status status = cg_index_scratch_alloc(index->allocator, &index->writer, error);
            if (status != CG_OK) {
                return status;
            }
        }
        *scratch = index->writer;
        return CG_OK;
    }
    return cg_index_scratch_alloc(build->allocator, scratch, error);
}

static cg_status alloc_workers(cg_hnsw_build *build, uint32_t rows_after, cg_error *error) {
    const cg_index *index = build->index;
    const cg_allocator *allocator = &build->allocator;
    build->workers = cg_allocate(allocator, build->worker_count, sizeof *build->workers);
    cg_status status = build->workers ? CG_OK : CG_ERROR_MEMORY;
    for (uint32_t i = 0; status == CG_OK && i < build->worker_count; i++) {
        worker *self = &build->workers[i];
        self->candidates = cg_allocate(allocator, candidate_capacity(build), sizeof(uint64_t));
        self->row_buffer =
            cg_allocate_aligned(allocator, cg_index_padded_dims(index) * sizeof(float));
        status = self->candidates && self->row_buffer ? CG_OK : CG_ERROR_MEMORY;
        if (status == CG_OK) {
            status = take_scratch(build, i, error);
        }
        if (status == CG_OK) {
            uint32_t marks = rows_after > index->capacity ? rows_after : index->capacity;
            status = cg_index_scratch_reserve(self->scratch, index, marks,
                                              index->options.ef_construction, error);
        }
    }
    return status;
}

cg_hnsw_need cg_hnsw_needs(const cg_index *index, const uint64_t *ids, uint32_t count) {
    const uint32_t row_limit = cg_index_row_limit(index);
    cg_hnsw_need need = {.count = count, .blocks = index->hnsw.block_count};
    size_t batch_slots = 0;
    uint32_t reused[CG_HNSW_LEVEL_MAX + 1] = {0};
    for (uint32_t i = 0; i < count; i++) {
        uint32_t level = cg_hnsw_level(&index->options, ids ? ids[i] : row_limit + i);
        if (reused[level] < index->hnsw.free_block_count[level]) {
            reused[level]++;
        } else {
            need.blocks += level;
        }
        batch_slots = (i % BATCH_ROWS == 0 ? 0 : batch_slots) + slots_of(index, level);
        need.slots = batch_slots > need.slots ? batch_slots : need.slots;
    }
    uint32_t free_count = index->free_count;
    need.rows = count > free_count ? row_limit + count - free_count : row_limit;
    return need;
}

static cg_status alloc_parts(cg_hnsw_build *build, const cg_hnsw_need *need, cg_error *error) {
    const cg_allocator *allocator = &build->allocator;
    build->first_slot = cg_allocate(allocator, build->batch_rows, sizeof *build->first_slot);
    build->forward = cg_allocate(allocator, need->slots, sizeof *build->forward);
    build->sources = cg_allocate(allocator, need->slots, sizeof *build->sources);
    build->edges = cg_allocate(allocator, need->slots, sizeof *build->edges);
    build->list_starts = cg_allocate(allocator, need->slots + 1, sizeof *build->list_starts);
    if (!build->first_slot || !build->forward || !build->sources || !build->edges ||
        !build->list_starts) {
        return CG_ERROR_MEMORY;
    }
    return alloc_workers(build, need->rows, error);
}

cg_status cg_hnsw_build_alloc(cg_index *index, const cg_hnsw_need *need,
                              const cg_runner *runner, cg_hnsw_build **out, cg_error *error) {
    CG_ASSERT(runner && runner->workers > 0 && need->count > 0);
    const bool had_writer = index->writer != NULL;
    cg_hnsw_build *build = cg_allocate(&index->allocator, 1, sizeof *build);
    cg_status status = CG_ERROR_MEMORY;
    if (build) {
        build->index = index;
        build->allocator = index->allocator;
        build->worker_count = runner->workers;
        build->batch_rows = need->count < BATCH_ROWS ? need->count : BATCH_ROWS;
        build->slot_capacity = need->slots;
        status = alloc_parts(build, need, error);
    }
    if (status != CG_OK) {
        cg_hnsw_build_free(build);
        if (!had_writer) {
            cg_index_scratch_free(index->writer);
            index->writer = NULL;
        }
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "no memory to insert %u rows with %u workers", need->count,
                            runner->workers);
    }
    *out = build;
    return CG_OK;
}
