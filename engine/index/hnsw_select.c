/* Choice of neighbours by diversity (Malkov & Yashunin 2018, algorithm 4).
 *
 * Candidates are met from near to far; c is discarded when a row s already chosen is nearer to
 * it, by a factor, than the row that chooses, since the way there leads through s:
 *
 *   alpha d(c, s) <= d(c, row),   alpha = 17/16
 *
 * The paper discards on "<" at alpha 1; with duplicates "<" would spend every link on copies of
 * one point. alpha > 1 is DiskANN's (Subramanya et al., NeurIPS 2019, algorithm 2): 30,000 rows
 * of 24 inner dims at ef 60 give recall@10 0.9585 from 1,331 distances at alpha 1, 0.9624 from
 * 1,362 at 17/16, and no more beyond. Inner products have no zero that a factor could be
 * measured from, so there alpha is 1.
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

enum { COMPARED_AT_ONCE = 4 };

/* Whether s, at the distance `to_chosen` from c, stands between c and a row at the distance
 * `to_row`. Distances of rows are symmetric and of one scale, whatever their probes were. */
static bool stands_between(const cg_index *index, uint64_t to_chosen, uint64_t to_row) {
    if (index->options.metric == CG_METRIC_INNER_PRODUCT) {
        return to_chosen >> 32 <= to_row >> 32;
    }
    if (cg_index_has_integers(index)) {
        return (int64_t)cg_key_score(to_chosen) * 17 <= (int64_t)cg_key_score(to_row) * 16;
    }
    return cg_key_distance(to_chosen) * 1.0625f <= cg_key_distance(to_row);
}

static bool is_tree_link(const cg_index *index, uint32_t row, uint32_t other) {
    return row != CG_NO_ROW &&
           (cg_hnsw_parent(index, row) == other || cg_hnsw_is_child(index, row, other));
}

static bool is_diverse(const cg_index *index, uint64_t candidate, const uint32_t *chosen,
                       uint32_t count, float *row_buffer, cg_work *work) {
    cg_probe probe = cg_probe_of_row(index, cg_key_row(candidate), row_buffer);
    for (uint32_t i = 0; i < count; i += COMPARED_AT_ONCE) {
        uint64_t keys[COMPARED_AT_ONCE];
        uint32_t left = count - i;
        uint32_t some = left < COMPARED_AT_ONCE ? left : COMPARED_AT_ONCE;
        cg_index_keys(index, &probe, chosen + i, some, keys, work);
        for (uint32_t j = 0; j < some; j++) {
            if (stands_between(index, keys[j], candidate)) {
                return false;
            }
        }
    }
    return true;
}

uint32_t cg_hnsw_choose(const cg_index *index, const cg_hnsw_choice *choice, uint64_t *chosen,
                        float *row_buffer, cg_work *work) {
    uint32_t rows[CG_INDEX_LINKS_MAX]; /* of chosen */
    uint32_t tree_left = 0;
    for (uint32_t i = 0; i < choice->count && choice->tree_row != CG_NO_ROW; i++) {
        tree_left += is_tree_link(index, choice->tree_row, cg_key_row(choice->candidates[i]));
    }
    uint32_t count = 0;
    uint32_t discarded = 0; /* moved to the front of candidates, still ascending */
    for (uint32_t i = 0; i < choice->count && count < choice->width; i++) {
        uint64_t candidate = choice->candidates[i];
        bool is_tree =
            tree_left > 0 && is_tree_link(index, choice->tree_row, cg_key_row(candidate));
        tree_left -= is_tree;
        if (is_tree || (count + tree_left < choice->width &&
                        ((candidate & 1u) ||
                         is_diverse(index, candidate, rows, count, row_buffer, work)))) {
            rows[count] = cg_key_row(candidate);
            chosen[count++] = candidate & ~UINT64_C(1);
        } else {
            choice->candidates[discarded++] = candidate;
        }
    }
    for (uint32_t i = 0; i < discarded && count < choice->fill; i++) {
        chosen[count++] = choice->candidates[i];
    }
    return count;
}
