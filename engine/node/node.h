/* The node: composes the engine as one state machine without I/O.
 *
 * Every host runs one. A cluster of H hosts holds S memory spaces (spec B7): tenants, each with its
 * own facts, which are divided into H partitions. Partition p of space s has the number s * H + p; its
 * home is host p + s mod H, and with R replicas the next R hosts hold its copies, so each host is the
 * home of one partition of every space. Who holds a partition forms its group
 * (engine/replica/group.h), which has a log, epochs, and in each a primary: at first the home. Two
 * replicas that are to acknowledge at quorum or all, and to take over from one another, have the next
 * host as their witness.
 *
 * A host that gets a request embeds the fact and forwards it to its partition's primary, with timeouts
 * and a bounded number of tries; who is not the primary says who is, as far as it knows. The primary
 * decides, takes a slot, inserts, logs, and answers when the record is safe as the mode of
 * acknowledgement has it; replicas apply the same records in the same order.
 *
 * Requests (engine/node/event.h) are admitted by permits (engine/service/admission.h): a request
 * runs at once, waits its turn, or is answered CG_ERROR_OVERLOADED at once; one that was let wait
 * is never thrown out. A permit is held until the work of its request is paid.
 *
 * Guarantees: a request is applied at most once however often it is sent; one that was decided,
 * either way, gets the same answer again (so what its primary has shed stays shed when a copy or
 * a later try of it comes: who wants to try again takes a new id), but for its explanation, and for
 * refusals, which no other primary and no later life of the host knows of; an acknowledged fact is in the
 * log, on as many disks as the mode says; replicas with equal logs have equal states.
 *
 * Between spaces nothing passes but time. A space has its own graph, index, lexicon, pools, log,
 * what was learned, document frequencies, decision cache and answers given; what it answers, which
 * slots it takes and when it is full is what it would be in this cluster with all other spaces idle,
 * with its share of the pools and of the cache. Another space's fact does not exist: it is read by no recall, and to
 * deallocate it is CG_ERROR_NOT_FOUND. The corpus is the same for all and never changes. The
 * machine is shared: cores, disk, network, permits and their queue, memory tiers, forecasts and
 * prefetch; so another space's load can make an answer late, or CG_ERROR_OVERLOADED,
 * CG_ERROR_TIMEOUT, or partial by its budget.
 *
 * Answers: CG_OK; CG_ERROR_INVALID (no fact, none of whose words is known, an id of more than
 * 48 bits, a key that does not exist, a space that does not exist), CG_ERROR_EXISTS (the id is open at this host: the first
 * request will be answered), CG_ERROR_FULL (no slot), CG_ERROR_OVERLOADED (shed),
 * CG_ERROR_NOT_FOUND (nothing to deallocate: never allocated, or removed before),
 * CG_ERROR_CONFLICT (what is to be removed was in use each time it was tried), CG_ERROR_PARTIAL
 * (a batch that met a full pool, a recall cut to its budget; the reply's count says how far it
 * went), CG_ERROR_TIMEOUT (the outcome is unknown).
 *
 * Spreads and recalls are served where they arrive: every host has the whole graph, and the facts
 * of its own partition.
 *
 * Without a corpus a node serves recalls and spreads in a graph without texts; without that, too,
 * recalls of keys 0 .. keys - 1, which have no content: for experiments with the memory tiers
 * alone.
 */
#ifndef CG_ENGINE_NODE_NODE_H
#define CG_ENGINE_NODE_NODE_H

#include "engine/cascade/cascade.h"
#include "engine/index/shard.h"
#include "engine/node/corpus.h"
#include "engine/node/event.h"
#include "engine/replica/edge_set.h"
#include "engine/replica/group.h"
#include "engine/service/adapt.h"
#include "engine/service/admission.h"
#include "engine/service/decision_cache.h"
#include "engine/service/forecast.h"
#include "engine/service/monitor.h"
#include "engine/service/placement.h"
#include "engine/service/pool.h"
#include "engine/spread/spread.h"
#include "engine/tier/activation.h"
#include "engine/tier/batcher.h"
#include "engine/tier/cpu_cache.h"
#include "engine/tier/successor.h"
#include "engine/tier/tier.h"

