/* The node's state, shared by the files that make up the state machine:
 *   node.c       dispatch of events, outputs, inspection
 *   node_life.c  options, parts, and their end
 *   spaces.c     memory spaces: their parts, which of them a partition is of, inspection
 *   admit.c      work items: who runs, who waits, who is shed; the end of an item's work
 *   gateway.c    requests of this host's clients: embed, forward, time out, answer
 *   gateway_check.c  ... and which of them are none
 *   primary.c    the way of a fact: decide, place, insert, log, learn, answer when durable
 *   primary_read.c  is it there? at the primary, or near
 *   place.c      where a fact goes: slot and memory tiers
 *   remove.c     the way back: wait until nobody uses the fact, log, remove
 *   recall.c     reading keys through the tiers: forecast, budget, prefetch
 *   associate.c  spreading activation: seeds, forecast, budget, tiers, answer
 *   consolidation.c  at set times: stronger edges, by the log, and near-duplicates
 *   batches.c    a recall of many keys: batches on all cores, and from the store
 *   tune.c       once an interval: the monitor's alerts, and adaptation
 *   protocols.c  what protocols within the node send, and when they are woken
 *   membership.c who is there
 *   edges.c      edges that clients change at any host
 *   across.c     spreads that go over all hosts
 *   gather.c     searches of an index that is divided over hosts; gather_life.c, _answer.c, _message.c
 *   groups.c     partitions as this host holds them: their logs, primaries and replicas
 *   start.c      the first event of a life: what the journal says
 */
#ifndef CG_ENGINE_NODE_NODE_INTERNAL_H
#define CG_ENGINE_NODE_NODE_INTERNAL_H

#include "engine/base/bug.h"
#include "engine/base/bytes.h"
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

/* Timer ids. Tries of requests have bit 63 clear: 15 bits of the try's number, 48 of the request's
 * id. In all others bits 60..63 say what it is, and the rest is
 *
 *   protocol  a protocol's own                                (number, owner, cg_protocol)
 *   done      an item's work is paid                          (item, generation)
 *   part      a batch of a recall is to run                   (item, generation, part)
 *   part done its work is paid                                (item, generation, part)
 *   fetched   (of a READ) the store has delivered a batch     (item, generation, part)
 *   again     a removal that met a conflict is tried again    (item, generation)
 *   start     there are more permits: somebody who waits may run
 *   tick      an interval of the monitor ends; or, with rest 1 + s, it is
 *             time to consolidate space s
 */
#define CG_NODE_TIMER_TRY_SHIFT 48
#define CG_NODE_TIMER_OTHER     (UINT64_C(1) << 63)
typedef enum cg_timer_kind {
    CG_TIMER_PROTOCOL,
    CG_TIMER_DONE,
    CG_TIMER_PART,
    CG_TIMER_PART_DONE,
    CG_TIMER_FETCHED,
    CG_TIMER_AGAIN,
    CG_TIMER_START,
    CG_TIMER_TICK
} cg_timer_kind;
enum { CG_TIMER_KIND_SHIFT = 60 };
static inline uint64_t cg_timer_id(cg_timer_kind kind, uint64_t rest) {
    return CG_NODE_TIMER_OTHER | (uint64_t)kind << CG_TIMER_KIND_SHIFT | rest;
}
static inline cg_timer_kind cg_timer_kind_of(uint64_t id) {
    return (cg_timer_kind)(id >> CG_TIMER_KIND_SHIFT & 7);
}

enum { CG_PROTOCOL_OWNER_SHIFT = 32, CG_PROTOCOL_SHIFT = 48 };

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

/* --- node.c --- */
/* Adds a SEND of a message with payload_bytes of payload, to be written at *payload, then
 * sealed with cg_node_seal before the next output is added. `to` may be this host. */
cg_status cg_node_send(cg_node *node, cg_outputs *outputs, uint32_t to, size_t payload_bytes,
                       uint8_t **payload, cg_error *error);
void cg_node_seal(cg_node *node, cg_outputs *outputs, uint16_t type);
void cg_node_seal_of(cg_node *node, cg_outputs *outputs, uint16_t type, uint64_t owner);
/* For whoever watches. text: one sentence; copied. */
cg_status cg_node_alert(cg_outputs *outputs, cg_severity severity, const char *text,
                        cg_error *error);
