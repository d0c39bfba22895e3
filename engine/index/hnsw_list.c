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
static void write_list(cg_link *links, uint32_t old_count, uint32_t first_free,
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

void cg_hnsw_choose_list(cg_index *index, const cg_hnsw_list *list, float *row_buffer,
                         cg_work *work) {
    uint64_t chosen[CG_INDEX_LINKS_MAX];
    uint32_t old[CG_INDEX_LINKS_MAX];
    const bool is_level_0 = list->level == 0;
    const uint32_t old_count = cg_hnsw_copy_links(index, list->row, list->level, old);
    const bool is_root = is_level_0 && old[0] == list->row;
    cg_keys_sort(list->candidates, list->count);
    cg_hnsw_choice choice = {
        .candidates = list->candidates,
        .count = list->count,
        .width = cg_hnsw_width(index, list->level) - is_root,
        .fill = list->fill,
        .tree_row = is_level_0 ? list->row : CG_NO_ROW,
    };
    uint32_t count = cg_hnsw_choose(index, &choice, chosen, row_buffer, work);
    write_list(cg_hnsw_links(index, list->row, list->level), old_count, is_level_0, chosen,
               count);
    cg_work_count(work, CG_WORK_INDEX_LINK, 1, count);
}
