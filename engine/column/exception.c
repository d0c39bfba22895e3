/* The exception column: what speaks against a candidate?
 *
 *   vote = 1 - (type_cost * clash + antonym_cost * opposition + anomaly_cost * anomaly)
 *
 *   clash       a known type of the fact that is not the candidate's; or, of an unknown one,
 *               how much more of the neighbours' similarity lies with the leading type than
 *               with the candidate's
 *   opposition  the candidate is the antonym of a strongly retrieved concept, by how much that
 *               one is more alike to the fact than the candidate
 *   anomaly     how much less alike the fact is to the candidate's children than to the
 *               candidate: it would be an odd one among its siblings
 *
 * At most CHILDREN_MAX children are looked at, the first in edge order.
 */
#include "engine/column/evidence.h"
#include "engine/vector/kernel.h"

enum { CHILDREN_MAX = 8, ANTONYMS_MAX = 1 };

static const double type_cost = 0.5;
static const double antonym_cost = 1.0;
static const double anomaly_cost = 0.3;
static const double strongly = 0.9; /* of the best neighbour's similarity */

/* Marks the antonyms of a strongly retrieved concept. */
static void oppose(const cg_column_view *view, cg_column_scratch *scratch, uint32_t row,
                   double similarity) {
    cg_edge_cursor cursor = cg_graph_edges(view->graph, row);
    cg_edge edge;
    uint32_t marked = 0;
    while (marked < ANTONYMS_MAX && cg_graph_next_edge(&cursor, &edge)) {
        if (edge.type != CG_EDGE_ANTONYM) {
            continue;
        }
        cg_evidence *entry = cg_evidence_take(scratch, edge.target);
        if (similarity > (double)entry->opposite) {
            entry->opposite = (float)similarity;
        }
        marked++;
    }
}

void cg_exception_prepare(const cg_column_view *view, cg_column_scratch *scratch,
                          cg_work *work) {
    (void)work; /* the neighbours' edges were counted when their parents were read */
    double best = 0.0;
    for (uint32_t i = 0; i < view->neighbour_count; i++) {
        double own = (double)cg_evidence_find(scratch, view->neighbours[i].row)->own;
        best = own > best ? own : best;
    }
    for (uint32_t i = 0; i < view->neighbour_count; i++) {
        uint32_t row = view->neighbours[i].row;
        double own = (double)cg_evidence_find(scratch, row)->own;
        if (own >= strongly * best) {
            oppose(view, scratch, row, own);
        }
    }
    double total = 0.0;
    for (uint32_t type = 0; type < CG_CONCEPT_TYPES; type++) {
        total += scratch->type_mass[type];
    }
    for (uint32_t type = 0; type < CG_CONCEPT_TYPES && total > 0.0; type++) {
        scratch->type_mass[type] /= total;
        if (scratch->type_mass[type] > scratch->type_mass_largest) {
            scratch->type_mass_largest = scratch->type_mass[type];
        }
    }
}

static double clash_of(const cg_column_view *view, const cg_column_scratch *scratch,
                       uint32_t row) {
    uint32_t type = cg_graph_type(view->graph, row);
    if (view->fact_type != CG_TYPE_UNKNOWN) {
        return type == view->fact_type ? 0.0 : 1.0;
    }
    return scratch->type_mass_largest - scratch->type_mass[type];
}

static float cosine_of(const cg_column_view *view, uint32_t row) {
    if (view->cosines) {
        return view->cosines[row];
    }
    const float *dense = cg_features_row(view->features, row).dense;
    return cg_kernels_best()->dot_f32(view->fact.dense, dense,
                                      cg_features_dims(view->features));
}

/* Mean cosine of the fact with the candidate's children, 0 without any; *children: how many. */
static double children_cosine(const cg_column_view *view, uint32_t row, uint32_t *children,
                              cg_work *work) {
    uint32_t dims = cg_features_dims(view->features);
    cg_edge_cursor cursor = cg_graph_edges(view->graph, row);
    cg_edge edge;
    double sum = 0.0;
    *children = 0;
    while (*children < CHILDREN_MAX && cg_graph_next_edge(&cursor, &edge)) {
        if (!cg_edge_is_child(edge.type)) {
            continue;
        }
        if (view->touched) {
            view->touched(view->touched_context, edge.target, CG_TOUCH_PATTERN);
        }
        sum += (double)cosine_of(view, edge.target);
        (*children)++;
    }
    cg_work_count(work, CG_WORK_DISTANCE_F32, *children, (uint64_t)*children * dims);
    return *children > 0 ? sum / *children : 0.0;
}

static double anomaly_of(const cg_column_view *view, uint32_t row, cg_work *work) {
    uint32_t children = 0;
    double among_children = children_cosine(view, row, &children, work);
    if (children == 0) {
        return 0.0;
    }
    uint32_t dims = cg_features_dims(view->features);
    double own = (double)cosine_of(view, row);
    cg_work_count(work, CG_WORK_DISTANCE_F32, 1, dims);
    return cg_clamp_unit(own - among_children);
}

float cg_exception_vote(const cg_column_view *view, const cg_column_scratch *scratch,
                        uint32_t row, cg_work *work) {
    const cg_evidence *entry = cg_evidence_find(scratch, row);
    if (!entry || !entry->expanded) {
        cg_work_count(work, CG_WORK_GRAPH_READ, 1, cg_graph_degree(view->graph, row));
        if (view->touched) {
            view->touched(view->touched_context, row, CG_TOUCH_NODE);
        }
    }
    double opposition =
        entry ? cg_clamp_unit((double)entry->opposite - (double)entry->own) : 0.0;
    double conflict = type_cost * clash_of(view, scratch, row) + antonym_cost * opposition +
                      anomaly_cost * anomaly_of(view, row, work);
    return (float)cg_clamp_unit(1.0 - conflict);
}
