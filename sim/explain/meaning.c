/* Pathways in words. */
#include "sim/explain/explain.h"

static const char *const meanings[SIM_EXPLAIN_REASONS_MAX] = {
    [CG_PATHWAY_EXACT] = "share of weighted words in common",
    [CG_PATHWAY_DENSE] = "likeness of the dense vectors",
    [CG_PATHWAY_SPIKES] = "likeness of the spike patterns",
    [CG_PATHWAY_EXEMPLARS] = "likeness to it and to what hangs under it",
    [CG_PATHWAY_RESTATED] = "the texts cover each other",
    [CG_PATHWAY_NAMESAKE] = "share of names in common",
    [CG_PATHWAY_GENUS] = "the gloss's first phrase names it",
    [CG_PATHWAY_GENUS_WORDS] = "by how many words the first phrase does",
    [CG_PATHWAY_SECOND] = "the gloss's second phrase names it",
    [CG_PATHWAY_LATER] = "the gloss's third or fourth phrase does",
    [CG_PATHWAY_HEAD] = "the head of a name names it",
    [CG_PATHWAY_SELF] = "it is among the neighbours",
    [CG_PATHWAY_PARENT] = "neighbours hang under it",
    [CG_PATHWAY_GRANDPARENT] = "neighbours' parents hang under it",
    [CG_PATHWAY_RELATIVE] = "neighbours' other edges lead to it",
    [CG_PATHWAY_RELATIVE_PARENT] = "what these lead to hangs under it",
    [CG_PATHWAY_GENUS_HABIT] = "concepts of this genus hang under it",
    [CG_PATHWAY_SECOND_HABIT] = "concepts with this second phrase do",
    [CG_PATHWAY_HEAD_HABIT] = "concepts with this head do",
    [CG_PATHWAY_FIRST_HABIT] = "concepts with this first word do",
    [CG_PATHWAY_ENDING_HABIT] = "concepts with this ending do",
    [CG_PATHWAY_DOMAIN_HABIT] = "concepts of this domain do",
    [CG_PATHWAY_UNDER_GENUS] = "it hangs below what the genus names",
    [CG_PATHWAY_BRANCHING] = "how many edges it has",
    [CG_PATHWAY_DEPTH] = "how near the usual depth it is",
    [CG_PATHWAY_RECENT] = "how lately the stream was near it",
    [CG_PATHWAY_TOGETHER] = "how much of the stream was near it",
    [CG_PATHWAY_TYPE] = "its type is that of what was retrieved",
    [CG_PATHWAY_KIN] = "its children are of the fact's kind",
    [CG_PATHWAY_ACCORD] = "no antonym of it is more alike",
    [CG_PATHWAY_WHOLENESS] = "neighbours are no parts or wholes of it",
    [CG_PATHWAY_NORMALITY] = "the fact is no odd one among its children",
    [SIM_EXPLAIN_RECOGNITION] = "the text restates it, and is recalled",
};

const char *sim_explain_reason_name(uint32_t pathway) {
    return pathway < CG_PATHWAY_COUNT ? cg_pathway_name((cg_pathway)pathway) : "recognition";
}

const char *sim_explain_reason_column(uint32_t pathway) {
    return cg_column_name(pathway < CG_PATHWAY_COUNT ? cg_pathway_column((cg_pathway)pathway)
                                                     : CG_COLUMN_SEMANTIC);
}

const char *sim_explain_reason_meaning(uint32_t pathway) {
    const char *meaning = pathway < SIM_EXPLAIN_REASONS_MAX ? meanings[pathway] : NULL;
    return meaning ? meaning : "";
}

const char *sim_fate_name(sim_fate fate) {
    switch (fate) {
    case SIM_FATE_WON:
        return "won";
    case SIM_FATE_COMPETED:
        return "competed";
    case SIM_FATE_JUDGED:
        return "judged";
    case SIM_FATE_FILTERED:
        return "filtered";
    }
    return "unknown";
}
