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
    CG_REQUEST_KIND_COUNT
} cg_request_kind;
const char *cg_request_kind_name(cg_request_kind kind); /* "allocate"; static storage */
/* Whether it leaves no record: recalls and spreads. */
static inline bool cg_request_only_reads(cg_request_kind kind) {
    return kind == CG_REQUEST_RECALL || kind == CG_REQUEST_SPREAD;
}

enum {
    CG_BATCH_FACTS_MAX = 1024,  /* facts in one batch request */
    CG_RECALL_KEYS_MAX = 65536, /* keys in one recall */
    CG_RECALL_HOPS_MAX = 16,    /* steps that a recall goes on from each key */
    CG_SPREAD_ROWS_MAX = 1024,  /* rows that a spread begins at */
    CG_SPREAD_HIT_BYTES = 20    /* of one hit in a spread's answer */
};

/* Flags of a request. */
enum {
    CG_REQUEST_AUDIT = 1,    /* decide exhaustively as well and report whether both agree */
    CG_REQUEST_LABELLED = 2, /* label is the row where the fact truly belongs: learn from it */
    CG_REQUEST_TEXT = 4      /* of a spread: bytes are a text */
};

typedef enum cg_event_kind {
    CG_EVENT_REQUEST,      /* a client asks this host to allocate a fact */
    CG_EVENT_MESSAGE,      /* bytes from another host */
    CG_EVENT_TIMER,        /* a timer that the node set is due */
    CG_EVENT_STORAGE_DONE, /* a write is durable */
    CG_EVENT_READ_DONE,    /* a record that was asked for has come from the store */
    CG_EVENT_KIND_COUNT
} cg_event_kind;
const char *cg_event_kind_name(cg_event_kind kind);

typedef struct cg_event {
    cg_event_kind kind;
    uint32_t flags; /* REQUEST: CG_REQUEST_AUDIT, CG_REQUEST_LABELLED, CG_REQUEST_TEXT */
    uint32_t label; /* REQUEST: row of the shared corpus, when labelled */
    uint64_t now_ns;
    /* REQUEST: request id, unique over all clients; TIMER: timer id; STORAGE_DONE, READ_DONE:
     * token. */
    uint64_t id;
    const uint8_t *bytes; /* REQUEST: as its kind says; MESSAGE: the encoded message */
    size_t size_bytes;
    /* REQUEST: */
    cg_request_kind request;
    uint32_t client;  /* whose fair share it is */
    uint32_t space;   /* the memory space that it is about (node.h); 0 where there is one */
    uint32_t hops;    /* RECALL: 0..CG_RECALL_HOPS_MAX; SPREAD: 1..CG_SPREAD_HOPS_MAX */
    uint8_t priority; /* 0 (low) .. 3 (urgent); engine/service/admission.h */
    uint64_t target;  /* DEALLOCATE */
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
    /* Recall and spread: what its latency was expected to be, when it began; 0: no forecast was
     * made. */
    uint64_t forecast_ns;
    /* Spread: winner and alternatives are what it came to, strongest first, without the rows that
     * it began at; where it came to none, the strongest of those. confidence_q16 is of the winner. */
    uint32_t reached; /* concepts with activation */
    uint32_t hops;    /* done */
    uint64_t edges;   /* walked */
    uint64_t digest;  /* of all hits, in order, with their activation, confidence and path */
} cg_reply;

typedef enum cg_output_kind {
    CG_OUTPUT_SEND,  /* bytes to another host */
    CG_OUTPUT_TIMER, /* wake me with TIMER id at at_ns; the same id set again is a second one */
    CG_OUTPUT_WRITE, /* make bytes durable, in order, then STORAGE_DONE with the token */
    CG_OUTPUT_READ,  /* fetch a record from the store, then READ_DONE with the token */
    CG_OUTPUT_REPLY, /* to the client of this host */
    CG_OUTPUT_ALERT  /* for whoever watches; bytes: one sentence, without NUL */
} cg_output_kind;

typedef struct cg_output {
    cg_output_kind kind;
    uint32_t to;          /* SEND: host */
    uint64_t id;          /* TIMER: id; WRITE, READ: token */
    uint64_t at_ns;       /* TIMER */
    size_t offset;        /* SEND, WRITE, ALERT, REPLY to a spread: into cg_outputs.bytes */
    size_t size_bytes;    /* the same; of a spread's hits, see cg_answer_hit */
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
