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

/* Of the candidates, which include whatever of the present list may stay and do not include the
 * row itself, the diverse ones become the list (hnsw.h: links between parent and child stay, and
 * no link that stays is ever missing). */
void cg_hnsw_choose_list(cg_index *index, const cg_hnsw_list *list, float *row_buffer,
                         cg_work *work);

#endif
