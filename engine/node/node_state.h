/* What a node is made of: its limits, the requests that it has open, the work that it does, what it holds
 * of partitions and memory spaces, and all of it together. What each part may do with it is in
 * node_internal.h.
 *
 * Times of a step, its outputs and what is marked as scratch mean something within a step alone.
 */
#ifndef CG_ENGINE_NODE_NODE_STATE_H
#define CG_ENGINE_NODE_NODE_STATE_H

#include "engine/fact/vocabulary.h"
#include "engine/node/message.h"
#include "engine/node/node.h"
#include "engine/node/partition.h"
#include "engine/replica/gossip.h"
#include "engine/replica/group.h"
#include "engine/replica/swim.h"
#include "engine/spread/consolidate.h"
#include "engine/spread/distributed.h"

enum {
    CG_NODE_FACT_BYTES_MAX = CG_POOL_BLOCK_BYTES, /* a fact's text lies in one slot */
    CG_NODE_HOLDINGS_MAX =
        CG_GROUP_VOTERS_MAX,       /* partitions of a space that a host has a voice in */
    CG_NODE_BACKOFF_DOUBLINGS = 4, /* retries wait at most 16 times longer */
    CG_NODE_PREFETCH_MAX = 4,
    CG_NODE_ACTIVATION_BLOCKS = 64,         /* kept when idle: 1 MiB or so */
    CG_NODE_RECORD_BYTES = 64,              /* of a concept's record that a decision reads */
    CG_NODE_PARTITIONS_MAX = (1 << 16) - 2, /* a partition fits the top of a write token ... */
    CG_NODE_EDGES = (1 << 16) - 2,          /* ... and so do edges, */
    CG_NODE_NOBODY = (1 << 16) - 1          /* and that nobody waits for the write */
};
/* Longest timeout, so that no sum of time and waits overflows: 11 days. */
#define CG_NODE_TIMEOUT_NS_MAX UINT64_C(1000000000000000)
/* Addresses of each array in the modelled caches, which begin anew beyond: as many as fit caches of
 * one set. */
#define CG_NODE_REGION_BYTES   (UINT64_C(1) << 35)
#define CG_NODE_REQUEST_ID_MAX ((UINT64_C(1) << 48) - 1)
/* A hybrid logical clock follows others no further ahead of the host's own than this (Kulkarni et al.
 * 2014, section 6): one host whose clock is years ahead does not take all others with it. */
#define CG_NODE_SKEW_NS_MAX UINT64_C(60000000000)

/* --- protocols and requests ---------------------------------------------------------------- */

/* Where a protocol runs. */
typedef struct cg_protocol_place {
    cg_node *node;
    cg_protocol protocol;
    uint32_t owner; /* a group's partition; of edges and spreads the space; otherwise 0 */
} cg_protocol_place;

typedef struct cg_protocol_message {
    cg_protocol protocol;
    uint32_t owner; /* by the envelope */
    uint32_t from;
    uint16_t type; /* the protocol's own */
    const uint8_t *payload;
    size_t size_bytes;
} cg_protocol_message;

/* Who is answered, of a request that was decided where it arrived and without a message: its client. What
 * comes by message, and be it from this host, is answered to a gateway, which may have given it up. */
#define CG_NODE_DIRECT UINT32_MAX

/* A request of one of this host's clients that the primary of its partition decides. Free entries have
 * no payload. */
typedef struct cg_pending {
    uint64_t request_id;
    uint64_t began_ns; /* when the request came */
    uint64_t epoch;    /* of the partition, as it was known at the last try */
    uint32_t partition;
    uint32_t tries;
    uint32_t asked;      /* the host that the last try went to */
    bool was_redirected; /* somebody has answered that he is not the primary */
    bool asked_others;   /* tries went to more than one host */
    uint16_t type;       /* cg_message_type */
    uint8_t *payload;    /* the encoded message, for sending again */
    size_t payload_bytes;
    size_t next_free; /* free entries: the next one + 1, 0 at the end */
} cg_pending;

/* What the primary answers, kept so that a repeated request gets the same answer. */
typedef struct cg_answer {
    uint32_t gateway;
    bool answered;
    bool silent;       /* of what nobody asked for, and of a batch's further records */
    uint64_t began_ns; /* when the request came to this host */
    uint64_t last;     /* the answer waits until this sequence is safe */
    cg_reply reply;
} cg_answer;

/* --- work items ---------------------------------------------------------------------------- */

typedef enum cg_item_state { CG_ITEM_FREE, CG_ITEM_WAITING, CG_ITEM_RUNNING } cg_item_state;

/* A recall under way. When it is cut into batches, its keys stand in the order of the tiers that
 * hold them; a phase reads one tier's, and what the store has is fetched meanwhile. */
