/* What goes into a node and what comes out: the whole boundary between engine and world.
 *
 * A node has no I/O. The world hands it one event at a time, with the time in ns; the node
 * changes only itself and answers with outputs and with the work it did. The same node runs
 * under the simulator, under a bare harness, and could run under a real transport.
 */
#ifndef CG_ENGINE_NODE_EVENT_H
#define CG_ENGINE_NODE_EVENT_H

#include "engine/base/memory.h"
#include "engine/base/status.h"
#include "engine/base/work.h"
#include "engine/cascade/cascade.h"
#include "engine/service/monitor.h"

/* What a client asks of a host (spec B4). */
typedef enum cg_request_kind {
    CG_REQUEST_ALLOCATE, /* bytes: a fact's text */
    CG_REQUEST_BATCH,    /* bytes: facts' texts, each behind its length (u32, little-endian) */
    CG_REQUEST_DEALLOCATE, /* target: the id of the request that allocated the fact; of a batch's
                            * k-th fact, from 0, that of the batch + k * 2^48 */
    CG_REQUEST_RECALL,     /* bytes: keys (u64 each, little-endian); hops */
    CG_REQUEST_SPREAD,     /* bytes: rows to begin at (u64 each, little-endian), or, with
                            * CG_REQUEST_TEXT, a text, which begins at the concepts most like it; hops */
    CG_REQUEST_GET,        /* target: as of DEALLOCATE: where the fact is, if it is */
    CG_REQUEST_EDGE,       /* bytes: a change of an edge (cg_edge_change) */
    CG_REQUEST_SEARCH,     /* bytes: a text: which concepts of the corpus are nearest to it */
    CG_REQUEST_KIND_COUNT
} cg_request_kind;
const char *cg_request_kind_name(cg_request_kind kind); /* "allocate"; static storage */
/* A change of an edge between two concepts of the corpus: one more observation of its weight, with a
 * confidence, or its removal (engine/replica/edge_set.h). Little-endian: from (u64), type (u16), to (u64)
 * and, of an observation, weight (u8) and confidence in 1/65,536, above 0 (u32). */
typedef struct cg_edge_change {
    uint64_t from;
    uint64_t to;
    uint32_t confidence_q16;
    uint16_t type;
    uint8_t weight;
    bool removes;
} cg_edge_change;
enum { CG_EDGE_REMOVE_BYTES = 18, CG_EDGE_OBSERVE_BYTES = 23 };
/* Returns the bytes used. */
size_t cg_edge_change_write(const cg_edge_change *change, uint8_t bytes[CG_EDGE_OBSERVE_BYTES]);
/* False: the size is of neither. */
bool cg_edge_change_read(const uint8_t *bytes, size_t size_bytes, cg_edge_change *change);

/* Whether it leaves no record in a partition's log: recalls, spreads, gets and searches. */
static inline bool cg_request_only_reads(cg_request_kind kind) {
    return kind == CG_REQUEST_RECALL || kind == CG_REQUEST_SPREAD || kind == CG_REQUEST_GET ||
           kind == CG_REQUEST_EDGE || kind == CG_REQUEST_SEARCH;
}
/* Whether it is about the fact that an earlier request, its target, allocated. */
static inline bool cg_request_has_target(cg_request_kind kind) {
    return kind == CG_REQUEST_DEALLOCATE || kind == CG_REQUEST_GET;
}

enum {
    CG_BATCH_FACTS_MAX = 1024,  /* facts in one batch request */
    CG_BATCH_PLACE_SHIFT = 48,  /* a fact's place in its batch stands above the request's id */
    CG_RECALL_KEYS_MAX = 65536, /* keys in one recall */
    CG_RECALL_HOPS_MAX = 16,    /* steps that a recall goes on from each key */
    CG_SPREAD_ROWS_MAX = 1024,  /* rows that a spread begins at */
    CG_SPREAD_HIT_BYTES = 20    /* of one hit in a spread's answer */
};

/* Flags of a request. */
enum {
    CG_REQUEST_AUDIT =
        1, /* decide, or search, exhaustively as well and report whether both agree */
    CG_REQUEST_LABELLED = 2, /* label is the row where the fact truly belongs: learn from it */
    CG_REQUEST_TEXT = 4,     /* of a spread: bytes are a text */
    /* Of a get: whoever keeps the partition may answer, if it has heard from the primary lately
     * enough (cg_node_options.stale_ns) and has the effect of the request `after`, if that is not 0. */
    CG_REQUEST_NEAR = 8
};

