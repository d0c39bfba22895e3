#include "engine/index/hnsw_list.h"

/* Marks the chosen one that is `row`; false when none is. */
static bool mark_kept(const uint64_t *chosen, uint32_t count, uint32_t row, bool *is_kept) {
    for (uint32_t i = 0; i < count; i++) {
        if (cg_key_row(chosen[i]) == row) {
            is_kept[i] = true;
            return true;
        }
    }
    return false;
}

/* hnsw.h, "Readers may walk": what is new goes where something is dropped; where more is
 * dropped than is new, the last links move to the front. */
static void write_links(cg_link *links, uint32_t old_count, uint32_t first_free,
                        const uint64_t *chosen, uint32_t count) {
    bool is_kept[CG_INDEX_LINKS_MAX] = {false};
    uint32_t dropped[CG_INDEX_LINKS_MAX];
    uint32_t dropped_count = 0;
    for (uint32_t i = 0; i < old_count; i++) {
        if (!mark_kept(chosen, count, cg_link_get(links + i), is_kept) && i >= first_free) {
            dropped[dropped_count++] = i;
        }
    }
    uint32_t hole = 0;
    uint32_t end = old_count;
    for (uint32_t i = 0; i < count; i++) {
        if (!is_kept[i]) {
            uint32_t place = hole < dropped_count ? dropped[hole++] : end++;
            cg_link_set(links + place, cg_key_row(chosen[i]));
        }
    }
    while (hole < dropped_count) {
        end--;
        if (dropped[dropped_count - 1] == end) {
            dropped_count--;
        } else {
            cg_link_set(links + dropped[hole++], cg_link_get(links + end));
        }
        cg_link_set(links + end, CG_NO_ROW);
    }
}

uint32_t cg_hnsw_choose_list(const cg_index *index, const cg_hnsw_list *list, uint64_t *chosen,
                             float *row_buffer, cg_work *work) {
    const bool is_level_0 = list->level == 0;
    const bool is_root = is_level_0 && cg_hnsw_parent(index, list->row) == list->row;
    cg_keys_sort(list->candidates, list->count);
    cg_hnsw_choice choice = {
        .candidates = list->candidates,
        .count = list->count,
        .width = cg_hnsw_width(index, list->level) - is_root,
        .fill = list->fill,
        .tree_row = is_level_0 ? list->row : CG_NO_ROW,
    };
    return cg_hnsw_choose(index, &choice, chosen, row_buffer, work);
}

void cg_hnsw_write_list(cg_index *index, uint32_t row, uint32_t level, const uint64_t *chosen,
                        uint32_t count, cg_work *work) {
    cg_link *links = cg_hnsw_links(index, row, level);
    uint32_t old_count = 0;
    while (old_count < cg_hnsw_width(index, level) &&
           cg_link_get(links + old_count) != CG_NO_ROW) {
        old_count++;
    }
    /* At level 0 the first link is the parent, or the root itself, which is no neighbour. */
    write_links(links, old_count, level == 0, chosen, count);
    cg_work_count(work, CG_WORK_INDEX_LINK, 1, count);
}
