/* Private to engine/cascade: the scratch of a decision and the steps over it. */
#ifndef CG_ENGINE_CASCADE_CASCADE_INTERNAL_H
#define CG_ENGINE_CASCADE_CASCADE_INTERNAL_H

#include "engine/cascade/cascade.h"
#include "engine/encode/lexical.h"

/* Candidates are kept by position 0 .. count-1, rows ascending; a filter moves the survivors to
 * the front, rows ascending still. */
struct cg_cascade_scratch {
    cg_allocator allocator;
    cg_column_scratch *columns;
    cg_index_scratch *index_scratch;
    cg_lexical_scratch *lexical_scratch;
    cg_index_hit hits[CG_NEIGHBOURS_MAX]; /* of one index */
    cg_lexical_hit lexical_hits[CG_LEXICAL_HITS_MAX];
    /* Before re-ranking; none when all were compared. */
    uint32_t found[CG_CASCADE_INDEXES_MAX * CG_NEIGHBOURS_MAX + CG_LEXICAL_HITS_MAX];
    uint32_t found_count;
    int32_t *spikes; /* [dims_capacity] of the fact */
    size_t dims_capacity;
    /* One of each per candidate. */
    uint32_t *rows;
    uint32_t *column_drives[CG_COLUMN_COUNT];
    uint32_t *drives;
    uint32_t *restated; /* what CG_PATHWAY_RESTATED hears; 0 with the semantic column off */
    uint32_t *order;
    size_t capacity;
    cg_likeness *likenesses; /* of all concepts, for direct decisions only */
    size_t likeness_capacity;
    cg_tuning tuning;
    cg_cues cues;
    bool has_lesson;
    cg_lesson lesson;
    cg_neighbour neighbours[CG_NEIGHBOURS_MAX];
    uint32_t neighbour_count;
    /* The best that the semantic filter dropped, best first: they fill up the alternatives. */
    uint32_t dropped[CG_ALTERNATIVES];
    uint32_t dropped_count;
};

/* Room for `candidates` candidates, likenesses of `compared` concepts, and `dims` dims. */
cg_status cg_cascade_reserve(cg_cascade_scratch *scratch, uint32_t candidates,
                             uint32_t compared, uint32_t dims, cg_error *error);

/* select.c: sorts without the heap, ties by row or position. */
void cg_cascade_sort_rows(uint32_t *rows, uint32_t count);
/* Fills order[count] with the positions by descending key, ties by ascending position. */
void cg_cascade_rank(const uint32_t *keys, uint32_t count, uint32_t *order);
/* The best `most` positions by descending key, ties by ascending position. Returns how many. */
uint32_t cg_cascade_best(const uint32_t *keys, uint32_t count, uint32_t *best, uint32_t most);
/* How many of n a filter keeps: max(at_least, ceil(share * n)), at most n. */
uint32_t cg_cascade_keeps(const cg_filter *filter, uint32_t n);

/* retrieve.c: fill scratch->neighbours, from what the indexes and the inverted file find or
 * from all concepts. The view's neighbours are not set yet. */
cg_status cg_cascade_retrieve(const cg_cascade_options *options, const cg_knowledge *knowledge,
                              const cg_column_view *view, cg_cascade_scratch *scratch,
                              cg_work *work, cg_error *error);
/* Leaves every row's likeness in scratch->likenesses. */
void cg_cascade_compare_all(const cg_cascade_options *options, const cg_column_view *view,
                            cg_cascade_scratch *scratch, cg_work *work);

/* options.c: whether fact and knowledge fit each other. */
cg_status cg_cascade_input_check(const cg_knowledge *knowledge, const cg_fact_view *fact,
                                 cg_error *error);

#endif
