/* Choosing a list of links anew while readers may be walking over it (private to engine/index,
 * for build and repair). */
#ifndef CG_ENGINE_INDEX_HNSW_LIST_H
#define CG_ENGINE_INDEX_HNSW_LIST_H

#include "engine/index/index_internal.h"

typedef struct cg_hnsw_list {
    uint32_t row;
    uint32_t level;
    uint64_t *candidates; /* keys as for cg_hnsw_choice; sorted here */
    uint32_t count;
    uint32_t fill; /* likewise */
} cg_hnsw_list;

/* The diverse ones of the candidates, which include whatever of the present list may stay and do
 * not include the row itself. Links between parent and child are among the chosen. chosen:
 * uint64_t[CG_INDEX_LINKS_MAX]; returns how many. Changes nothing else. */
uint32_t cg_hnsw_choose_list(const cg_index *index, const cg_hnsw_list *list, uint64_t *chosen,
                             float *row_buffer, cg_work *work);

/* Makes the chosen the row's list (hnsw.h: no link that stays is ever missing). */
void cg_hnsw_write_list(cg_index *index, uint32_t row, uint32_t level, const uint64_t *chosen,
                        uint32_t count, cg_work *work);

#endif