/* Flags of a start. */
enum {
    CG_START_DISK_LOST = 1 /* the disk is a new one, and nothing was durable on it yet */
};

typedef enum cg_event_kind {
    CG_EVENT_REQUEST,      /* a client asks this host to allocate a fact */
    CG_EVENT_MESSAGE,      /* bytes from another host */
    CG_EVENT_TIMER,        /* a timer that the node set is due */
    CG_EVENT_STORAGE_DONE, /* a write is durable */
    CG_EVENT_READ_DONE,    /* a record that was asked for has come from the store */
    CG_EVENT_START,        /* the host begins to live, with what its journal kept */
    CG_EVENT_KIND_COUNT
} cg_event_kind;
const char *cg_event_kind_name(cg_event_kind kind);

typedef struct cg_event {
    cg_event_kind kind;
    /* REQUEST: CG_REQUEST_AUDIT, CG_REQUEST_LABELLED, CG_REQUEST_TEXT; START: CG_START_DISK_LOST. */
    uint32_t flags;
    uint32_t label;  /* REQUEST: row of the shared corpus, when labelled */
    uint64_t now_ns; /* never goes back, and is the same on all hosts */
    /* The host's clock on the wall: wrong by skew and drift, and set back at times. For hybrid
     * logical clocks and the times of facts alone. 0: not known, and now_ns stands for it. */
    uint64_t wall_ns;
    /* REQUEST: request id, unique over all clients; TIMER: timer id; STORAGE_DONE, READ_DONE:
     * token; START: how often the host was started before: 0 in its first life. */
    uint64_t id;
    /* REQUEST: as its kind says; MESSAGE: the encoded message; START: the journal as the disk
     * has it: the bytes of all writes that became durable, in order; the last one may be torn,
     * and any may have been altered. */
    const uint8_t *bytes;
    size_t size_bytes;
    /* REQUEST: */
    cg_request_kind request;
    uint32_t client;    /* whose fair share it is */
    uint32_t space;     /* the memory space that it is about (node.h); 0 where there is one */
    uint32_t hops;      /* RECALL: 0..CG_RECALL_HOPS_MAX; SPREAD: 1..CG_SPREAD_HOPS_MAX */
    uint8_t priority;   /* 0 (low) .. 3 (urgent); engine/service/admission.h */
    uint64_t target;    /* DEALLOCATE, GET */
    uint64_t disk_life; /* START: the life in which the disk was new; 0: it is the first one */
    uint64_t after;     /* GET, with CG_REQUEST_NEAR: an earlier write of this client, or 0 */
    /* TIMER: how long the host's cores, summed, and its disk have been busy so far. Both 0: not
     * known. */
    uint64_t core_busy_ns;
    uint64_t disk_busy_ns;
} cg_event;