/* The allocation service (spec B) and what makes recalls fast (spec D). The default is all off:
 * every request runs at once, nothing is cached, prefetched, forecast, watched or adapted. */
typedef struct cg_service_options {
    uint32_t permits;                /* requests under way at once; 0: no bound, nobody waits */
    uint32_t queue_max;              /* requests that wait for a permit */
    uint64_t wait_max_ns;            /* a request that would wait longer is shed; 0: no bound */
    uint32_t cores;                  /* that recalls may be spread over, >= 1 */
    uint32_t conflict_tries;         /* of a removal that meets a fact in use, 1..32 */
    uint64_t conflict_ns;            /* before the second try; doubled for each further one */
    uint32_t cache_entries;          /* of the decision cache, divided equally among the spaces,
                                      * at least one for each; 0: none */
    uint64_t cache_ttl_ns;           /* > 0 */
    cg_placement_strategy placement; /* or CG_PLACEMENT_CHOOSE */
    uint32_t
        writes_max; /* log writes under way, of each space's log; what comes meanwhile goes together in the
                              * next one (group commit); 0: no bound */
    bool batching;         /* recalls are cut into batches that run on all cores */
    uint32_t batch;        /* keys in a batch, a power of two; 0: the controllers' choice */
    uint32_t prefetch;     /* how many successors ahead are fetched, 0..4; 0: none */
    uint32_t successors;   /* keys whose successors are remembered; 0: none are */
    bool forecasts;        /* of recalls' latency */
    uint64_t budget_ns;    /* of a recall's or spread's forecast latency; 0: no budget */
    uint32_t record_bytes; /* that a recall reads of a key */
    uint64_t interval_ns;  /* of the monitor and of adaptation; 0: neither */
    uint64_t memory_bytes; /* the host's budget, for the monitor; 0: none */
    bool adapts;           /* rules change prefetch, tiers and permits */
} cg_service_options;

/* Spreading activation (spec E2, D5, D6; engine/spread/spread.h). Per tier, by the level that
 * holds a concept's record; the store is the last. With several spaces, which share the tiers, those
 * of the first tier hold wherever a record lies. */
typedef enum cg_across {
    CG_ACROSS_NONE,  /* where it arrives: every host has the whole graph, and its own facts */
    CG_ACROSS_EXACT, /* over all hosts, each of which owns a part of the graph (distributed.h) */
    CG_ACROSS_ASYNC,
    CG_ACROSS_COUNT
} cg_across;

typedef struct cg_node_spread_options {
    cg_across across;
    const uint32_t *owners; /* host of each row of the corpus, borrowed; NULL: by hash */
    uint64_t timeout_ns;    /* across: of a spread */
    uint64_t window_ns;     /* across, async: a host gathers so long before it passes on */
    double lambda;          /* 0..16 */
    double thresholds[CG_TIER_LEVELS_MAX]; /* 0..1 */
    uint32_t budgets[CG_TIER_LEVELS_MAX];  /* visits of one spread; 0: no bound */
    bool fan_out;
    uint64_t refractory_ns;  /* 0: none */
    uint32_t hits_max;       /* in an answer, 1..CG_SPREAD_HITS_MAX */
    uint32_t seeds;          /* concepts that a text begins at, 1..CG_NEIGHBOURS_MAX */
    uint64_t consolidate_ns; /* between consolidations (spec E6); 0: none */
    bool models_cpu;    /* the processor's caches beneath, over the lines that are touched */
    bool whole_records; /* that model lays hot and cold fields together */
    cg_cpu_options cpu;
} cg_node_spread_options;
enum { CG_SPREAD_HITS_MAX = 256 }; /* paths are looked for to each */
enum { CG_NODE_SPACES_MAX = 64 };

/* Searches, and how the corpus' index is divided over hosts (spec C7, F2, F3). Only the index is: a
 * concept's record lies on every host's store. */