/* The hybrid logical clock of the step. */
cg_hlc cg_node_tick(cg_node *node);
cg_status cg_node_set_timer(cg_outputs *outputs, uint64_t timer_id, uint64_t at_ns,
                            cg_error *error);
cg_status cg_node_reply(cg_node *node, cg_outputs *outputs, const cg_reply *reply,
                        cg_error *error);
/* The same with size_bytes of the answer's own, to be written at *bytes. */
cg_status cg_node_reply_with(cg_node *node, cg_outputs *outputs, const cg_reply *reply,
                             size_t size_bytes, uint8_t **bytes, cg_error *error);
/* To the client of this host: refused, for a reason that is in *error. */
cg_status cg_node_refuse(cg_node *node, const cg_event *event, cg_status reason,
                         cg_outputs *outputs, cg_error *error);
/* To the gateway, or straight to the client: CG_NODE_DIRECT. */
cg_status cg_node_answer(cg_node *node, const cg_reply *reply, uint32_t gateway,
                         uint64_t now_ns, cg_outputs *outputs, cg_error *error);
/* The key of a partition's row in the tiers: rows of the corpus are the same concept in every partition, a
 * partition's own rows are not. */
uint64_t cg_node_tier_key(const cg_node *node, uint32_t partition, uint32_t row);

/* --- spaces.c --- */
cg_status cg_spaces_check(const cg_node_options *options, cg_error *error);
cg_status cg_spaces_alloc(cg_node *node, cg_error *error);
void cg_spaces_free(cg_node *node);
uint64_t cg_spaces_bytes(const cg_node *node);
/* The number of the partition that a request is about, by its id or that of its target. */
uint32_t cg_node_partition_about(const cg_node *node, const cg_event *event,
                                 uint64_t request_id);
/* The partition as this host holds it; NULL when it has no voice in it. */
cg_holding *cg_node_holding(const cg_node *node, uint32_t partition);
/* Sums over all spaces. */
void cg_spaces_statistics(const cg_node *node, cg_pool_statistics *pools,
                          cg_decision_cache_statistics *cache);
cg_group_statistics cg_spaces_groups(const cg_node *node);
/* Log writes under way, of all spaces. */
uint32_t cg_spaces_writes(const cg_node *node);

/* --- admit.c --- */
/* A request of a client (type 0), or the payload of a message that asks for work; event->bytes is
 * it. Runs it in this step, lets it wait, or sheds it. */
cg_status cg_admit(cg_node *node, const cg_event *event, uint64_t work_id, uint16_t type,
                   uint32_t from, cg_outputs *outputs, cg_error *error);
/* The timer of an item, or a READ of its own: its work is paid, or a part of it, or it is to be
 * tried again. */
cg_status cg_admit_timer(cg_node *node, const cg_event *event, cg_outputs *outputs,
                         cg_error *error);
/* Another number of permits; whoever may run then runs in a step of his own. */
cg_status cg_admit_permits(cg_node *node, uint32_t permits, uint64_t now_ns,
                           cg_outputs *outputs, cg_error *error);
/* A timer of this kind for the item, due when the step is paid or delay_ns later. */
cg_status cg_item_timer(const cg_node *node, const cg_item *item, cg_timer_kind kind,
                        uint32_t part, uint64_t at_ns, cg_outputs *outputs, cg_error *error);
uint64_t cg_item_token(const cg_node *node, const cg_item *item, cg_timer_kind kind,
                       uint32_t part);
/* Pins a slot of the partition at home here until the item ends. */
cg_status cg_item_pin(cg_node *node, cg_item *item, uint64_t slot, cg_error *error);
/* A number for the item's wait, larger than all before it; and back. NULL: of an earlier use. */
uint64_t cg_item_ticket(cg_node *node, cg_item *item);
cg_item *cg_item_of_ticket(cg_node *node, uint64_t ticket);
/* A pending item is answered: its work ends with this step's. */
cg_status cg_item_settle(cg_node *node, cg_item *item, cg_error *error);
/* The partition that it is about, as this host holds it, or NULL. */
cg_holding *cg_item_holding(const cg_node *node, const cg_item *item);
void cg_items_free(cg_node *node);
uint64_t cg_items_bytes(const cg_node *node);

/* --- recall.c --- */
cg_status cg_recall_begin(cg_node *node, cg_item *item, cg_outputs *outputs, cg_error *error);
/* All is paid: the forecast learns. */
void cg_recall_end(cg_node *node, const cg_item *item, uint64_t now_ns);
/* A record that was fetched ahead has come. */
cg_status cg_recall_arrived(cg_node *node, uint64_t key, cg_error *error);

