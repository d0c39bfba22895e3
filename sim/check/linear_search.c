/* Wing & Gong's search with Lowe's memory.
 *
 * Idea: the list holds a call and a return event for each operation that is not yet in the order,
 * by time. Any operation whose call stands before the first return may be next: it is put in the
 * order when the model allows it, and both its events are lifted out. When the walk meets a return
 * first, the operation that returned should have been in the order before: the last choice is
 * taken back. An operation that may never take effect has no return, and the search ends when all
 * others are in the order.
 * Memory: what can still happen depends only on which operations are in the order and on the
 * register's state, so such a pair is visited once.
 * Reads at once: a read that may be next and agrees with the state is put in the order without an
 * alternative, since moving it here from wherever else it would stand changes nothing. (A write
 * that leaves the state as it is may be needed later.)
 *
 * Invariant: the list is that of all events, in their order, without those of the operations on
 * the stack, and `bits` has exactly these.
 *
 * Sources: J. M. Wing, C. Gong, "Testing and verifying concurrent objects", JPDC 17 (1993); G. Lowe,
 * "Testing for linearizability", Concurrency and Computation 29(4) (2017), section 4; A. Horn,
 * D. Kroening, "Faster linearizability checking via P-compositionality", FORTE 2015. Ours are reads
 * at once, and operations that may not take effect.
 * Known value: n writes of different values at once, then a read of none of them, has
 * n! orders but n 2^(n-1) states (a test asserts it).
 */
#include "sim/check/linear_search.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/hash.h"

enum { NONE = 0, STATE_WORDS = 2, SLOTS_FIRST = 64 };

/* Node 0 is the head of the list; node 1 + i is event i. */
typedef struct list_node {
    uint64_t time_ns;
    uint64_t id;
    uint32_t item;
    uint32_t next;
    uint32_t previous;
    uint32_t partner; /* a call's return, or NONE */
    bool returns;
} list_node;

typedef struct choice {
    sim_register_state before;
    uint32_t call;
    bool forced; /* a read at once: nothing else is tried in its place */
} choice;

struct sim_linear_search {
    cg_allocator allocator;
    list_node *nodes;
    size_t node_capacity;
    choice *stack;
    size_t stack_capacity;
    uint64_t *bits;
    size_t bits_capacity;
    /* Pairs that were visited: STATE_WORDS of state, then the bits; found by open addressing. */
    uint64_t *visited;
    size_t visited_capacity;
    uint32_t *slots; /* index + 1 into visited, by pair; 0 is free */
    size_t slots_capacity;
    /* Of the run. */
    const sim_model *model;
    const sim_linear_item *items;
    uint32_t node_count;
    uint32_t pair_words;
    uint64_t pair_count;
    size_t slot_count; /* a power of two, more than twice pair_count */
    uint32_t depth;
    uint32_t must_left;
    sim_register_state state;
};

cg_status sim_linear_search_alloc(cg_allocator allocator, sim_linear_search **out,
                                  cg_error *error) {
    sim_linear_search *search = cg_allocate(&allocator, 1, sizeof *search);
    if (!search) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory to search for orders");
    }
    search->allocator = allocator;
    *out = search;
    return CG_OK;
}

void sim_linear_search_free(sim_linear_search *search) {
    if (!search) {
        return;
    }
    cg_allocator heap = search->allocator;
    cg_deallocate(&heap, search->nodes, search->node_capacity, sizeof *search->nodes);
    cg_deallocate(&heap, search->stack, search->stack_capacity, sizeof *search->stack);
    cg_deallocate(&heap, search->bits, search->bits_capacity, sizeof *search->bits);
    cg_deallocate(&heap, search->visited, search->visited_capacity, sizeof *search->visited);
    cg_deallocate(&heap, search->slots, search->slots_capacity, sizeof *search->slots);
    cg_deallocate(&heap, search, 1, sizeof *search);
}

/* -- The list */

/* By time; at one time calls before returns, so that operations that touch are concurrent. */
static int by_time(const void *left, const void *right) {
    const list_node *a = left;
    const list_node *b = right;
    if (a->time_ns != b->time_ns) {
        return a->time_ns < b->time_ns ? -1 : 1;
    }
    if (a->returns != b->returns) {
        return a->returns ? 1 : -1;
    }
    return (a->id > b->id) - (a->id < b->id);
}