typedef struct cg_node_gather_options {
    /* The corpus' index, divided into as many shards as there are hosts, borrowed, outlives the node.
     * NULL: every host has the whole index. */
    const cg_shards *shards;
    /* For comparison: every host is asked, and answers with whole records instead of candidates. */
    bool whole_records;
    uint32_t k;          /* concepts in a search's answer, 1..CG_GATHER_K_MAX; 10 */
    uint32_t ef;         /* width of a search, in each shard; 256 */
    uint32_t entries;    /* hybrid: rows of level 1 that a query goes by; 128 */
    double slack;        /* how far it looks: cg_shard_query; 0.15 */
    uint64_t timeout_ns; /* of a try; > 0 */
    uint32_t tries;      /* of what is not answered, 1..16; then the answer is partial */
} cg_node_gather_options;
enum { CG_GATHER_K_MAX = 256 };

typedef struct cg_node_options {
    uint32_t host;
    uint32_t hosts;    /* in the cluster, >= 1; with its spaces at most 65,536 partitions */
    uint32_t spaces;   /* 1..CG_NODE_SPACES_MAX */
    uint32_t replicas; /* copies of each partition beside its home's, 0..2, below hosts */
    cg_acknowledge acknowledge;
    /* Whether others take over from a host that is silent (engine/replica/group.h); if so, the node's
     * first event is CG_EVENT_START. If not, a host that is gone is waited for. */
    bool fails_over;
    uint64_t life; /* > 0: a host that starts again: its first event is CG_EVENT_START */
    uint64_t seed; /* of all that is drawn */
    uint64_t heartbeat_ns;
    uint64_t election_ns;
    uint64_t lag_warn_ns;
    uint64_t lag_drop_ns;
    uint64_t stale_ns; /* how old what a replica answers gets from may be (CG_REQUEST_NEAR) */
    cg_cascade_options cascade;
    cg_tier_options tiers[CG_TIER_LEVELS_MAX];
    uint32_t tier_levels;
    /* Tiers that have been in service (cg_tiers_save), as this node's own writable copy; it
     * outlives the node. NULL: the tiers begin with the graph in the slowest one in memory. */
    void *tier_image;
    uint64_t tier_image_bytes;
    uint32_t tries;        /* sends of a request; then the client gets CG_ERROR_TIMEOUT */
    cg_pool_options pools; /* the host's, of which each space has its share */
    /* [spaces] Shares of the pools' quotas, 1..2^20 each; all 0: equal ones. */
    uint32_t pool_shares[CG_NODE_SPACES_MAX];
    cg_service_options service;
    cg_node_spread_options spread;
    cg_node_gather_options gather;
    /* Without a corpus: a graph without texts, whose rows are the keys, borrowed, that outlives the
     * node; or NULL. */
    const cg_graph *graph;
    uint64_t keys;       /* without either: how many there are, >= 1 */
    uint64_t timeout_ns; /* of one try */
    /* Added to the timeout of the second try; doubled for each further one, up to 16 times. */
    uint64_t retry_ns;
    uint64_t replicate_retry_ns; /* resend of records that the replica has not acknowledged */
} cg_node_options;

cg_node_options cg_node_options_default(void);

typedef struct cg_node cg_node;

/* corpus: shared, outlives the node, never changes; NULL: keys without content. */
cg_status cg_node_alloc(const cg_node_options *options, const cg_corpus *corpus,
                        cg_allocator allocator, cg_node **out, cg_error *error);
void cg_node_free(cg_node *node);

/* Takes one event. outputs is reset first. Bad messages and stale timers are counted and
 * ignored; a failure status means that the node itself cannot go on (memory), and names why.
 * A request that is refused is no such failure: the step returns CG_OK, the reply carries the
 * request's status, and *error has the sentence that says why when it was refused in this step.
 * (The sentence does not travel: from another host comes the status alone.) */
cg_status cg_node_step(cg_node *node, const cg_event *event, cg_outputs *outputs,
                       cg_error *error);

/* --- inspection: for metrics, checkers and tests --- */

