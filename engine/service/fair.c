/* Start-time fair queueing: see fair.h for the idea, its source and where we differ.
 *
 * Invariants, on every level: v is behind or at every start tag that waits, and behind every
 * finish tag of an idle flow; a flow is in `backlogged` exactly when it has entries, else in
 * `idle`; heaps have room for all flows of the level, so that only push and pass can fail.
 *
 * Known value: a sends costs 3, 3, 3 and then b sends 1, 1, 1: start tags 0 3 6 and 0 1 2, so
 * they start a b b b a a.
 */
#include "engine/service/fair.h"

#define VIRTUAL_TIME_FIRST (UINT64_MAX - 1000)

static uint64_t table_key(uint32_t level, uint32_t client) {
    return ((uint64_t)level << 32) | client;
}

cg_status cg_fair_init(cg_fair *fair, uint32_t idle_max, cg_allocator allocator,
                       cg_error *error) {
    *fair = (cg_fair){
        .allocator = allocator,
        .idle_max = idle_max,
        .entry_free = CG_FAIR_NONE,
        .flow_free = CG_FAIR_NONE,
    };
    for (uint32_t level = 0; level < CG_FAIR_LEVELS; level++) {
        fair->levels[level].virtual_time = VIRTUAL_TIME_FIRST;
    }
    return cg_table_alloc(allocator, &fair->by_client, error);
}

void cg_fair_deinit(cg_fair *fair) {
    const cg_allocator *allocator = &fair->allocator;
    for (uint32_t level = 0; level < CG_FAIR_LEVELS; level++) {
        cg_turns_deinit(&fair->levels[level].backlogged, allocator);
        cg_turns_deinit(&fair->levels[level].idle, allocator);
    }
    cg_deallocate(allocator, fair->entries, fair->entry_capacity, sizeof *fair->entries);
    cg_deallocate(allocator, fair->flows, fair->flow_capacity, sizeof *fair->flows);
    cg_deallocate(allocator, fair->flow_positions, fair->flow_position_capacity,
                  sizeof *fair->flow_positions);
    cg_table_free(fair->by_client);
}

uint64_t cg_fair_bytes(const cg_fair *fair) {
    uint64_t turns = 0;
    for (uint32_t level = 0; level < CG_FAIR_LEVELS; level++) {
        turns += fair->levels[level].backlogged.capacity + fair->levels[level].idle.capacity;
    }
    return turns * sizeof(cg_turn) + fair->entry_capacity * sizeof *fair->entries +
           fair->flow_capacity * sizeof *fair->flows +
           fair->flow_position_capacity * sizeof *fair->flow_positions +
           cg_table_bytes(fair->by_client);
}

/* CG_FAIR_NONE when the client is not remembered. */
static uint32_t find_flow(const cg_fair *fair, uint32_t level, uint32_t client) {
    uint64_t flow = CG_FAIR_NONE;
    cg_table_get(fair->by_client, table_key(level, client), &flow);
    return (uint32_t)flow;
}

static void push_backlogged(cg_fair *fair, uint32_t flow) {
    const cg_fair_flow *its = &fair->flows[flow];
    cg_turn turn = {its->tag, fair->entries[its->first].sequence, flow};
    cg_turns_push(&fair->levels[its->level].backlogged, fair->flow_positions, turn);
}

static void forget_first_idle(cg_fair *fair, cg_fair_level *level) {
    uint32_t flow = level->idle.heap[0].number;
    cg_turns_remove(&level->idle, fair->flow_positions, flow);
    cg_fair_flow *its = &fair->flows[flow];
    cg_table_remove(fair->by_client, table_key(its->level, its->client));
    its->first = fair->flow_free;
    fair->flow_free = flow;
}

/* Virtual time moves on, and finish tags that it has reached mean nothing any more. */
static void advance(cg_fair *fair, cg_fair_level *level, uint64_t virtual_time) {
    level->virtual_time = virtual_time;
    while (level->idle.count > 0 &&
           !cg_turns_key_before(virtual_time, level->idle.heap[0].key)) {
        forget_first_idle(fair, level);
    }
}

static void push_idle(cg_fair *fair, uint32_t flow) {
    const cg_fair_flow *its = &fair->flows[flow];
    cg_fair_level *level = &fair->levels[its->level];
    cg_turn turn = {its->tag, its->client, flow};
    cg_turns_push(&level->idle, fair->flow_positions, turn);
    if (level->idle.count > fair->idle_max) {
        forget_first_idle(fair, level);
    }
    advance(fair, level, level->virtual_time);
}

/* Room for one more flow on the level. */
static cg_status reserve_flow(cg_fair *fair, uint32_t number, cg_error *error) {
    cg_fair_level *level = &fair->levels[number];
    size_t flows = level->backlogged.count + level->idle.count + 1;
    size_t idle = flows <= fair->idle_max ? flows : (size_t)fair->idle_max + 1;
    cg_status status = cg_turns_reserve(&level->backlogged, &fair->allocator, flows, error);
    if (status == CG_OK) {
        status = cg_turns_reserve(&level->idle, &fair->allocator, idle, error);
    }
    size_t used = (size_t)fair->flow_used + 1;
    if (status == CG_OK && fair->flow_free == CG_FAIR_NONE) {
        status = CG_GROW(&fair->allocator, fair->flows, fair->flow_capacity, used, error);
    }
    if (status == CG_OK && fair->flow_free == CG_FAIR_NONE) {
        status = CG_GROW(&fair->allocator, fair->flow_positions, fair->flow_position_capacity,
                         used, error);
    }
    return status;
}