/* `call_of` has room for an index an item. */
static void link_list(sim_linear_search *search, uint32_t *call_of) {
    list_node *nodes = search->nodes;
    nodes[0] = (list_node){.next = search->node_count > 0 ? 1 : NONE};
    for (uint32_t i = 1; i <= search->node_count; ++i) {
        nodes[i].previous = i - 1;
        nodes[i].next = i < search->node_count ? i + 1 : NONE;
        if (nodes[i].returns) {
            nodes[call_of[nodes[i].item]].partner = i;
        } else {
            call_of[nodes[i].item] = i;
        }
    }
}

static void lift(list_node *nodes, uint32_t at) {
    nodes[nodes[at].previous].next = nodes[at].next;
    if (nodes[at].next != NONE) {
        nodes[nodes[at].next].previous = nodes[at].previous;
    }
}

static void put_back(list_node *nodes, uint32_t at) {
    nodes[nodes[at].previous].next = at;
    if (nodes[at].next != NONE) {
        nodes[nodes[at].next].previous = at;
    }
}

/* -- Pairs */

static uint64_t *pair_at(const sim_linear_search *search, uint64_t index) {
    return search->visited + index * search->pair_words;
}

static size_t slot_of(const sim_linear_search *search, const uint64_t *pair) {
    size_t mask = search->slot_count - 1;
    size_t slot = (size_t)cg_hash_bytes(pair, search->pair_words * sizeof *pair, 0) & mask;
    while (search->slots[slot] != 0 && memcmp(pair_at(search, search->slots[slot] - 1), pair,
                                              search->pair_words * sizeof *pair) != 0) {
        slot = (slot + 1) & mask;
    }
    return slot;
}

static cg_status set_slots(sim_linear_search *search, size_t slot_count, cg_error *error) {
    cg_status status =
        CG_GROW(&search->allocator, search->slots, search->slots_capacity, slot_count, error);
    if (status != CG_OK) {
        return status;
    }
    search->slot_count = slot_count;
    memset(search->slots, 0, slot_count * sizeof *search->slots);
    for (uint64_t i = 0; i < search->pair_count; ++i) {
        search->slots[slot_of(search, pair_at(search, i))] = (uint32_t)(i + 1);
    }
    return CG_OK;
}

/* Notes that the pair (state, bits) is visited; *is_new when it was not before. */
static cg_status visit(sim_linear_search *search, const sim_register_state *state, bool *is_new,
                       cg_error *error) {
    if ((search->pair_count + 1) * 2 >= search->slot_count) {
        cg_status status = set_slots(search, search->slot_count * 2, error);
        if (status != CG_OK) {
            return status;
        }
    }
    size_t needed = (size_t)(search->pair_count + 1) * search->pair_words;
    cg_status status =
        CG_GROW(&search->allocator, search->visited, search->visited_capacity, needed, error);
    if (status != CG_OK) {
        return status;
    }
    uint64_t *pair = pair_at(search, search->pair_count);
    memcpy(pair, state->words, sizeof state->words);
    memcpy(pair + STATE_WORDS, search->bits, (search->pair_words - STATE_WORDS) * sizeof *pair);
    size_t slot = slot_of(search, pair);
    *is_new = search->slots[slot] == 0;
    if (*is_new) {
        search->slots[slot] = (uint32_t)++search->pair_count;
    }
    return CG_OK;
}

/* -- The search */

static void flip(sim_linear_search *search, uint32_t item) {
    search->bits[item / 64] ^= UINT64_C(1) << (item % 64);
}

static bool same(const sim_register_state *a, const sim_register_state *b) {
    return memcmp(a->words, b->words, sizeof a->words) == 0;
}

static void push(sim_linear_search *search, uint32_t call, const sim_register_state *next,
                 bool forced) {
    const list_node *node = &search->nodes[call];
    search->stack[search->depth++] =
        (choice){.before = search->state, .call = call, .forced = forced};
    search->state = *next;
    lift(search->nodes, call);
    if (node->partner != NONE) {
        lift(search->nodes, node->partner);
        search->must_left--;
    }
}

/* Takes choices back up to one that has alternatives; gives the node to go on at, or NONE when
 * there is no choice left. */
static uint32_t backtrack(sim_linear_search *search) {
    while (search->depth > 0) {
        const choice *last = &search->stack[--search->depth];
        const list_node *node = &search->nodes[last->call];
        if (node->partner != NONE) {
            put_back(search->nodes, node->partner);
            search->must_left++;
        }
        put_back(search->nodes, last->call);
        flip(search, node->item);
        search->state = last->before;
        if (!last->forced) {
            return node->next;
        }
    }
    return NONE;
}

