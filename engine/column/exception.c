/* The exception column: what speaks against a candidate? Its pathways say 1 where nothing does.
 *
 *   type       how much of the evidence lies with concepts of the candidate's type, beside the
 *              leading one; or, when the fact's type is known, whether it is the candidate's
 *   kin        the candidate's children are of the fact's kind: an individual ("Ezra Pound",
 *              told by its capital letter) hangs where individuals hang, a class where classes do
 *   accord     1 - by how much a strongly retrieved antonym of the candidate or of its parents is
 *              more alike to the fact than the candidate
 *   wholeness  1 - share of the neighbours' voices that are parts or wholes of the candidate: what
 *              is part of a tree is no tree
 *   normality  1 - how much less alike the fact is to the candidate's children than to the
 *              candidate: it would be an odd one among its siblings
 *
 * Of children, at most CHILDREN_MAX are compared, the first in edge order.
 *
 * Source: conflict as evidence against a hypothesis, as in the anterior cingulate's monitoring:
 * Botvinick, Braver, Barch, Carter & Cohen, Psychological Review 108, 2001.
 */
#include "engine/column/evidence.h"
#include "engine/vector/kernel.h"

enum { CHILDREN_MAX = 4, ANTONYMS_MAX = 1 };

static const double strongly = 0.9; /* of the best neighbour's likeness */
static const double childless_kin = 0.6;
static const double other_kin = 0.2;

/* Marks the antonyms of a strongly retrieved concept. */
static void oppose(const cg_column_view *view, cg_column_scratch *scratch, uint32_t row,
                   float likeness) {
    if (cg_graph_degree_of_type(view->graph, row, CG_EDGE_ANTONYM) == 0) {
        return;
    }
    cg_edge_cursor cursor = cg_graph_edges(view->graph, row);
    cg_edge edge;
    uint32_t marked = 0;
    while (marked < ANTONYMS_MAX && cg_graph_next_edge(&cursor, &edge)) {
        if (edge.type == CG_EDGE_ANTONYM) {
            cg_evidence *entry = cg_evidence_take(scratch, edge.target);
            entry->opposite = likeness > entry->opposite ? likeness : entry->opposite;
            marked++;
        }
    }
}

/* By type, what was said for concepts of it, in the pathways that say where children hang. */
static void weigh_types(const cg_column_view *view, cg_column_scratch *scratch) {
    static const cg_pathway pathways[] = {CG_PATHWAY_PARENT, CG_PATHWAY_GENUS_HABIT,
                                          CG_PATHWAY_SECOND_HABIT, CG_PATHWAY_HEAD_HABIT,
                                          CG_PATHWAY_ENDING_HABIT};
    double mass[CG_CONCEPT_TYPES] = {0};
    double largest = 0.0;
    for (uint32_t i = 0; i < scratch->entry_count; i++) {
        const cg_evidence *entry = &scratch->entries[i];
        double sum = 0.0;
        for (uint32_t p = 0; p < sizeof pathways / sizeof *pathways; p++) {
            if (entry->of[pathways[p]] > 0.0f) {
                sum += (double)entry->of[pathways[p]] / (double)scratch->strongest[pathways[p]];
            }
        }
        uint32_t type = cg_graph_type(view->graph, entry->row);
        mass[type] += sum;
        largest = mass[type] > largest ? mass[type] : largest;
    }
    for (uint32_t type = 0; type < CG_CONCEPT_TYPES && largest > 0.0; type++) {
        scratch->type_mass[type] = (float)(mass[type] / largest);
    }
}

void cg_exception_prepare(const cg_column_view *view, cg_column_scratch *scratch) {
    float best = view->neighbour_count > 0 ? view->neighbours[0].likeness.mean : 0.0f;
    for (uint32_t i = 0; i < view->neighbour_count; i++) {
        float likeness = view->neighbours[i].likeness.mean;
        if ((double)likeness >= strongly * (double)best) {
            oppose(view, scratch, view->neighbours[i].row, likeness);
        }
    }
    weigh_types(view, scratch);
}