/* The client's flow on the level, in neither heap, with the start tag of what comes next. */
static cg_status open_flow(cg_fair *fair, uint32_t level, uint32_t client, uint32_t *out,
                           cg_error *error) {
    uint32_t flow = find_flow(fair, level, client);
    if (flow != CG_FAIR_NONE) {
        cg_turns_remove(&fair->levels[level].idle, fair->flow_positions, flow);
        *out = flow;
        return CG_OK;
    }
    cg_status status = reserve_flow(fair, level, error);
    if (status != CG_OK) {
        return status;
    }
    flow = fair->flow_free != CG_FAIR_NONE ? fair->flow_free : fair->flow_used;
    status = cg_table_put(fair->by_client, table_key(level, client), flow, error);
    if (status != CG_OK) {
        return status;
    }
    if (flow == fair->flow_used) {
        fair->flow_used++;
    } else {
        fair->flow_free = fair->flows[flow].first;
    }
    fair->flows[flow] = (cg_fair_flow){
        .tag = fair->levels[level].virtual_time,
        .client = client,
        .first = CG_FAIR_NONE,
        .last = CG_FAIR_NONE,
        .level = level,
    };
    *out = flow;
    return CG_OK;
}

static cg_status reserve_entry(cg_fair *fair, cg_error *error) {
    if (fair->entry_free != CG_FAIR_NONE) {
        return CG_OK;
    }
    return CG_GROW(&fair->allocator, fair->entries, fair->entry_capacity,
                   (size_t)fair->entry_used + 1, error);
}

static uint32_t take_entry(cg_fair *fair) {
    uint32_t entry = fair->entry_free;
    if (entry == CG_FAIR_NONE) {
        return fair->entry_used++;
    }
    fair->entry_free = fair->entries[entry].next;
    return entry;
}

cg_status cg_fair_push(cg_fair *fair, uint32_t level, uint32_t client,
                       const cg_fair_entry *request, uint32_t *entry, cg_error *error) {
    uint32_t flow = find_flow(fair, level, client);
    bool opened = flow == CG_FAIR_NONE || fair->flows[flow].waiting == 0;
    cg_status status = reserve_entry(fair, error);
    if (status == CG_OK && opened) {
        status = open_flow(fair, level, client, &flow, error);
    }
    if (status != CG_OK) {
        return status;
    }
    uint32_t added = take_entry(fair);
    cg_fair_flow *its = &fair->flows[flow];
    fair->entries[added] = *request;
    fair->entries[added].flow = flow;
    fair->entries[added].next = CG_FAIR_NONE;
    fair->entries[added].previous = opened ? CG_FAIR_NONE : its->last;
    its->last = added;
    its->waiting++;
    fair->levels[level].waiting++;
    if (opened) {
        its->first = added;
        push_backlogged(fair, flow);
    } else {
        fair->entries[fair->entries[added].previous].next = added;
    }
    *entry = added;
    return CG_OK;
}

cg_status cg_fair_pass(cg_fair *fair, uint32_t level, uint32_t client, uint32_t cost,
                       cg_error *error) {
    CG_ASSERT(fair->levels[level].waiting == 0);
    uint32_t flow = 0;
    cg_status status = open_flow(fair, level, client, &flow, error);
    if (status != CG_OK) {
        return status;
    }
    advance(fair, &fair->levels[level], fair->flows[flow].tag);
    fair->flows[flow].tag += cost;
    push_idle(fair, flow);
    return CG_OK;
}

uint32_t cg_fair_first(const cg_fair *fair, uint32_t level) {
    const cg_turns *backlogged = &fair->levels[level].backlogged;
    return backlogged->count == 0 ? CG_FAIR_NONE
                                  : fair->flows[backlogged->heap[0].number].first;
}

/* Takes the entry out of its flow, whose tag is then `tag`. */
static void detach(cg_fair *fair, uint32_t entry, uint64_t tag) {
    cg_fair_entry *gone = &fair->entries[entry];
    cg_fair_flow *its = &fair->flows[gone->flow];
    bool was_first = its->first == entry;
    if (was_first) {
        cg_turns_remove(&fair->levels[its->level].backlogged, fair->flow_positions, gone->flow);
        its->tag = tag;
        its->first = gone->next;
    } else {
        fair->entries[gone->previous].next = gone->next;
    }
    if (gone->next == CG_FAIR_NONE) {
        its->last = gone->previous;
    } else {
        fair->entries[gone->next].previous = gone->previous;
    }
    its->waiting--;
    fair->levels[its->level].waiting--;
    if (was_first && its->waiting > 0) {
        push_backlogged(fair, gone->flow);
    } else if (was_first) {
        push_idle(fair, gone->flow);
    }
    gone->next = fair->entry_free;
    fair->entry_free = entry;
}

void cg_fair_take(cg_fair *fair, uint32_t entry) {
    const cg_fair_entry *starts = &fair->entries[entry];
    const cg_fair_flow *its = &fair->flows[starts->flow];
    CG_ASSERT(its->first == entry);
    cg_fair_level *level = &fair->levels[its->level];
    advance(fair, level, level->backlogged.heap[0].key);
    detach(fair, entry, its->tag + starts->cost);
}

void cg_fair_remove(cg_fair *fair, uint32_t entry) {
    detach(fair, entry, fair->flows[fair->entries[entry].flow].tag);
}

void cg_fair_settle(cg_fair *fair) {
    for (uint32_t number = 0; number < CG_FAIR_LEVELS; number++) {
        while (fair->levels[number].idle.count > 0) {
            forget_first_idle(fair, &fair->levels[number]);
        }
    }
}

uint32_t cg_fair_waiting(const cg_fair *fair, uint32_t level, uint32_t client) {
    uint32_t flow = find_flow(fair, level, client);
    return flow == CG_FAIR_NONE ? 0 : fair->flows[flow].waiting;
}