typedef struct cg_recall_state {
    uint64_t *keys;
    size_t keys_capacity;
    uint32_t key_count;
    uint32_t hops;
    uint32_t end[CG_TIER_LEVELS_MAX];   /* of each tier's keys, in keys */
    uint32_t level;                     /* of the phase that runs */
    uint32_t batch[CG_TIER_LEVELS_MAX]; /* keys in a batch of each tier */
    uint32_t parts_left;                /* batches of this phase that are not paid */
    uint32_t fetches_left;              /* batches that the store has not delivered */
    uint64_t phase_ns;                  /* when the phase began */
    cg_forecast_features features;
    uint64_t forecast_ns; /* of the service; 0: none was made */
    double store_reads;   /* the node's, when this recall's had been asked */
    bool is_partial;
} cg_recall_state;

/* A request of a client, or of another host's gateway, from its admission until its work is
 * paid. */
typedef struct cg_item {
    cg_item_state state;
    uint64_t serial;     /* of this use of the item, from 1 */
    uint32_t generation; /* 16 bits; timers of an earlier use of this item are stale */
    uint16_t type;       /* cg_message_type, or 0: a client's request */
    uint32_t from;  /* the host that it came from; CG_NODE_DIRECT, for a client's request */
    cg_event event; /* bytes: the step's, then the item's own while it waits */
    uint64_t arrived_ns;
    uint64_t started_ns;
    uint64_t work_id; /* the request's */
    uint8_t *bytes;
    size_t bytes_capacity;
    uint64_t *pins; /* slots that it reads */
    size_t pin_count;
    size_t pins_capacity;
    uint64_t pins_builds; /* of the home partition's state, when the first pin was set */
    uint32_t tries;       /* of a removal */
    bool pending;         /* not finished with the step that it began in */
    cg_recall_state recall;
    cg_message_about removal; /* or get */
    size_t next_free;         /* free items: the next one + 1, 0 at the end */
} cg_item;

/* How spreads have grown so far, by hop (the last stands for all later ones): running means. */
enum { CG_NODE_GROWTH_HOPS = 17 };
typedef struct cg_growth {
    double visits_an_edge[CG_NODE_GROWTH_HOPS]; /* of this hop, an edge of the hop before */
    double edges_a_visit[CG_NODE_GROWTH_HOPS];
    double store_share; /* of visits, read from the store */
    uint32_t hopeless;  /* spreads answered by likeness alone since one was let go a hop */
} cg_growth;

/* The interval that runs, for the monitor and for adaptation: what totals were when it began. */
typedef struct cg_tune {
    bool is_ticking;
    uint64_t active; /* requests in it */
    uint32_t prefetch;
    uint64_t began_ns;
    uint64_t core_busy_ns;
    uint64_t disk_busy_ns;
    uint64_t waited_ns;
    uint64_t served_ns;
    uint64_t waited_before_ns;
    uint64_t served_before_ns;
    cg_tier_statistics tiers;
    cg_successor_statistics successors;
} cg_tune;

typedef struct cg_space cg_space;

/* A partition as this host holds it. */
typedef struct cg_holding {
    cg_space *space;
    uint32_t number; /* of the partition */
    bool is_witness; /* nothing but a voice: no partition */
    cg_partition partition;
    cg_protocol_place place;
    cg_group *group;
    uint32_t writes;    /* of its log, under way */
    cg_answer *answers; /* of this life's terms as a primary, by sequence */
    size_t answers_capacity;
    uint64_t answer_count;
    uint64_t answered;   /* everything before is answered, or given up */
    cg_table *answer_of; /* request id to answer + 1 */
    cg_table *rejected;  /* request id to the status it was turned down with */
    uint64_t *shed;      /* ids of others' requests shed lately, in a ring */
    size_t shed_capacity;
    uint64_t shed_count;      /* ever */
    cg_decision_cache *cache; /* or NULL */
} cg_holding;

/* What belongs to one memory space on this host. Nothing in it is read on behalf of another. */
struct cg_space {
    cg_node *node;
    uint32_t number;
    cg_vocabulary *vocabulary; /* of the corpus, and of what this host has read since */
    /* Of the partition whose home is this host, of that of the host before it, and so on. */
    cg_holding holdings[CG_NODE_HOLDINGS_MAX];
    uint32_t holding_count; /* 0 without a corpus */

    cg_edge_set *edges;   /* that clients change, or NULL: there is no corpus */
    cg_graph *edge_graph; /* the corpus with these */
    cg_gossip *gossip;    /* or NULL: nobody to tell */
    cg_protocol_place edges_place;
    cg_distributed *across; /* or NULL: spreads stay where they arrive */
    cg_protocol_place across_place;
    cg_spread_tiers across_hooks;

