/* Samples of WordNet, what is held out of them, and their graphs.
 *
 * The rule is in wordnet.h. Leaves are reserved before members are drawn, and a leaf is
 * nobody's ancestor, so drawing can neither take a reserved synset nor need one. Invariant
 * after every draw: the members are closed under hypernyms.
 *
 * Known value: all of WordNet 3.0 with 1,000 held out has 116,659 members.
 */
#include "engine/base/prng.h"
#include "engine/graph/graph_layout.h"
#include "engine/graph/wordnet_layout.h"

enum { HAS_CHILD = 1, RESERVED = 2, MEMBER = 4, WANTED = 8 };

typedef struct ranked {
    uint64_t draw;
    uint32_t number;
} ranked;

typedef struct sampling {
    const cg_wordnet *wordnet;
    uint32_t count;
    uint8_t *flags;   /* [count] of the enum above */
    ranked *leaves;   /* [count], leaf_count used, by rank */
    ranked *order;    /* [count] */
    uint32_t *wanted; /* [count]: a synset and its ancestors that are no members yet */
    uint32_t leaf_count;
    uint32_t member_count;
} sampling;

static bool ranks_before(ranked left, ranked right) {
    return left.draw < right.draw || (left.draw == right.draw && left.number < right.number);
}

static void sift_down(ranked *items, size_t at, size_t count) {
    ranked item = items[at];
    for (size_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count && ranks_before(items[child], items[child + 1])) {
            child++;
        }
        if (!ranks_before(item, items[child])) {
            break;
        }
        items[at] = items[child];
        at = child;
    }
    items[at] = item;
}

static void sort_ranked(ranked *items, size_t count) {
    for (size_t i = count / 2; i > 0; i--) {
        sift_down(items, i - 1, count);
    }
    for (size_t left = count; left > 1; left--) {
        ranked last = items[0];
        items[0] = items[left - 1];
        items[left - 1] = last;
        sift_down(items, 0, left - 1);
    }
}

static bool is_noun(uint64_t id) {
    return id / WORDNET_FILE_STRIDE == 1;
}

/* Edges of types 0 and 1 are the parents, so they come first. */
static uint32_t parent_count(cg_synset synset) {
    uint32_t count = 0;
    while (count < synset.edge_count && cg_edge_is_parent(synset.edges[count].type)) {
        count++;
    }
    return count;
}

static void rank_leaves(sampling *work, uint64_t seed) {
    for (uint32_t i = 0; i < work->count; i++) {
        cg_synset synset = cg_wordnet_synset(work->wordnet, i);
        for (uint32_t p = parent_count(synset); p > 0; p--) {
            work->flags[synset.edges[p - 1].target] |= HAS_CHILD;
        }
    }
    cg_stream draws = cg_stream_init(seed, "wordnet.held_out", 0);
    for (uint32_t i = 0; i < work->count; i++) {
        cg_synset synset = cg_wordnet_synset(work->wordnet, i);
        if (is_noun(synset.id) && (work->flags[i] & HAS_CHILD) == 0 &&
            parent_count(synset) > 0) {
            draws.entity = synset.id;
            work->leaves[work->leaf_count++] = (ranked){cg_stream_at(&draws, 0), i};
        }
    }
    sort_ranked(work->leaves, work->leaf_count);
}

static void rank_all(sampling *work, uint64_t seed) {
    cg_stream draws = cg_stream_init(seed, "wordnet.member", 0);
    for (uint32_t i = 0; i < work->count; i++) {
        draws.entity = cg_wordnet_synset(work->wordnet, i).id;
        work->order[i] = (ranked){cg_stream_at(&draws, 0), i};
    }
    sort_ranked(work->order, work->count);
}

/* Makes a synset and its ancestors members when they are at most `room`; says whether it
 * did. */
static bool draw(sampling *work, uint32_t number, uint32_t room) {
    uint32_t wanted = 0;
    work->wanted[wanted++] = number;
    work->flags[number] |= WANTED;
    for (uint32_t next = 0; next < wanted && wanted <= room; next++) {
        cg_synset synset = cg_wordnet_synset(work->wordnet, work->wanted[next]);
        uint32_t parents = parent_count(synset);
        for (uint32_t p = 0; p < parents; p++) {
            uint32_t parent = synset.edges[p].target;
            if ((work->flags[parent] & (MEMBER | WANTED)) == 0) {
                work->flags[parent] |= WANTED;
                work->wanted[wanted++] = parent;
            }
        }
    }
    bool fits = wanted <= room;
    for (uint32_t i = 0; i < wanted; i++) {
        uint8_t *flags = &work->flags[work->wanted[i]];
        *flags = (uint8_t)((*flags & ~WANTED) | (fits ? MEMBER : 0));
    }
    work->member_count += fits ? wanted : 0;
    return fits;
}