typedef struct cg_node_statistics {
    uint64_t requests; /* from clients of this host */
    uint64_t requests_of[CG_REQUEST_KIND_COUNT];
    uint64_t failed;           /* of those: answered neither CG_OK nor CG_ERROR_OVERLOADED */
    uint64_t replies;          /* to them, of any status */
    uint64_t allocations;      /* facts applied as primary */
    uint64_t retries;          /* tries after the first */
    uint64_t duplicates;       /* requests that had been decided before */
    uint64_t messages_refused; /* corrupt, of another version, misaddressed */
    uint64_t clocks_refused;   /* of messages: too far ahead */
    uint64_t near_gets;        /* answered from a copy */
    uint64_t deaths_seen;      /* of hosts, by membership */
    uint64_t partitions_seen;  /* times that the half of all hosts, or more, was gone */
    uint64_t edges_changed;    /* by clients of this host */
    uint64_t
        redirects; /* requests sent on to another host, since this one is not the primary */
    cg_group_statistics groups; /* sums over the partitions that this host has a voice in */
    uint64_t starts;            /* with a journal */
    uint64_t frames_replayed;
    uint64_t torn_tails; /* of journals */
    uint64_t journals_altered;
    uint64_t removals;       /* facts removed as primary */
    uint64_t recalls;        /* that ran here */
    uint64_t spreads;        /* that ran here */
    uint64_t spread_edges;   /* walked by them */
    uint64_t spread_visits;  /* concepts that passed something on */
    uint64_t spread_reached; /* concepts with activation, summed over spreads */
    uint64_t searches;       /* of clients of this host */
    uint64_t gathers; /* of candidates, over an index that is divided: for these, and facts */
    uint64_t gather_shards;  /* asked by them, this host's own included */
    uint64_t gather_bytes;   /* of their messages, sent by this host */
    uint64_t gather_retries; /* questions sent again */
    uint64_t gather_partial; /* gathers that somebody did not answer */
    uint64_t gather_late;    /* answers to none that waited for them: late, or doubled */
    uint64_t consolidations;
    uint64_t edges_strengthened;
    uint64_t merges_proposed; /* pairs of near-duplicates */
    uint64_t shed;            /* requests answered CG_ERROR_OVERLOADED here */
    uint64_t conflicts;       /* removals that met a fact in use, tries counted */
    uint64_t partial;         /* recalls and spreads cut to their budget */
    uint64_t batches;         /* that recalls were cut into */
    uint64_t batch_changes[CG_TIER_LEVELS_MAX];       /* of a controller's size */
    uint32_t batch_late_steps[CG_TIER_LEVELS_MAX];    /* largest after the third: doublings */
    uint32_t batch_size[CG_TIER_LEVELS_MAX];          /* now */
    uint32_t prefetch;                                /* depth now */
    uint64_t placements[CG_PLACEMENT_STRATEGY_COUNT]; /* facts placed by each strategy */
    uint64_t settings_changed;                        /* by adaptation */
    cg_admission_statistics admission;
    cg_decision_cache_statistics cache; /* of all spaces, and so are pools */
    cg_tier_statistics tiers;
    cg_pool_statistics pools;             /* of the partitions this host is primary of */
    cg_activation_statistics activations; /* records of spreads */
    /* Lines that spreads touched in the modelled caches; all 0 where none are modelled. */
    cg_cpu_counts cpu_hot; /* of concepts' hot fields */
    cg_cpu_counts cpu_all;
} cg_node_statistics;
cg_node_statistics cg_node_statistics_of(const cg_node *node);

/* Of one memory space at this host. */
typedef struct cg_space_statistics {
    uint64_t requests;    /* from clients of this host */
    uint64_t allocations; /* facts applied as primary, and removed */
    uint64_t removals;
    cg_decision_cache_statistics cache;
    cg_pool_statistics pools; /* of the partition this host is primary of */
} cg_space_statistics;
/* All zero when there is no such space. */
cg_space_statistics cg_node_space_statistics(const cg_node *node, uint32_t space);

