/* The semantic column: how alike are fact and candidate, and does the text say what it is?
 *
 * Likeness has three views of one text: the cosine of the exact sparse forms, which knows every
 * word; the cosine of the dense forms, which is noisy but never zero; and the similarity of the
 * spike patterns, which weighs strong features more. A fact without text has the latter two
 * only. Their mean orders the neighbours.
 *
 * A category is known by its members as much as by its definition (Medin & Schaffer,
 * Psychological Review 85, 1978; Nosofsky, J. Exp. Psychology: General 115, 1986, sums
 * likenesses over exemplars; here they add up as a noisy-or, to stay below 1). The exemplars
 * come from the neighbours alone and cost a look-up. What cues say is gathered in lexical.c.
 */
#include "engine/column/evidence.h"
#include "engine/vector/kernel.h"

/* The exact form leads since a projection to 128 dims keeps cosines only to about +-0.09. On
 * held-out WordNet synsets shares from 0.7 to 0.9 place as well as each other, but at 0.7 the
 * noise of the other two moves neighbours enough to cost 2.5% of agreement with the exhaustive
 * decision. */
static const double sparse_weight = 0.80;
static const double dense_weight = 0.10;
static const double spike_weight = 0.10;

cg_likeness cg_column_compare(const cg_column_view *view, uint32_t row, cg_work *work) {
    uint32_t dims = cg_features_dims(view->features);
    cg_feature_row candidate = cg_features_row(view->features, row);
    float cosine = cg_kernels_best()->dot_f32(view->fact.dense, candidate.dense, dims);
    double dense = cg_clamp_unit((double)cosine);
    double spikes = cg_clamp_unit(
        cg_ttfs_similarity(view->fact.spikes, candidate.spikes, dims, dense, work));
    cg_work_count(work, CG_WORK_DISTANCE_F32, 1, dims);
    double mean =
        (dense_weight * dense + spike_weight * spikes) / (dense_weight + spike_weight);
    cg_likeness likeness = {.dense = (float)dense, .spikes = (float)spikes};
    if (view->fact.sparse.count > 0) {
        double exact =
            cg_clamp_unit((double)cg_sparse_dot(view->fact.sparse, candidate.sparse));
        cg_work_count(work, CG_WORK_DISTANCE_SPARSE, 1,
                      (uint64_t)view->fact.sparse.count + candidate.sparse.count);
        likeness.exact = (float)exact;
        mean = (dense_weight + spike_weight) * mean + sparse_weight * exact;
    }
    likeness.mean = (float)mean;
    return likeness;
}

void cg_semantic_sense(const cg_column_view *view, const cg_evidence *entry, uint32_t row,
                       cg_senses *senses, cg_work *work) {
    static const cg_pathway gathered[] = {
        CG_PATHWAY_EXEMPLARS, CG_PATHWAY_RESTATED,    CG_PATHWAY_NAMESAKE, CG_PATHWAY_GENUS,
        CG_PATHWAY_SECOND,    CG_PATHWAY_GENUS_WORDS, CG_PATHWAY_LATER,    CG_PATHWAY_HEAD};
    cg_likeness likeness;
    if (view->likenesses) {
        likeness = view->likenesses[row];
    } else {
        likeness = entry && entry->alike ? entry->likeness : cg_column_compare(view, row, work);
    }
    senses->of[CG_PATHWAY_EXACT] = cg_sense_of((double)likeness.exact);
    senses->of[CG_PATHWAY_DENSE] = cg_sense_of((double)likeness.dense);
    senses->of[CG_PATHWAY_SPIKES] = cg_sense_of((double)likeness.spikes);
    for (uint32_t i = 0; i < sizeof gathered / sizeof *gathered; i++) {
        senses->of[gathered[i]] =
            entry ? cg_sense_of((double)entry->of[gathered[i]]) : (uint16_t)0;
    }
}