    cg_spread_recency *recency;    /* or NULL: no refractory period */
    cg_consolidator *consolidator; /* or NULL */
    uint32_t consolidated_row; /* facts from here on have not been looked at for duplicates */
    bool consolidates;         /* the timer is set */

    uint64_t requests; /* as cg_space_statistics has them */
    uint64_t allocations;
    uint64_t removals;
};

struct cg_node {
    cg_node_options options;
    const cg_corpus *corpus;
    cg_allocator allocator;
    cg_hlc clock;
    uint64_t wall_ns;    /* of the step: for the clock */
    uint64_t now_ns;     /* likewise: for callbacks of protocols */
    cg_outputs *outputs; /* likewise */
    bool has_begun;
    cg_swim *swim; /* or NULL: all are taken for alive */
    cg_protocol_place swim_place;
    struct cg_gathers *gathers;        /* or NULL: there is no corpus */
    bool is_cut;                       /* the half of all hosts, or more, is gone */
    struct cg_edge_write *edge_writes; /* under way */
    size_t edge_writes_capacity;
    size_t edge_write_count;
    uint64_t edge_tokens;
    cg_status edge_status; /* of callbacks that cannot fail, within a step; and across_status */
    cg_error edge_error;
    cg_status across_status;
    cg_error across_error;
    cg_work across_work;
    const cg_item *reading; /* of the step: whose read is being asked for */

    cg_space *spaces; /* [options.spaces] */
    cg_table
        *views; /* partition to epoch << 16 | primary, where it is not the home in epoch 1 */

    cg_pending *pending;
    size_t pending_capacity;
    size_t pending_used; /* entries ever used */
    size_t pending_free; /* the first free one of these + 1; 0: none */
    size_t pending_open;
    size_t pending_bytes; /* of their payloads */
    cg_table *pending_of; /* request id to entry */

    cg_item *items;
    size_t items_capacity;
    size_t items_used; /* ever */
    size_t items_free; /* the first free one + 1; 0: none */
    size_t items_open;
    cg_table *open_of;       /* request id to item */
    cg_admission *admission; /* NULL: everything runs at once */
    uint64_t work_of_others; /* messages that asked for work, and were let in or shed */

    cg_tiers *tiers;
    cg_successors *successors; /* or NULL */
    cg_batcher batchers[CG_TIER_LEVELS_MAX];
    cg_forecast *forecast;        /* of recalls, or NULL */
    cg_forecast *spread_forecast; /* of spreads, with it */
    cg_monitor *monitor;          /* or NULL */
    cg_adapt *adapt;              /* or NULL */
    /* When the store will have delivered all that recalls have asked of it, by what a read has taken
     * so far. */
    uint64_t store_free_ns;
    double store_reads; /* asked of it, ever */
    uint64_t *keys;     /* scratch: keys being ordered */
    size_t keys_capacity;
    uint64_t serials; /* given to items, ever */
    cg_tune tune;
    uint64_t began_ns; /* of the item whose work runs in this step */

    /* Spreads: one runs at a time, in a step, so one scratch serves all. */
    cg_activation_pool *activations;
    cg_spread_scratch *spread_scratch; /* or NULL: there is no graph */
    cg_cpu_cache *cpu;                 /* or NULL: not modelled */
    cg_growth growth;
    cg_spread_seed *seeds; /* scratch: of the spread that runs in this step */
    size_t seeds_capacity;
    uint32_t seed_count;
    cg_spread_hit *hits; /* scratch: of an answer by likeness alone */
    size_t hits_capacity;

    cg_cascade_scratch *scratch;
    cg_embedding *embedding; /* scratch of the step */
    cg_log_buffers *buffers; /* scratch of the step */
    uint8_t *record;         /* scratch: an encoded record */
    size_t record_capacity;
    uint8_t *batch; /* scratch: a batch message that is being made */
    size_t batch_capacity;
    cg_node_statistics statistics;
};

/* The space of an item; its request, or message, was let in only if there is such a space. */
static inline cg_space *cg_item_space(const cg_node *node, const cg_item *item) {
    return &node->spaces[item->event.space];
}

static inline cg_partition *cg_space_home(cg_space *space) {
    return &space->holdings[0].partition;
}

/* What spreads and recalls of a space go through: the graph of the partition at home here, one without texts, or
 * NULL. */
static inline const cg_graph *cg_space_graph(const cg_space *space) {
    const cg_node *node = space->node;
    return node->corpus ? space->holdings[0].partition.graph : node->options.graph;
}

/* The first tier that holds records: the second, or the only one before the store. */
static inline uint32_t cg_node_record_level(const cg_node *node) {
    return node->options.tier_levels > 2 ? 1 : 0;
}

#endif