typedef struct cg_partition_state {
    bool present; /* with its records: not of a witness */
    bool primary;
    bool recovering; /* its disk was lost, and not all that was on it is back */
    uint64_t epoch;
    uint64_t chain; /* of the whole log (engine/replica/log.h) */
    uint64_t safe_sequence;
    uint64_t last_sequence; /* applied */
    uint64_t durable_sequence;
    uint64_t unasked;  /* durable records that no request asked for: new weights, epochs */
    uint64_t repeated; /* ... and of requests that have a record before: they do nothing */
    uint64_t acknowledged_sequence; /* primary: by all replicas */
    /* Of graph, lexicon, index, slots, what was learned and recent stream: equal at equal
     * last_sequence. */
    uint64_t hash;
} cg_partition_state;
/* partition: its number (cg_node_partition_number), here and below. */
cg_partition_state cg_node_partition(const cg_node *node, uint32_t partition);

/* Whether this host has a voice in the partition, and has lost a disk that its voice depends on: it does not
 * vote until it has what the others have (engine/replica/group.h). */
bool cg_node_is_recovering(const cg_node *node, uint32_t partition);
/* Whether this host is its primary, in *epoch. */
bool cg_node_is_primary(const cg_node *node, uint32_t partition, uint64_t *epoch);
/* The edges that clients have changed, of a memory space. present: false when there is none. */
typedef struct cg_edges_state {
    bool present;
    uint64_t visible_hash; /* of edges and their weights */
    uint64_t state_hash;   /* equal wherever the same changes have been seen */
    uint64_t edges;
    uint64_t tombstones;
} cg_edges_state;
cg_edges_state cg_node_edges(const cg_node *node, uint32_t space);
/* False when there is no such edge among them. */
bool cg_node_edge(const cg_node *node, uint32_t space, cg_edge_key edge, cg_edge_view *view);
/* Hosts that this one takes for dead. */
uint32_t cg_node_dead(const cg_node *node);
/* True when the request's fact is applied and durable here, as primary or replica; *sequence is
 * that of its record. */
bool cg_node_has_request(const cg_node *node, uint32_t partition, uint64_t request_id,
                         uint64_t *sequence);
/* What this host has of the fact that a request added (of a batch's, with its place above the id). */
typedef struct cg_fact_state {
    bool known;        /* there is a record that added it, durable or not */
    bool removed;      /* ... and one that removed it */
    uint64_t sequence; /* of the first */
} cg_fact_state;
cg_fact_state cg_node_fact(const cg_node *node, uint32_t partition, uint64_t request_id);
/* The partition, of those of its space, that a request belongs to: rendezvous hashing of its id
 * (Thaler & Ravishankar 1998). */
uint32_t cg_node_partition_of(uint64_t request_id, uint32_t partitions);
/* Its number among those of all spaces; and its home, the host that is its first primary. */
uint32_t cg_node_partition_number(uint64_t request_id, uint32_t space, uint32_t hosts);
uint32_t cg_node_primary_of(uint32_t partition, uint32_t hosts);
/* The n-th host with a voice in it: n 0 is its home, n 1 .. replicas hold its copies, and with a
 * witness n replicas + 1 is that. */
uint32_t cg_node_keeper_of(uint32_t partition, uint32_t hosts, uint32_t n);
/* Whether groups have a witness: two replicas that are to tell who of them goes on need a third. */
bool cg_node_has_witness(const cg_node_options *options);
/* Records durable here, as primary, that the replica has not acknowledged; 0 without a
 * replica. */
uint64_t cg_node_backlog(const cg_node *node);
/* No request open, no record undelivered: nothing left to do. */
bool cg_node_idle(const cg_node *node);
/* Whether what this host has of each partition is what its log says: built anew from it, each is the
 * same to the bit, index and all; no two facts share a slot. CG_ERROR_CORRUPT: the first that is not.
 * Cost: of applying all records again. */
cg_status cg_node_audit(const cg_node *node, cg_error *error);
/* Of the document frequencies that this host embeds a space's facts with
 * (engine/fact/vocabulary.h); 0 when there is no such space. */
uint64_t cg_node_vocabulary_version(const cg_node *node, uint32_t space);
/* Memory held, without the corpus: partitions, requests, answers, tiers and scratch. */
uint64_t cg_node_bytes(const cg_node *node);

#endif