/* --- batches.c --- */
/* Whether the recall is to be cut into batches; then they are under way and item->pending is
 * set. */
cg_status cg_batches_begin(cg_node *node, cg_item *item, uint64_t now_ns, bool *cut,
                           cg_outputs *outputs, cg_error *error);
/* A batch is to run; its work is paid; or the store has delivered it. */
cg_status cg_batches_step(cg_node *node, cg_item *item, cg_timer_kind kind, uint32_t part,
                          uint64_t now_ns, cg_outputs *outputs, cg_error *error);
/* Reads a key and what it leads to. is_paid: a READ has fetched the key itself. */
cg_status cg_recall_read(cg_node *node, cg_item *item, uint64_t key, bool is_paid,
                         cg_work *work, cg_error *error);
cg_status cg_recall_reply(cg_node *node, cg_item *item, cg_outputs *outputs, cg_error *error);

/* --- place.c --- */
/* cues: found in the text, as far as it was decided anew. */
cg_status cg_place_plan(cg_holding *holding, const cg_message_allocate *message,
                        uint32_t target, uint32_t cues, cg_placement_plan *plan,
                        cg_error *error);
/* The fact that was just stored is in a memory tier, if its plan says so, and in the slower ones
 * behind it: evicted from the first, it is still at hand. */
cg_status cg_place_fill(cg_holding *holding, const cg_placement_plan *plan, uint32_t target,
                        cg_error *error);
/* Facts of one concept are read together: the slot of the one stored below it last. */
uint64_t cg_place_near(const cg_holding *holding, uint32_t target);

/* --- associate.c --- */
cg_status cg_associate(cg_node *node, cg_item *item, cg_outputs *outputs, cg_error *error);
/* The answer to one that went over all hosts. */
cg_status cg_associate_answer(cg_node *node, const cg_item *item,
                              const cg_distributed_result *result, cg_error *error);
/* The modelled caches, with a region for each array that spreads touch. */
cg_status cg_associate_cpu(cg_node *node, cg_error *error);
/* Of a graph that no spread has gone through. */
void cg_associate_growth(cg_node *node);
/* Nothing runs: gives back what spreads hold beyond what they usually need. */
cg_status cg_associate_rest(cg_node *node, cg_error *error);

/* --- consolidation.c --- */
/* The concepts of a spread were active together; the first one of an interval sets the timer. */
cg_status cg_consolidation_note(cg_space *space, const cg_spread_result *result,
                                uint64_t now_ns, cg_outputs *outputs, cg_error *error);
/* Whether the timer is that of a space's consolidation. */
bool cg_consolidation_timer(uint64_t id);
cg_status cg_consolidation_due(cg_node *node, const cg_event *event, cg_outputs *outputs,
                               cg_error *error);

/* --- remove.c --- */
cg_status cg_remove_begin(cg_node *node, cg_item *item, const cg_message_about *message,
                          uint64_t now_ns, cg_outputs *outputs, cg_error *error);
/* One try: at first, and after each conflict. */
cg_status cg_remove_again(cg_node *node, cg_item *item, uint64_t now_ns, cg_outputs *outputs,
                          cg_error *error);

/* --- tune.c --- */
/* The settings that rules move, with this node's first values and bounds. */
cg_adapt_options cg_tune_settings(const cg_node_options *options,
                                  cg_adapt_setting settings[CG_ADAPT_DEFAULT_SETTINGS]);
/* A request came: an interval begins, unless one runs. */
cg_status cg_tune_begin(cg_node *node, const cg_event *event, cg_outputs *outputs,
                        cg_error *error);
cg_status cg_tune_tick(cg_node *node, const cg_event *event, cg_outputs *outputs,
                       cg_error *error);
/* A client of this host is answered now: for the monitor. */
cg_status cg_tune_latency(cg_node *node, uint64_t began_ns, uint64_t now_ns, cg_error *error);

/* --- gateway.c --- */
/* Errors are the reply's status; the sentence stays in error. */
cg_status cg_gateway_check(const cg_node *node, const cg_event *event, cg_error *error);
/* At the door: what needs no reading of the request's bytes; then cg_admit. */
cg_status cg_gateway_request(cg_node *node, const cg_event *event, cg_outputs *outputs,
                             cg_error *error);
cg_status cg_gateway_allocate(cg_node *node, cg_item *item, cg_outputs *outputs,
                              cg_error *error);