/* Puts the operation that is called at `call` in the order when that leads to a new pair. */
static cg_status try_call(sim_linear_search *search, uint32_t call, bool *pushed,
                          cg_error *error) {
    const list_node *node = &search->nodes[call];
    const sim_linear_item *item = &search->items[node->item];
    sim_register_state next = search->state;
    *pushed = false;
    if (!search->model->step(&search->state, item->operation, &next)) {
        return CG_OK;
    }
    bool unchanged = same(&next, &search->state);
    if (unchanged && item->use == SIM_USE_MAY) {
        return CG_OK; /* as good as if it never took effect */
    }
    flip(search, node->item);
    cg_status status = visit(search, &next, pushed, error);
    if (status == CG_OK && *pushed) {
        push(search, call, &next, unchanged && search->model->only_reads(item->operation));
    } else {
        flip(search, node->item);
    }
    return status;
}

static cg_status run(sim_linear_search *search, uint64_t states_max, sim_linear_answer *answer,
                     cg_error *error) {
    uint32_t at = search->nodes[0].next;
    while (search->must_left > 0) {
        /* While an operation must take effect, its return is in the list: the walk meets one. */
        CG_ASSERT(at != NONE);
        if (search->nodes[at].returns) {
            at = backtrack(search);
            if (at == NONE) {
                *answer = SIM_LINEAR_NO;
                return CG_OK;
            }
            continue;
        }
        if (search->pair_count >= states_max) {
            *answer = SIM_LINEAR_GIVEN_UP;
            return CG_OK;
        }
        bool pushed = false;
        cg_status status = try_call(search, at, &pushed, error);
        if (status != CG_OK) {
            return status;
        }
        at = pushed ? search->nodes[0].next : search->nodes[at].next;
    }
    *answer = SIM_LINEAR_YES;
    return CG_OK;
}

static cg_status prepare(sim_linear_search *search, uint32_t count, cg_error *error) {
    size_t words = (count + 63) / 64;
    cg_status status = CG_GROW(&search->allocator, search->nodes, search->node_capacity,
                               2 * (size_t)count + 1, error);
    if (status == CG_OK) {
        status = CG_GROW(&search->allocator, search->stack, search->stack_capacity,
                         (size_t)count + 1, error);
    }
    if (status == CG_OK) {
        status = CG_GROW(&search->allocator, search->bits, search->bits_capacity, words, error);
    }
    if (status != CG_OK) {
        return status;
    }
    search->node_count = 0;
    search->must_left = 0;
    for (uint32_t i = 0; i < count; ++i) {
        const sim_linear_item *item = &search->items[i];
        search->nodes[++search->node_count] = (list_node){
            .time_ns = item->operation->invoke_ns, .id = item->operation->id, .item = i};
        if (item->use == SIM_USE_MUST) {
            search->must_left++;
            search->nodes[++search->node_count] =
                (list_node){.time_ns = item->operation->complete_ns,
                            .id = item->operation->id,
                            .item = i,
                            .returns = true};
        }
    }
    qsort(search->nodes + 1, search->node_count, sizeof *search->nodes, by_time);
    if (words > 0) {
        memset(search->bits, 0, words * sizeof *search->bits);
    }
    search->pair_words = (uint32_t)words + STATE_WORDS;
    search->pair_count = 0;
    search->depth = 0;
    search->state = search->model->initial;
    return set_slots(search, SLOTS_FIRST, error);
}

cg_status sim_linear_search_run(sim_linear_search *search, const sim_model *model,
                                const sim_linear_item *items, uint32_t count,
                                uint64_t states_max, sim_linear_answer *answer,
                                uint64_t *states, cg_error *error) {
    CG_ASSERT(count <= SIM_LINEAR_OPERATIONS_MAX);
    uint32_t call_of[SIM_LINEAR_OPERATIONS_MAX];
    search->model = model;
    search->items = items;
    cg_status status = prepare(search, count, error);
    if (status == CG_OK) {
        link_list(search, call_of);
        status =
            run(search, states_max < UINT32_MAX ? states_max : UINT32_MAX - 1, answer, error);
    }
    *states = search->pair_count;
    return status;
}
