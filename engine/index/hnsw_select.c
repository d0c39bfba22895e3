/* Choice of neighbours by diversity (Malkov & Yashunin 2018, algorithm 4).
 *
 * Candidates are met from near to far; c is discarded when a row s already chosen is at least
 * as near to it as the row that chooses, since the way there leads through s:
 *
 *   d(c, s) <= d(c, row)
 *
 * The paper discards on "<" only; with duplicates that would spend every link on copies of one
 * point.
 *
 * Two additions. The nearest discarded top the choice up to `fill`, since among duplicates a
 * single link would be left; m / 2 of them serve best (50,000 rows, half of them one point:
 * recall@10 at ef 80 is 1.000; filling up to m leaves hardly a way out of the copies, 0.926).
 * Tree links (hnsw.h) are always kept: room for those still to come is set aside.
 *
 * Known value: on a line, the row at 0 with candidates at 1, 2, -3 chooses 1 and -3, since 2
 * lies behind 1.
 */
#include "engine/index/index_internal.h"

static bool is_tree_link(const cg_index *index, uint32_t row, uint32_t other) {
    return row != CG_NO_ROW &&
           (index->hnsw.parents[row] == other || index->hnsw.parents[other] == row);
}

static bool is_diverse(const cg_index *index, uint64_t candidate, const uint64_t *chosen,
                       uint32_t count, uint64_t *distances) {
    const float *vector = cg_index_row(index, cg_key_row(candidate));
    float reach = cg_key_distance(candidate);
    for (uint32_t i = 0; i < count; i++) {
        ++*distances;
        if (cg_index_distance(index, vector, cg_index_row(index, cg_key_row(chosen[i]))) <=
            reach) {
            return false;
        }
    }
    return true;
}

uint32_t cg_hnsw_choose(const cg_index *index, const cg_hnsw_choice *choice, uint64_t *chosen,
                        cg_work *work) {
    uint32_t tree_left = 0;
    for (uint32_t i = 0; i < choice->count && choice->tree_row != CG_NO_ROW; i++) {
        tree_left += is_tree_link(index, choice->tree_row, cg_key_row(choice->candidates[i]));
    }
    uint32_t count = 0;
    uint32_t discarded = 0; /* moved to the front of candidates, still ascending */
    uint64_t distances = 0;
    for (uint32_t i = 0; i < choice->count && count < choice->width; i++) {
        uint64_t candidate = choice->candidates[i];
        bool is_tree =
            tree_left > 0 && is_tree_link(index, choice->tree_row, cg_key_row(candidate));
        tree_left -= is_tree;
        if (is_tree || (count + tree_left < choice->width &&
                        is_diverse(index, candidate, chosen, count, &distances))) {
            chosen[count++] = candidate;
        } else {
            choice->candidates[discarded++] = candidate;
        }
    }
    for (uint32_t i = 0; i < discarded && count < choice->fill; i++) {
        chosen[count++] = choice->candidates[i];
    }
    cg_work_count(work, CG_WORK_DISTANCE_F32, distances, distances * index->options.dims);
    return count;
}
