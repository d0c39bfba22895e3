/* The load: which request arrives when, at which host, from which client, and of what (spec
 * G8, B4).
 *
 * Open loop: nothing here depends on answers, and latency counts from the times planned here
 * (arrival.h). A plan is made in full before the run. Requests are of five kinds:
 *
 *   allocate    one fact
 *   batch       several facts at once: facts[first_fact] and those after it
 *   deallocate  what the allocation `target`, an earlier request, allocated; each allocation is
 *               deallocated at most once. Since the load is open, it may not be answered yet
 *   recall      keys[first_key] and those after it, which may repeat, and what lies within
 *               `hops` of them
 *   spread      activation from the rows keys[first_key] and those after it, which are distinct
 *               unless the graph has too few; or, where load.ask says so, from a text about the
 *               one row keys[first_key]
 *
 *   get         whether the fact is there that the allocation `target`, an earlier request, allocated, one
 *               of the last hundred or so
 *
 *   edge        a change of an edge of the graph, one of a pool
 *   search      which concepts are nearest to a fact's text, any fact's, however often
 *
 * A share of deallocate, batch, recall, spread, get, edge and search is the probability that a request is of that kind;
 * the rest allocate, and so does a deallocation when nothing is left to deallocate.
 *
 * Facts. There are `facts` different ones, in an order shuffled by "workload.order". Without
 * repetition requests take them in that order, each once, and the plan fails when a load of
 * several kinds needs more than there are. With repetition the order is the rank of popularity,
 * and each fact is drawn anew.
 *
 * Keys are drawn by popularity (popularity.h); "workload.rank" is the seeded order that says
 * which key has which rank, so that popular keys lie anywhere, and a phase's rotate moves all
 * ranks along it. What follows a key is fixed by another order, "workload.successor": one ring
 * of all keys. A recall that continues a chain begins with the key that follows the last key of
 * its client's recall before.
 *
 * Of several memory spaces each has a load of its own (space_loads.c).
 *
 * Draws. Everything about request i is drawn from streams of its own, by (name, i): kind,
 * client, priority, gateway, target, fact, key_count, key, chain. So another share of one kind
 * changes no gateway, and a load of allocations alone is the same as if there were no others.
 */
#ifndef SIM_WORKLOAD_WORKLOAD_H
#define SIM_WORKLOAD_WORKLOAD_H

#include "engine/base/memory.h"
#include "engine/base/status.h"
#include "sim/scenario/options.h"

typedef enum sim_request_kind {
    SIM_REQUEST_ALLOCATE,
    SIM_REQUEST_BATCH,
    SIM_REQUEST_DEALLOCATE,
    SIM_REQUEST_RECALL,
    SIM_REQUEST_SPREAD,
    SIM_REQUEST_GET,
    SIM_REQUEST_EDGE,
    SIM_REQUEST_SEARCH
} sim_request_kind;

/* `fact` of what is no single allocation. */
#define SIM_FACT_NONE UINT32_MAX

typedef struct sim_request_plan {
    uint64_t at_ns; /* ascending */
    sim_request_kind kind;
    uint32_t fact;       /* allocate: 0..facts-1; others: SIM_FACT_NONE */
    uint32_t host;       /* gateway */
    uint32_t space;      /* memory space */
    uint32_t client;     /* one of the space's: number in it * spaces + space */
    uint32_t first_fact; /* batch: in workload.facts */
    uint32_t fact_count;
    bool near;          /* get: whoever keeps the fact may answer */
    uint32_t target;    /* deallocate, get: index of an earlier request, of kind allocate */
    uint32_t first_key; /* recall and spread: in workload.keys */
    uint32_t key_count;
    uint32_t hops;    /* recall and spread */
    uint8_t priority; /* 0, 1 or 3: low, as most, urgent */
    bool audit;       /* allocate, search: also decided exhaustively */
    bool labelled;    /* allocate: carries its true concept, for learning */
} sim_request_plan;

typedef struct sim_workload {
    sim_request_plan *requests;
    uint32_t count;
    uint32_t fact_count;
    uint32_t *facts; /* of batches */
    uint64_t *keys;  /* of recalls and spreads: 0..keys-1 */
    size_t key_count;
    cg_allocator allocator;
} sim_workload;

typedef struct sim_workload_input {
    const sim_load_options *load;
    const sim_load_phase *phases;
    uint32_t phase_count;
    uint32_t facts; /* that there are; load->facts of them are used at most */
    uint64_t keys;  /* that can be recalled; 0 where nothing is */
    uint32_t hosts;
    uint32_t spaces; /* memory spaces; 0 is one */
    uint64_t seed;
    /* Of which keys are popular, and which key follows which; NULL: seed. */
    const uint64_t *rank_seed;
} sim_workload_input;

/* Requests are load->requests, or where that is 0 load->facts, but of facts that arrive once no
 * more than there are. Files that the options name are read. Errors: CG_ERROR_INVALID with what
 * to change, CG_ERROR_MEMORY, and those of reading a file. Cost: O(requests + keys). */
cg_status sim_workload_plan(const sim_workload_input *input, cg_allocator allocator,
                            sim_workload *out, cg_error *error);
uint64_t sim_workload_rank_seed(const sim_workload_input *input);
void sim_workload_deinit(sim_workload *workload);

/* How many facts arrive, alone and in batches; and into places[] where each stands, in the
 * order of arrival, for who wants to put them into another order. */
uint32_t sim_workload_fact_total(const sim_workload *workload);
void sim_workload_fact_places(sim_workload *workload, uint32_t **places);

#endif