static void draw_members(sampling *work, uint32_t nodes) {
    uint32_t before = UINT32_MAX;
    while (work->member_count < nodes && work->member_count != before) {
        before = work->member_count;
        for (uint32_t i = 0; i < work->count && work->member_count < nodes; i++) {
            uint32_t number = work->order[i].number;
            if ((work->flags[number] & (MEMBER | RESERVED)) == 0) {
                (void)draw(work, number, nodes - work->member_count);
            }
        }
    }
}

static void take_all(sampling *work) {
    for (uint32_t i = 0; i < work->count; i++) {
        if ((work->flags[i] & RESERVED) == 0) {
            work->flags[i] |= MEMBER;
            work->member_count++;
        }
    }
}

static bool can_be_held_out(const sampling *work, uint32_t leaf) {
    cg_synset synset = cg_wordnet_synset(work->wordnet, leaf);
    uint32_t parents = parent_count(synset);
    bool possible = (work->flags[leaf] & MEMBER) == 0;
    for (uint32_t p = 0; p < parents && possible; p++) {
        possible = (work->flags[synset.edges[p].target] & MEMBER) != 0;
    }
    return possible;
}

/* Moves the leaves that are held out to the front, in rank order; returns how many. */
static uint32_t choose_held_out(sampling *work, uint32_t held_out_max) {
    uint32_t chosen = 0;
    for (uint32_t i = 0; i < work->leaf_count && chosen < held_out_max; i++) {
        if (can_be_held_out(work, work->leaves[i].number)) {
            work->leaves[chosen++] = work->leaves[i];
        }
    }
    return chosen;
}

static cg_status copy_out(const sampling *work, uint32_t held_out_count,
                          const cg_allocator *allocator, cg_wordnet_sample *out,
                          cg_error *error) {
    uint32_t *members = cg_allocate(allocator, work->member_count, sizeof *members);
    uint32_t *held_out = cg_allocate(allocator, held_out_count, sizeof *held_out);
    if (!members || (held_out_count > 0 && !held_out)) {
        cg_deallocate(allocator, members, work->member_count, sizeof *members);
        cg_deallocate(allocator, held_out, held_out_count, sizeof *held_out);
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "out of memory for a sample of %u WordNet synsets",
                            work->member_count);
    }
    uint32_t filled = 0;
    for (uint32_t i = 0; i < work->count; i++) {
        if ((work->flags[i] & MEMBER) != 0) {
            members[filled++] = i;
        }
    }
    CG_ASSERT(filled == work->member_count);
    for (uint32_t i = 0; i < held_out_count; i++) {
        held_out[i] = work->leaves[i].number;
    }
    *out = (cg_wordnet_sample){members, filled, held_out, held_out_count};
    return CG_OK;
}

static uint32_t sample_into(sampling *work, uint32_t nodes, uint32_t held_out_max,
                            uint64_t seed) {
    rank_leaves(work, seed);
    uint32_t reserved = held_out_max < work->leaf_count ? held_out_max : work->leaf_count;
    for (uint32_t i = 0; i < reserved; i++) {
        work->flags[work->leaves[i].number] |= RESERVED;
    }
    if (nodes == 0 || nodes >= work->count - reserved) {
        take_all(work);
    } else {
        rank_all(work, seed);
        draw_members(work, nodes);
    }
    return choose_held_out(work, held_out_max);
}

cg_status cg_wordnet_sample_alloc(const cg_wordnet *wordnet, uint32_t nodes,
                                  uint32_t held_out_max, uint64_t seed, cg_allocator allocator,
                                  cg_wordnet_sample *out, cg_error *error) {
    sampling work = {.wordnet = wordnet, .count = cg_wordnet_count(wordnet)};
    work.flags = cg_allocate(&allocator, work.count, sizeof *work.flags);
    work.leaves = cg_allocate(&allocator, work.count, sizeof *work.leaves);
    work.order = cg_allocate(&allocator, work.count, sizeof *work.order);
    work.wanted = cg_allocate(&allocator, work.count, sizeof *work.wanted);
    cg_status status = CG_OK;
    if (!work.flags || !work.leaves || !work.order || !work.wanted) {
        status =
            cg_error_set(error, CG_ERROR_MEMORY,
                         "out of memory to draw a sample of %u WordNet synsets", work.count);
    } else {
        uint32_t held_out_count = sample_into(&work, nodes, held_out_max, seed);
        status = work.member_count > 0
                     ? copy_out(&work, held_out_count, &allocator, out, error)
                     : cg_error_set(error, CG_ERROR_INVALID,
                                    "no WordNet synset fits into a sample of %u nodes with its "
                                    "hypernyms",
                                    nodes);
    }
    cg_deallocate(&allocator, work.flags, work.count, sizeof *work.flags);
    cg_deallocate(&allocator, work.leaves, work.count, sizeof *work.leaves);
    cg_deallocate(&allocator, work.order, work.count, sizeof *work.order);
    cg_deallocate(&allocator, work.wanted, work.count, sizeof *work.wanted);
    return status;
}

