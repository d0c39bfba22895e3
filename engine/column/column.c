#include "engine/column/evidence.h"

const char *cg_column_name(cg_column_id column) {
    switch (column) {
    case CG_COLUMN_SEMANTIC:
        return "semantic";
    case CG_COLUMN_STRUCTURAL:
        return "structural";
    case CG_COLUMN_TEMPORAL:
        return "temporal";
    case CG_COLUMN_EXCEPTION:
        return "exception";
    case CG_COLUMN_COUNT:
        break;
    }
    return "unknown";
}

void cg_column_vote(cg_column_id column, const cg_column_view *view,
                    const cg_column_scratch *scratch, const uint32_t *rows, uint32_t count,
                    float *votes, cg_work *work) {
    CG_ASSERT(column < CG_COLUMN_COUNT);
    cg_work_count(work, CG_WORK_COLUMN_VOTE, 1, count);
    for (uint32_t i = 0; i < count; i++) {
        switch (column) {
        case CG_COLUMN_SEMANTIC:
            votes[i] = cg_semantic_vote(view, scratch, rows[i], work);
            break;
        case CG_COLUMN_STRUCTURAL:
            votes[i] = cg_structural_vote(view, scratch, rows[i]);
            break;
        case CG_COLUMN_TEMPORAL:
            votes[i] = cg_temporal_vote(scratch, rows[i]);
            break;
        case CG_COLUMN_EXCEPTION:
        case CG_COLUMN_COUNT:
            votes[i] = cg_exception_vote(view, scratch, rows[i], work);
            break;
        }
    }
}

/* Tuned on held-out WordNet synsets; the stream of those is in random order, so time says
 * nothing there and only breaks near ties. In 16.16 fixed point, in (0, 1]. */
cg_column_weights cg_column_weights_default(void) {
    return (cg_column_weights){.weight_q16 = {
                                   [CG_COLUMN_SEMANTIC] = 32768, /* 0.5 */
                                   [CG_COLUMN_STRUCTURAL] = 65536,
                                   [CG_COLUMN_TEMPORAL] = 1311,  /* 0.02 */
                                   [CG_COLUMN_EXCEPTION] = 13107 /* 0.2 */
                               }};
}

double cg_column_combine(const cg_column_weights *weights, uint32_t mask,
                         const float votes[CG_COLUMN_COUNT]) {
    double sum = 0.0;
    double total = 0.0;
    for (uint32_t column = 0; column < CG_COLUMN_COUNT; column++) {
        if (mask >> column & 1) {
            sum += (double)weights->weight_q16[column] * (double)votes[column];
            total += (double)weights->weight_q16[column];
        }
    }
    return total > 0.0 ? sum / total : 0.0;
}
