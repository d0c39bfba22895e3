/* Spreading activation over hosts, without I/O (spec E4, E5).
 *
 * Every host has one cg_distributed; a row's edges and activation are at the host that owns it. The
 * coordinator of a spread is the host where it was started: it sends the seeds to their owners and
 * gets the answer. What a hop brings is that of spread.h, to the bit:
 *
 *   a_h(j) = sum over edges i -> j of what a_(h-1)(i) passes on
 *
 * Contributions to rows of another host go there in batches, one entry a row: their sum, and the
 * strongest of them with the rows that they came from. Sums are of integers and stop at
 * CG_SPREAD_LEVEL_MAX; min(sum, max) may be taken of parts first, so batches change nothing.
 *
 * exact: a host passes on what hop h brought it once counts say that all of it has come: each
 *   host tells each other in how many messages it sent it hop h. There is no barrier: hosts may be
 *   a hop apart. In hop 1 only hosts with seeds have anything to send, and the others know which
 *   they are. Nothing lost, the answer equals cg_spread_run's. hosts * (hosts - 1) messages a hop.
 *
 * async: nobody waits. A host passes on what it has (at the end of its window), and when more comes
 *   to a row in a hop, what this adds: outgoing(sum) - what was passed on before. These differences
 *   add up to what exact passes on, whatever comes when, since thresholds are asked of the sum so
 *   far and it only grows; so nothing lost, this answer too equals cg_spread_run's once no message
 *   is under way. That is known by credit (Mattern 1989): messages carry shares of it, hosts at
 *   rest give theirs back, and all of it is home only when none is left. Only hosts that activation
 *   reaches take part, and edges may be walked more than once.
 *
 * Provenance: a record (row, hop) lies at the row's owner. Owners report their best rows with all
 * their records; the coordinator asks owners for the records behind them, a hop further back each
 * time, and judges confidence as spread.h does. Seeds' records it has: hops - 1 round trips; none
 * with confidence_paths 0.
 *
 * Loss: a spread ends within its timeout. Messages are not sent again. A host that is not heard of
 * in exact is given up hop by hop, hop h at h / (max_hops + 2) of the timeout. Duplicates are known
 * by the sender's sequence numbers, messages of finished spreads by their ids; order means nothing.
 * Each host accounts for the mass that it sent and got, by peer and hop, so the coordinator knows
 * what was lost where, and says what it is worth (spec E5):
 *
 *   confidence = received / (received + sum over hops of lost_h * gain_h)
 *
 * received: activation in all answers. gain_h: what was answered in hops h.. of earlier complete
 * spreads a mass sent in hop h, by hops that are left; until there was one, this spread's own.
 *
 * Where we differ: budgets hold for each host, not for all together, and async has none; there is
 * no refractory period, no edges_max, no touch, no runner.
 *
 * Sources: Mattern, "Global quiescence detection based on credit distribution and recovery", IPL
 * 30(4), 1989; passing on differences: Zhang, Gao, Gao and Wang, "Maiter", IEEE TPDS 25(8), 2014.
 * Messages: engine/spread/distributed_wire.h, byte by byte.
 */
#ifndef CG_ENGINE_SPREAD_DISTRIBUTED_H
#define CG_ENGINE_SPREAD_DISTRIBUTED_H

#include "engine/base/port.h"
#include "engine/spread/spread.h"

enum { CG_DISTRIBUTED_HOSTS_MAX = 4096, CG_DISTRIBUTED_HITS_MAX = 65536 };

typedef enum cg_distributed_mode {
    CG_DISTRIBUTED_EXACT,
    CG_DISTRIBUTED_ASYNC,
    CG_DISTRIBUTED_MODE_COUNT
} cg_distributed_mode;

typedef struct cg_distributed_query {
    /* As for cg_spread_run, but: edges_max, refractory_ns 0; touch, runner NULL; hits_max at most
     * CG_DISTRIBUTED_HITS_MAX; of tiers only thresholds, budgets and discounts count (each host has
     * its own hooks), and in async budgets must be 0. */
    cg_spread_query spread;
    cg_distributed_mode mode;
    uint64_t timeout_ns; /* 1..2^50: the answer comes within it, whatever is lost */
    /* async: a host gathers what comes for this long before it passes it on; 0: each message at
     * once. At most timeout_ns. Longer saves messages and edges walked again: without a window
     * there may be a message for each way from host to host of max_hops steps. */
    uint64_t window_ns;
} cg_distributed_query;
/* cg_spread_query_default, exact, a timeout of 1 s, a window of 100 us. */
cg_distributed_query cg_distributed_query_default(void);

typedef struct cg_distributed_result {
    /* Hits equal cg_spread_run's when nothing is lost, but for `record`, which numbers the records
     * that the coordinator gathered. is_partial: something is missing. Counts are sums over hosts;
     * in async edges and visits count each time. Hops: the largest of any host. */
    cg_spread_result spread;
    /* Hosts, ascending, that did not answer, gave up on work (failed reads, records_max), or whose
     * messages, or messages to which, were lost. */
    const uint32_t *missing; /* [missing_count] */
    uint32_t missing_count;
    double received;   /* activation mass answered, in units of 1.0 */
    double expected;   /* and what is missing */
    double confidence; /* received / expected; 1 where nothing is missing, 0 where all is */
    uint32_t rounds;   /* of asking for records */
    bool is_timed_out;
} cg_distributed_result;