void cg_wordnet_sample_free(cg_wordnet_sample *sample, cg_allocator allocator) {
    cg_deallocate(&allocator, sample->members, sample->member_count, sizeof *sample->members);
    cg_deallocate(&allocator, sample->held_out, sample->held_out_count,
                  sizeof *sample->held_out);
    *sample = (cg_wordnet_sample){0};
}

/* --- The graph of a sample. --- */

static bool find_row(const cg_wordnet_sample *sample, uint32_t number, uint32_t *row) {
    uint32_t low = 0;
    uint32_t high = sample->member_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (sample->members[middle] < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *row = low;
    return low < sample->member_count && sample->members[low] == number;
}

/* Sussna's weight of an edge of this type, one of `alike` that leave its concept: 1 / (2 - 1 / alike),
 * as 8 bits. The known values: 255 alone, 170 of two, 128 of very many; 102 for an antonym. */
static uint8_t weight_of(uint16_t type, uint32_t alike) {
    const uint64_t full = UINT8_MAX + 1;
    const uint64_t weight = type == CG_EDGE_ANTONYM
                                ? full * 2 / 5
                                : (full * alike + alike - 1) / (2 * (uint64_t)alike - 1);
    return (uint8_t)(weight - 1);
}

/* Of synset.edges from i on, sorted by type: those of i's type that the sample keeps. */
static uint32_t count_alike(const cg_wordnet_sample *sample, cg_synset synset, uint32_t i) {
    uint32_t alike = 0;
    uint32_t row = 0;
    for (uint32_t j = i; j < synset.edge_count && synset.edges[j].type == synset.edges[i].type;
         j++) {
        alike += find_row(sample, synset.edges[j].target, &row);
    }
    return alike;
}

static cg_status add_edges(cg_graph *graph, const cg_wordnet_sample *sample, uint32_t row,
                           cg_synset synset, bool weighted, cg_error *error) {
    uint32_t alike = 0;
    for (uint32_t i = 0; i < synset.edge_count; i++) {
        cg_edge edge = synset.edges[i];
        if (weighted && (i == 0 || synset.edges[i - 1].type != edge.type)) {
            alike = count_alike(sample, synset, i);
        }
        if (find_row(sample, synset.edges[i].target, &edge.target)) {
            edge.weight = weighted ? weight_of(edge.type, alike) : edge.weight;
            cg_status status = cg_graph_add_edge(graph, row, edge, error);
            if (status != CG_OK) {
                return status;
            }
        }
    }
    return CG_OK;
}

static cg_status fill_graph(cg_graph *graph, const cg_wordnet *wordnet,
                            const cg_wordnet_sample *sample, bool weighted, cg_error *error) {
    for (uint32_t i = 0; i < sample->member_count; i++) {
        cg_synset synset = cg_wordnet_synset(wordnet, sample->members[i]);
        uint32_t row = 0;
        cg_status status =
            cg_graph_add_concept(graph, synset.id, synset.type, synset.name, &row, error);
        if (status != CG_OK) {
            return status;
        }
    }
    for (uint32_t i = 0; i < sample->member_count; i++) {
        cg_synset synset = cg_wordnet_synset(wordnet, sample->members[i]);
        cg_status status = add_edges(graph, sample, i, synset, weighted, error);
        if (status != CG_OK) {
            return status;
        }
    }
    return cg_graph_freeze(graph, error);
}

cg_status cg_wordnet_graph(const cg_wordnet *wordnet, const cg_wordnet_sample *sample,
                           bool weighted, cg_allocator allocator, cg_graph **out,
                           cg_error *error) {
    cg_graph *graph = NULL;
    cg_status status = cg_graph_alloc(NULL, allocator, &graph, error);
    if (status != CG_OK) {
        return status;
    }
    status = fill_graph(graph, wordnet, sample, weighted, error);
    if (status != CG_OK) {
        cg_graph_free(graph);
        return status;
    }
    *out = graph;
    return CG_OK;
}

uint32_t cg_wordnet_answer(const cg_wordnet *wordnet, const cg_wordnet_sample *sample,
                           uint32_t synset, uint32_t *rows, uint32_t max) {
    cg_synset held = cg_wordnet_synset(wordnet, synset);
    uint32_t parents = parent_count(held);
    uint32_t count = 0;
    for (uint32_t p = 0; p < parents && count < max; p++) {
        if (find_row(sample, held.edges[p].target, &rows[count])) {
            count++;
        }
    }
    return count;
}
