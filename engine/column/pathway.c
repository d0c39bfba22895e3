#include "engine/column/pathway.h"

static const struct {
    const char *name;
    cg_column_id column;
    bool relative;
} pathways[CG_PATHWAY_COUNT] = {
#define ROW(id, name, column, relative) {name, CG_COLUMN_##column, relative},
    CG_PATHWAYS(ROW)
#undef ROW
};

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

const char *cg_pathway_name(cg_pathway pathway) {
    return pathway < CG_PATHWAY_COUNT ? pathways[pathway].name : "unknown";
}

cg_column_id cg_pathway_column(cg_pathway pathway) {
    return pathways[pathway].column;
}

bool cg_pathway_is_relative(cg_pathway pathway) {
    return pathways[pathway].relative;
}

/* Where each column's pathways begin; the last ends. */
static const cg_pathway firsts[CG_COLUMN_COUNT + 1] = {
    [CG_COLUMN_SEMANTIC] = CG_PATHWAY_EXACT,  [CG_COLUMN_STRUCTURAL] = CG_PATHWAY_SELF,
    [CG_COLUMN_TEMPORAL] = CG_PATHWAY_RECENT, [CG_COLUMN_EXCEPTION] = CG_PATHWAY_TYPE,
    [CG_COLUMN_COUNT] = CG_PATHWAY_COUNT,
};

cg_pathway cg_column_first_pathway(cg_column_id column) {
    return firsts[column];
}

uint32_t cg_column_pathway_count(cg_column_id column) {
    return (uint32_t)firsts[column + 1] - (uint32_t)firsts[column];
}

/* The latency of x beside a feature of full strength, or UINT32_MAX. */
static uint32_t latency_of(const cg_ttfs_options *encoding, uint32_t evidence) {
    const float pattern[2] = {1.0f, (float)evidence / (float)CG_EVIDENCE_ONE};
    int32_t spikes[2];
    (void)cg_ttfs_encode(encoding, pattern, 2, spikes, NULL);
    return spikes[1] > 0 ? (uint32_t)(spikes[1] - 1) : UINT32_MAX;
}

void cg_tuning_init(cg_tuning *tuning, const cg_ttfs_options *encoding) {
    tuning->encoding = *encoding;
    for (uint32_t evidence = 0; evidence <= CG_EVIDENCE_ONE; evidence++) {
        uint32_t ticks = latency_of(encoding, evidence);
        tuning->ticks[evidence] = ticks;
        tuning->line[evidence] = 0;
        tuning->share[evidence] = 0;
        if (ticks != UINT32_MAX) {
            uint64_t early = encoding->window_ticks - ticks;
            uint64_t place =
                early * (CG_FIELDS - 1) * CG_SHARE_ONE / encoding->window_ticks; /* of lines */
            uint64_t lower = place / CG_SHARE_ONE;
            lower = lower < CG_FIELDS - 1 ? lower : CG_FIELDS - 2;
            tuning->line[evidence] = (uint8_t)(1 + lower);
            tuning->share[evidence] = (uint16_t)(place - lower * CG_SHARE_ONE);
        }
    }
}