cg_status cg_gateway_batch(cg_node *node, const cg_event *event, cg_outputs *outputs,
                           cg_error *error);
/* Requests about a fact that is there: removals and gets. */
cg_status cg_gateway_about(cg_node *node, cg_item *item, cg_outputs *outputs, cg_error *error);
/* A text of the event as a fact: node->embedding holds it, the message borrows it. Errors:
 * CG_ERROR_INVALID, also where nothing speaks for any concept; CG_ERROR_MEMORY. */
cg_status cg_gateway_read(cg_node *node, const cg_event *event, const char *text,
                          size_t text_bytes, cg_message_allocate *message, cg_work *work,
                          cg_error *error);
/* Candidates for the item's fact have been gathered, message->candidates: it goes to its primary. */
cg_status cg_gateway_gathered(cg_node *node, const cg_item *item,
                              const cg_message_allocate *message, cg_outputs *outputs,
                              cg_error *error);
/* from: the host that the answer came from. */
cg_status cg_gateway_answer(cg_node *node, const cg_reply *reply, uint32_t from,
                            uint64_t now_ns, cg_outputs *outputs, cg_error *error);
/* Another host says that it is not the primary, and who is. */
cg_status cg_gateway_redirected(cg_node *node, const cg_message_redirect *message,
                                uint32_t from, uint64_t now_ns, cg_outputs *outputs,
                                cg_error *error);
cg_status cg_gateway_timer(cg_node *node, const cg_event *event, cg_outputs *outputs,
                           cg_error *error);

/* --- primary.c --- */
cg_status cg_primary_allocate(cg_holding *holding, const cg_message_allocate *message,
                              uint32_t gateway, uint64_t now_ns, cg_outputs *outputs,
                              cg_error *error);
/* payload: an encoded batch message. */
cg_status cg_primary_batch(cg_holding *holding, const uint8_t *payload, size_t size_bytes,
                           uint32_t gateway, uint64_t now_ns, cg_outputs *outputs,
                           cg_error *error);
/* Whether the request was decided before: then it was answered, or will be. */
bool cg_primary_decided(cg_holding *holding, uint64_t request_id, cg_request_kind kind,
                        uint32_t gateway, uint64_t now_ns, cg_outputs *outputs,
                        cg_status *status, cg_error *error);
/* Turns a request down for good: however often it is sent again, it gets this answer. */
cg_status cg_primary_reject(cg_holding *holding, uint64_t request_id, cg_request_kind kind,
                            cg_status reason, uint32_t gateway, uint64_t now_ns,
                            cg_outputs *outputs, cg_error *error);
/* What the next record is to be answered with; kept with it (cg_primary_append). */
cg_status cg_primary_note(cg_holding *holding, const cg_reply *reply, uint32_t gateway,
                          cg_error *error);
/* Gives a record its id and clock, encodes it and applies it; the answer that was noted waits for it.
 * Errors as cg_partition_apply. */
cg_status cg_primary_append(cg_holding *holding, cg_log_record *record,
                            const cg_partition_wish *wish, cg_work *work, cg_error *error);
/* Answers every request whose record is safe. */
cg_status cg_primary_answer(cg_holding *holding, uint64_t safe_sequence, cg_error *error);
/* This host is not the primary any more: whoever waits for an answer asks the next one. */
void cg_primary_give_up(cg_holding *holding);
/* item->removal: what is asked for. */
cg_status cg_primary_get(cg_holding *holding, cg_item *item, cg_error *error);
/* False: it cannot be answered from what this host holds. */
bool cg_primary_get_near(cg_node *node, const cg_message_about *get, cg_reply *reply,
                         cg_work *work);
/* A read that was let wait may be answered, or not here. */
cg_status cg_primary_readable(cg_holding *holding, uint64_t ticket, bool is_good,
                              cg_error *error);

/* --- protocols.c --- */
/* place: outlives the port. */
cg_port cg_protocol_port(cg_protocol_place *place);
cg_status cg_protocol_receive(cg_node *node, const cg_protocol_message *message,
                              cg_error *error);
cg_status cg_protocol_timer(cg_node *node, uint64_t id, cg_error *error);
/* Of each protocol: CG_ERROR_CORRUPT and CG_ERROR_VERSION refuse the message. */

/* --- membership.c --- */
cg_status cg_membership_alloc(cg_node *node, cg_error *error);
cg_status cg_membership_message(cg_node *node, const cg_protocol_message *message,
                                cg_error *error);