typedef struct cg_distributed_options {
    uint32_t host;         /* this one, < hosts */
    uint32_t hosts;        /* 1..CG_DISTRIBUTED_HOSTS_MAX */
    const cg_graph *graph; /* has all rows; edges are read of own rows alone. Borrowed */
    /* Owner of a row, < hosts. The array [rows], or where it is NULL the function. Borrowed. */
    const uint32_t *owners;
    uint32_t (*owner)(void *context, uint32_t row);
    void *owner_context;
    /* False: nothing is sent to that host nor waited for. NULL: all are. Asked often. */
    bool (*reachable)(void *context, uint32_t host);
    void *reachable_context;
    cg_port port;
    /* `where` and `read` of this host, as in cg_spread_tiers; numbers there are not looked at. NULL:
     * none. Hooks are called hop by hop, by row. After a failed read this host passes nothing on,
     * and is named missing. Borrowed. */
    const cg_spread_tiers *hooks;
    /* A spread that was started here is finished. The result is valid in the call, in which only
     * cg_distributed_paths may be called. */
    void (*finished)(void *context, uint64_t spread, const cg_distributed_result *result);
    void *finished_context;
    cg_work *work; /* NULL: not counted. CG_WORK_SPREAD as cg_spread_run */

    uint32_t message_bytes_max; /* of contributions in one message, 1024..2^26; about that */
    uint32_t spreads_max; /* 1..65536 with state here at a time; others are not taken part in */
    uint32_t records_max; /* 1..2^30 of one spread here; what would take more is dropped */
} cg_distributed_options;
/* Messages of 65,536 bytes, 4,096 spreads, 2^24 records; the rest 0. */
cg_distributed_options cg_distributed_options_default(void);

typedef struct cg_distributed cg_distributed;
/* Memory: some 120 bytes a (row, hop) reached of each spread under way, 24 a host and hop, 72 a record
 * gathered; no part grows with the graph. Arrays of finished spreads are used again. Errors:
 * CG_ERROR_INVALID, CG_ERROR_MEMORY. */
cg_status cg_distributed_alloc(const cg_distributed_options *options, cg_allocator allocator,
                               cg_distributed **out, cg_error *error);
void cg_distributed_free(
    cg_distributed *distributed); /* NULL is fine; spreads end unanswered */

/* Starts a spread whose number no other in the cluster has; `finished` may be called within. Seeds
 * are copied. Errors, with nothing changed: CG_ERROR_INVALID, CG_ERROR_NOT_FOUND (a seed that is no
 * concept), CG_ERROR_EXISTS (this number is under way or was just now), CG_ERROR_FULL
 * (spreads_max). */
cg_status cg_distributed_start(cg_distributed *distributed, uint64_t now_ns, uint64_t spread,
                               const cg_distributed_query *query, cg_error *error);
/* A message from another host. What can't be right is CG_ERROR_CORRUPT and changes nothing; what is
 * late, double, or of an unknown spread is CG_OK and changes nothing. */
cg_status cg_distributed_message(cg_distributed *distributed, uint64_t now_ns, uint32_t from,
                                 uint16_t type, const uint8_t *payload, size_t size_bytes,
                                 cg_error *error);
/* A timer of the port. Stale and unknown ones do nothing. */
cg_status cg_distributed_timer(cg_distributed *distributed, uint64_t now_ns, uint64_t timer,
                               cg_error *error);
/* All three may return CG_ERROR_MEMORY, after which only cg_distributed_free may be called. */

/* The strongest paths without a cycle to hit number `hit` of the result, strongest first, at most
 * paths_max (1..CG_SPREAD_PATHS_MAX): those behind its confidence. Only in `finished`, and only
 * where confidence_paths > 0. Steps' edge types are 0, and records those of the gathered ones.
 * Errors: CG_ERROR_INVALID, CG_ERROR_NOT_FOUND (no such hit), CG_ERROR_MEMORY. */
cg_status cg_distributed_paths(cg_distributed *distributed, uint32_t hit, cg_spread_path *paths,
                               uint32_t paths_max, uint32_t *path_count, cg_error *error);

typedef struct cg_distributed_statistics {
    uint64_t sent;       /* messages */
    uint64_t sent_bytes; /* of payload */
    uint64_t received;
    uint64_t duplicates; /* messages */
    uint64_t late; /* messages of finished spreads, and contributions to hops that were over */
    uint64_t corrupt;  /* messages */
    uint64_t edges;    /* walked */
    uint64_t crossing; /* of them: to rows of other hosts */
    uint64_t started;  /* spreads, here */
    uint64_t finished;
    uint64_t timed_out; /* of them */
    uint64_t abandoned; /* spreads of others whose end was not heard of */
} cg_distributed_statistics;
cg_distributed_statistics cg_distributed_get_statistics(const cg_distributed *distributed);
uint64_t cg_distributed_lamport(const cg_distributed *distributed);
uint32_t
cg_distributed_underway(const cg_distributed *distributed); /* spreads with state here */
uint64_t cg_distributed_bytes(const cg_distributed *distributed);

#endif