/* The answer to a request (spec A9). */
typedef struct cg_reply {
    uint64_t request_id;
    cg_status status; /* CG_OK, or why not: timeout, overloaded, invalid ... */
    uint32_t host;    /* that decided */
    uint32_t tries;   /* sends it took; 1 without retries, 0 when decided where it arrived */
    uint64_t fact_id; /* given to the new fact */
    uint64_t slot;
    uint32_t winner; /* row */
    uint32_t alternatives[CG_ALTERNATIVES];
    uint32_t alternative_count;
    uint64_t pathway_id;
    uint32_t votes_q16[CG_COLUMN_COUNT];
    uint32_t confidence_q16;
    uint32_t stage_in[CG_STAGE_COUNT];
    uint32_t stage_out[CG_STAGE_COUNT];
    uint8_t strategy;
    uint8_t winning_column;
    uint8_t audited; /* 1: the exhaustive decision was made too */
    uint8_t agreed;  /* 1: it has the same winner */
    uint8_t request; /* cg_request_kind */
    uint8_t cached;  /* 1: the decision came from the decision cache */
    uint32_t count;  /* facts stored or removed, keys read, or hits */
    /* Get: how many records the state that was read is made of, and how long ago the primary was heard
     * of by whom it was read from: 0 at the primary (spec D9). */
    uint64_t version;
    uint64_t stale_ns;
    /* Recall and spread: what its latency was expected to be, when it began; 0: no forecast was
     * made. */
    uint64_t forecast_ns;
    /* Spread: winner and alternatives are what it came to, strongest first, without the rows that
     * it began at; where it came to none, the strongest of those. confidence_q16 is of the winner. */
    uint32_t reached; /* concepts with activation */
    uint32_t hops;    /* done */
    uint64_t edges;   /* walked */
    /* Search: winner and alternatives are the nearest concepts, the best first; reached is how many of the
     * `count` found are among the truly nearest, where that was audited; hops is how many shards were
     * asked. */
    /* Of a spread over several hosts (spec E5), or a search: what share of the activation that was expected,
     * or of the shards asked, has come, and which hosts, of the first 64, are missing from it. */
    uint32_t coverage_q16;
    uint64_t missing_hosts;
    uint64_t
        received_q32; /* of such a spread: the activation that has come, in 1/2^32 of 1.0 */
    uint64_t digest;  /* of all hits, in order, with their activation, confidence and path */
} cg_reply;

typedef enum cg_output_kind {
    CG_OUTPUT_SEND,  /* bytes to another host */
    CG_OUTPUT_TIMER, /* wake me with TIMER id at at_ns; the same id set again is a second one */
    CG_OUTPUT_WRITE, /* make bytes durable, in order, then STORAGE_DONE with the token */
    /* The journal ends after its first size_bytes, before any later write; with an id, and at once with
     * that, it counts as new in that life (cg_event.disk_life). */
    CG_OUTPUT_TRUNCATE,
    CG_OUTPUT_READ,  /* fetch a record from the store, then READ_DONE with the token */
    CG_OUTPUT_REPLY, /* to the client of this host */
    CG_OUTPUT_ALERT  /* for whoever watches; bytes: one sentence, without NUL */
} cg_output_kind;

typedef struct cg_output {
    cg_output_kind kind;
    uint32_t to;          /* SEND: host */
    uint64_t id;          /* TIMER: id; WRITE, READ: token; TRUNCATE: life, or 0 */
    uint64_t at_ns;       /* TIMER */
    size_t offset;        /* SEND, WRITE, ALERT, REPLY to a spread: into cg_outputs.bytes */
    size_t size_bytes;    /* the same, and TRUNCATE; of a spread's hits, see cg_answer_hit */
    uint64_t read_bytes;  /* READ: of the record */
    cg_severity severity; /* ALERT */
    cg_reply reply;       /* REPLY */
} cg_output;

/* Outputs of one step, in order. Caller-owned and reused; grows when it must. */
typedef struct cg_outputs {
    cg_output *items;
    size_t count;
    size_t capacity;
    uint8_t *bytes;
    size_t bytes_used;
    size_t bytes_capacity;
    cg_work work;
    cg_allocator allocator;
} cg_outputs;

/* A hit of a spread, as its answer's bytes have it: CG_SPREAD_HIT_BYTES each, little-endian, by
 * (activation descending, row). */
typedef struct cg_answer_hit {
    uint32_t row;
    uint32_t predecessor;    /* on the strongest path to it; its own row: it began there */
    uint32_t activation_q32; /* 1.0 is UINT32_MAX */
    uint32_t confidence_q32;
    uint32_t hops; /* of that path */
} cg_answer_hit;
void cg_answer_hit_write(uint8_t bytes[CG_SPREAD_HIT_BYTES], const cg_answer_hit *hit);
cg_answer_hit cg_answer_hit_read(const uint8_t bytes[CG_SPREAD_HIT_BYTES]);

void cg_outputs_init(cg_outputs *outputs, cg_allocator allocator);
void cg_outputs_deinit(cg_outputs *outputs);
void cg_outputs_reset(cg_outputs *outputs);
/* Adds a copy of output with room for size_bytes, whose place comes back in *bytes (NULL when
 * there are none); it is borrowed until the next add. */
cg_status cg_outputs_add(cg_outputs *outputs, const cg_output *output, size_t size_bytes,
                         uint8_t **bytes, cg_error *error);

#endif
