/* Private to engine/node: gathers of candidates, shared by gather.c, gather_life.c and gather_answer.c. */
#ifndef CG_ENGINE_NODE_GATHER_INTERNAL_H
#define CG_ENGINE_NODE_GATHER_INTERNAL_H

#include "engine/node/gather_message.h"
#include "engine/node/node_internal.h"

/* One shard that is asked. */
typedef struct cg_gather_part {
    uint32_t shard; /* and host */
    bool is_answered;
} cg_gather_part;

/* One gather. Free ones have the number 0; what they hold serves the next. */
typedef struct cg_gather {
    uint32_t number;
    uint64_t ticket; /* of the item that waits */
    uint32_t tries;
    uint32_t k; /* candidates wanted */
    uint32_t ef;
    bool is_fact; /* of an allocation, whose message is in fact; otherwise a search */
    bool is_audited;
    cg_gather_part *parts;
    size_t parts_capacity;
    uint32_t part_count;
    uint32_t answered;
    uint32_t *entries; /* hybrid: rows to begin at, of all shards */
    size_t entries_capacity;
    uint32_t entry_count;
    float *vector; /* [dims] */
    size_t vector_capacity;
    cg_index_hit *hits; /* [k] the nearest so far */
    size_t hits_capacity;
    uint32_t hit_count;
    uint8_t *fact; /* the encoded ALLOCATE message */
    size_t fact_capacity;
    size_t fact_bytes;
    size_t next_free; /* the next free one + 1, 0 at the end */
} cg_gather;

struct cg_gathers {
    cg_protocol_place place;
    cg_port port;
    cg_shard_scratch *scratch;       /* or NULL: the index is not divided */
    cg_index_scratch *index_scratch; /* of the whole index */
    cg_shard_route route;            /* scratch of the step */
    cg_index_hit found[CG_SHARD_K_MAX];
    uint32_t rows[CG_SHARD_ENTRIES_MAX];
    float vector[CG_DIMS_MAX];
    uint8_t *payload; /* scratch: a message that is being made */
    size_t payload_capacity;
    cg_table *of; /* number to place */
    cg_gather *list;
    size_t list_capacity;
    size_t used;      /* ever */
    size_t free;      /* the first free one of these + 1; 0: none */
    uint32_t numbers; /* given, ever */
};

/* gather_life.c */
cg_status cg_gather_alloc_now(cg_node *node, cg_error *error);
/* *out is borrowed until the next one is opened. */
cg_status cg_gather_open(cg_node *node, cg_gather **out, cg_error *error);
void cg_gather_close(cg_node *node, cg_gather *gather);
/* NULL: there is none, or no longer. */
cg_gather *cg_gather_of(const cg_node *node, uint32_t number);

/* gather_answer.c */
/* Answers a search with the nearest of `count` candidates, by their records. asked, missing: shards. */
typedef struct cg_gather_outcome {
    const float *vector;
    const cg_index_hit *hits;
    uint32_t count;
    uint32_t asked;
    uint32_t missing;
    uint64_t missing_hosts; /* of the first 64 */
    bool is_audited;
} cg_gather_outcome;
cg_status cg_gather_answer(cg_node *node, const cg_item *item, const cg_gather_outcome *outcome,
                           cg_error *error);

#endif