static double type_of(const cg_column_view *view, const cg_column_scratch *scratch,
                      uint32_t row) {
    uint32_t type = cg_graph_type(view->graph, row);
    if (view->fact_type != CG_TYPE_UNKNOWN) {
        return type == view->fact_type ? 1.0 : 0.0;
    }
    return (double)scratch->type_mass[type];
}

static double kin_of(const cg_column_view *view, uint32_t row) {
    uint32_t classes = cg_graph_degree_of_type(view->graph, row, CG_EDGE_HYPONYM);
    uint32_t individuals = cg_graph_degree_of_type(view->graph, row, CG_EDGE_INSTANCE_HYPONYM);
    bool individual = view->cues && view->cues->proper;
    if (classes + individuals == 0) {
        return childless_kin;
    }
    return (individual ? individuals : classes) > 0 ? 1.0 : other_kin;
}

static double opposition_to(const cg_evidence *entry, double own) {
    return entry ? cg_clamp_unit((double)entry->opposite - own) : 0.0;
}

static double accord_of(const cg_column_view *view, const cg_column_scratch *scratch,
                        const cg_evidence *entry, uint32_t row) {
    double own = entry && entry->alike ? (double)entry->likeness.mean : 0.0;
    double worst = opposition_to(entry, own);
    uint32_t parents[CG_PARENTS_MAX];
    uint32_t count = cg_graph_parents(view->graph, row, parents, CG_PARENTS_MAX);
    for (uint32_t p = 0; p < count; p++) {
        double opposition = opposition_to(cg_evidence_find(scratch, parents[p]), own);
        worst = opposition > worst ? opposition : worst;
    }
    return 1.0 - worst;
}

static double cosine_of(const cg_column_view *view, uint32_t row, cg_work *work) {
    if (view->likenesses) {
        return (double)view->likenesses[row].dense;
    }
    uint32_t dims = cg_features_dims(view->features);
    const float *dense = cg_features_row(view->features, row).dense;
    cg_work_count(work, CG_WORK_DISTANCE_F32, 1, dims);
    return cg_clamp_unit((double)cg_kernels_best()->dot_f32(view->fact.dense, dense, dims));
}

static double normality_of(const cg_column_view *view, uint32_t row, cg_work *work) {
    cg_edge_cursor cursor = cg_graph_edges(view->graph, row);
    cg_edge edge;
    double sum = 0.0;
    uint32_t children = 0;
    while (children < CHILDREN_MAX && cg_graph_next_edge(&cursor, &edge)) {
        if (!cg_edge_is_child(edge.type)) {
            continue;
        }
        if (view->touched) {
            view->touched(view->touched_context, edge.target, CG_TOUCH_PATTERN);
        }
        sum += cosine_of(view, edge.target, work);
        children++;
    }
    if (children == 0) {
        return 1.0;
    }
    return 1.0 - cg_clamp_unit(cosine_of(view, row, work) - sum / children);
}

void cg_exception_sense(const cg_column_view *view, const cg_column_scratch *scratch,
                        const cg_evidence *entry, uint32_t row, cg_senses *senses,
                        cg_work *work) {
    cg_work_count(work, CG_WORK_GRAPH_READ, 1, CHILDREN_MAX);
    double clash = 0.0;
    if (entry && entry->part_or_whole > 0.0f) {
        clash = (double)entry->part_or_whole / (double)scratch->strongest_part_or_whole;
    }
    senses->of[CG_PATHWAY_TYPE] = cg_sense_of(type_of(view, scratch, row));
    senses->of[CG_PATHWAY_KIN] = cg_sense_of(kin_of(view, row));
    senses->of[CG_PATHWAY_ACCORD] = cg_sense_of(accord_of(view, scratch, entry, row));
    senses->of[CG_PATHWAY_WHOLENESS] = cg_sense_of(1.0 - clash);
    senses->of[CG_PATHWAY_NORMALITY] = cg_sense_of(normality_of(view, row, work));
}