cg_status cg_membership_timer(cg_node *node, uint32_t number, cg_error *error);
bool cg_membership_reaches(const cg_node *node, uint32_t host);

/* --- edges.c --- */
/* Before the journal is replayed, and after. */
cg_status cg_edges_begin(cg_node *node, uint64_t disk_life, cg_error *error);
cg_status cg_edges_open(cg_node *node, cg_error *error);
cg_status cg_edges_replay(cg_node *node, const cg_frame *frame, cg_error *error);
void cg_edges_free(cg_space *space);
void cg_edge_writes_free(cg_node *node);
cg_status cg_edges_durable(cg_node *node, uint64_t token, cg_error *error);
cg_status cg_edges_check(const cg_node *node, const cg_event *event, cg_error *error);
cg_status cg_edges_change(cg_node *node, cg_item *item, cg_error *error);
cg_status cg_edges_message(cg_node *node, const cg_protocol_message *message, cg_error *error);
cg_status cg_edges_timer(cg_node *node, uint32_t space, uint32_t number, cg_error *error);

/* --- across.c --- */
cg_status cg_across_alloc(cg_space *space, cg_error *error);
/* From the seeds that the step has found. */
cg_status cg_across_start(cg_node *node, cg_item *item, cg_error *error);
cg_status cg_across_message(cg_node *node, const cg_protocol_message *message, cg_error *error);
cg_status cg_across_timer(cg_node *node, uint32_t space, uint32_t number, cg_error *error);

/* --- gather.c --- */
cg_status cg_gather_check(const cg_node_options *options, const cg_corpus *corpus,
                          cg_error *error);
cg_status cg_gather_alloc(cg_node *node, cg_error *error);
void cg_gather_free(cg_node *node);
uint64_t cg_gather_bytes(const cg_node *node);
/* A search of a client. */
cg_status cg_gather_search(cg_node *node, cg_item *item, cg_outputs *outputs, cg_error *error);
/* Candidates for a fact that is to be allocated; then cg_gateway_gathered goes on. */
cg_status cg_gather_fact(cg_node *node, cg_item *item, const cg_message_allocate *message,
                         cg_error *error);
/* Whether candidates are to be gathered before a fact is decided: the index is divided. */
static inline bool cg_gather_is_wanted(const cg_node *node) {
    return node->options.gather.shards != NULL;
}
cg_status cg_gather_message(cg_node *node, const cg_protocol_message *message, cg_error *error);
cg_status cg_gather_timer(cg_node *node, uint32_t number, cg_error *error);

/* --- groups.c --- */
cg_status cg_holding_init(cg_holding *holding, const cg_pool_options *pools, cg_error *error);
void cg_holding_deinit(cg_holding *holding);
/* The log has grown by this host's own decisions. */
cg_status cg_holding_appended(cg_holding *holding, cg_error *error);
/* Whether it takes requests now. */
bool cg_holding_serves(const cg_holding *holding);
cg_status cg_groups_message(cg_node *node, const cg_protocol_message *message, cg_error *error);
cg_status cg_groups_timer(cg_node *node, uint32_t partition, uint32_t number, cg_error *error);
cg_status cg_groups_durable(cg_node *node, uint64_t token, cg_error *error);
/* Write tokens: whose write, and its own number. */
static inline uint64_t cg_write_token(uint32_t partition, uint64_t number) {
    return (uint64_t)partition << 48 | number;
}
/* Tells a gateway that this host is not the primary, and who is. */
cg_status cg_groups_redirect(const cg_holding *holding, uint64_t request_id, uint32_t gateway,
                             cg_error *error);
/* The primary of a partition as far as this host knows, and in which epoch. */
uint32_t cg_groups_primary(const cg_node *node, uint32_t partition, uint64_t *epoch);
cg_status cg_groups_learn(cg_node *node, uint32_t partition, uint64_t epoch, uint32_t primary,
                          cg_error *error);
static inline uint32_t cg_groups_keeper(const cg_node *node, uint32_t partition, uint32_t n) {
    return cg_node_keeper_of(partition, node->options.hosts, n);
}

/* --- start.c --- */
cg_status cg_start(cg_node *node, const cg_event *event, cg_error *error);
/* Begins all protocols, at a start or with the node. */
cg_status cg_start_protocols(cg_node *node, const cg_group_start *start, cg_error *error);

#endif
