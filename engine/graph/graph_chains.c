/* Growing edges: chains by row in one array, with a table for each long chain.
 *
 * Adding walks a chain only while it is shorter than HUB_EDGES, to refuse duplicates; a longer
 * one is looked up in its table. So an addition costs about the same to a row of any length, with
 * any number of relations, whatever comes twice.
 *
 * Invariants: whatever can fail in an addition (memory) happens before the first visible change;
 * from HUB_EDGES on, a chain's table has just the chain's edges. Below that the table may have
 * entries left from a time when the chain was longer, or from a failed addition; they are of
 * edges in the chain, and not read.
 * Known value: a hub with a million edges, each of which is then refused once and given another
 * weight, takes well under a second, where walks would take hours.
 */
#include "engine/graph/graph_layout.h"

cg_status cg_chains_init(edge_chains *chains, cg_allocator allocator, cg_error *error) {
    return cg_table_alloc(allocator, &chains->chain_of_row, error);
}

void cg_chains_deinit(edge_chains *chains, const cg_allocator *allocator) {
    for (uint32_t c = 0; c < chains->chain_count; c++) {
        cg_table_free(chains->chains[c].hub);
    }
    cg_deallocate(allocator, chains->edges, chains->edge_capacity, sizeof(growing_edge));
    cg_deallocate(allocator, chains->chains, chains->chain_capacity, sizeof(chain));
    cg_table_free(chains->chain_of_row);
    *chains = (edge_chains){0};
}

chain *cg_chains_of(const edge_chains *chains, uint32_t row) {
    uint64_t index = 0;
    if (chains->edge_count == 0 || !cg_table_get(chains->chain_of_row, row, &index)) {
        return NULL;
    }
    return &chains->chains[index];
}

static uint64_t hub_key(cg_edge edge) {
    return (uint64_t)edge.target << 16 | edge.type;
}

uint32_t cg_chains_find(const edge_chains *chains, uint32_t row, cg_edge edge) {
    const chain *held = cg_chains_of(chains, row);
    if (!held) {
        return NO_EDGE;
    }
    if (held->count >= HUB_EDGES) {
        uint64_t place = NO_EDGE;
        return cg_table_get(held->hub, hub_key(edge), &place) ? (uint32_t)place : NO_EDGE;
    }
    uint32_t at = held->head;
    while (at != NO_EDGE && hub_key(chains->edges[at].edge) != hub_key(edge)) {
        at = chains->edges[at].next;
    }
    return at;
}

/* Room for one more edge of the row, and its chain. The chain may be new and empty. */
static cg_status reserve_edge(edge_chains *chains, const cg_allocator *allocator, uint32_t row,
                              uint64_t *index, cg_error *error) {
    cg_status status = CG_GROW(allocator, chains->edges, chains->edge_capacity,
                               (size_t)chains->edge_count + (chains->vacant_edges == 0), error);
    if (status != CG_OK || cg_table_get(chains->chain_of_row, row, index)) {
        return status;
    }
    status = CG_GROW(allocator, chains->chains, chains->chain_capacity,
                     (size_t)chains->chain_count + 1, error);
    if (status == CG_OK) {
        status = cg_table_put(chains->chain_of_row, row, chains->chain_count, error);
    }
    if (status == CG_OK) {
        *index = chains->chain_count++;
        chains->chains[*index] = (chain){.row = row, .head = NO_EDGE, .tail = NO_EDGE};
    }
    return status;
}

/* A chain that becomes a hub enters all its edges, then the new one at its place to be. */
static cg_status reserve_hub(edge_chains *chains, const cg_allocator *allocator, chain *held,
                             cg_edge edge, cg_error *error) {
    cg_status status = CG_OK;
    if (held->count + 1 < HUB_EDGES) {
        return CG_OK;
    }
    chains->hub_bytes -= held->hub ? cg_table_bytes(held->hub) : 0;
    if (!held->hub) {
        status = cg_table_alloc(*allocator, &held->hub, error);
    }
    if (held->count + 1 == HUB_EDGES) {
        for (uint32_t at = held->head; at != NO_EDGE && status == CG_OK;
             at = chains->edges[at].next) {
            status = cg_table_put(held->hub, hub_key(chains->edges[at].edge), at, error);
        }
    }
    uint32_t place = chains->vacant_edges > 0 ? chains->vacant_edge : chains->edge_count;
    if (status == CG_OK) {
        status = cg_table_put(held->hub, hub_key(edge), place, error);
    }
    chains->hub_bytes += held->hub ? cg_table_bytes(held->hub) : 0;
    return status;
}

static uint32_t take_place(edge_chains *chains) {
    if (chains->vacant_edges == 0) {
        return chains->edge_count++;
    }
    uint32_t at = chains->vacant_edge;
    chains->vacant_edge = chains->edges[at].next;
    chains->vacant_edges--;
    return at;
}

cg_status cg_chains_add(edge_chains *chains, const cg_allocator *allocator, uint32_t row,
                        cg_edge edge, cg_error *error) {
    if (chains->edge_count == NO_EDGE - 1 && chains->vacant_edges == 0) {
        return cg_error_set(error, CG_ERROR_FULL, "a graph grows by at most %u edges",
                            NO_EDGE - 1);
    }
    uint64_t index = 0;
    cg_status status = reserve_edge(chains, allocator, row, &index, error);
    if (status == CG_OK) {
        status = reserve_hub(chains, allocator, &chains->chains[index], edge, error);
    }
    if (status != CG_OK) {
        return status;
    }
    chain *held = &chains->chains[index];
    uint32_t added = take_place(chains);
    chains->edges[added] = (growing_edge){.edge = edge, .next = NO_EDGE};
    if (held->count == 0) {
        held->head = added;
    } else {
        chains->edges[held->tail].next = added;
    }
    held->tail = added;
    held->count++;
    held->parents += cg_edge_is_parent(edge.type);
    held->children[0] += edge.type == CG_EDGE_HYPONYM;
    held->children[1] += edge.type == CG_EDGE_INSTANCE_HYPONYM;
    return CG_OK;
}

void cg_chains_unlink(edge_chains *chains, chain *held, uint32_t previous, uint32_t at) {
    growing_edge *gone = &chains->edges[at];
    if (previous == NO_EDGE) {
        held->head = gone->next;
    } else {
        chains->edges[previous].next = gone->next;
    }
    if (held->tail == at) {
        held->tail = previous;
    }
    held->count--;
    held->parents -= cg_edge_is_parent(gone->edge.type);
    held->children[0] -= gone->edge.type == CG_EDGE_HYPONYM;
    held->children[1] -= gone->edge.type == CG_EDGE_INSTANCE_HYPONYM;
    if (held->hub) {
        (void)cg_table_remove(held->hub, hub_key(gone->edge));
    }
    if (held->hub && held->count == 0) {
        chains->hub_bytes -= cg_table_bytes(held->hub);
        cg_table_free(held->hub);
        held->hub = NULL;
    }
    gone->next = chains->vacant_edge;
    chains->vacant_edge = at;
    chains->vacant_edges++;
}

uint64_t cg_chains_bytes(const edge_chains *chains) {
    return chains->edge_capacity * sizeof(growing_edge) +
           chains->chain_capacity * sizeof(chain) + chains->hub_bytes +
           (chains->chain_of_row ? cg_table_bytes(chains->chain_of_row) : 0);
}
