/* The structural column: where in the graph would the fact's neighbours hang it?
 *
 * Each retrieved neighbour has the voice s^1.5, s its likeness to the fact, and gives it, in
 * pathways of their own, to itself, to its parents, to its grandparents, to what its other edges
 * lead to, and to the parents of these (divided among several): a k-nearest-neighbour vote along
 * edges. A fact that is nearly the same as a concept restates it, one that is merely alike is its
 * sibling, and siblings share a parent: which of these a fact is, the synapses have to learn.
 *
 * What a concept is, whoever asks: concepts in the middle of the tree are more often the place
 * of a new one than roots, and well connected ones more than bare ones.
 */
#include "engine/base/math.h"
#include "engine/column/evidence.h"

static const double sharpness = 1.5;
static const double parent_exemplar = 0.95; /* a child stands for its parent a little less */
static const double grandparent_exemplar = 0.4;
static const double grandparent_below = 0.5; /* of the genus, as evidence */
static const double branching_most = 9.3;    /* 1 + ln 4,000 */
enum { DEPTH_USUAL = 6, DEPTH_SPREAD = 3 };

static void hear(cg_column_scratch *scratch, uint32_t row, cg_pathway pathway, double voice,
                 double exemplar) {
    cg_evidence *entry = cg_evidence_take(scratch, row);
    cg_evidence_nominate(scratch, entry);
    cg_evidence_add(scratch, entry, pathway, voice);
    double others = 1.0 - (double)entry->of[CG_PATHWAY_EXEMPLARS];
    cg_evidence_raise(scratch, entry, CG_PATHWAY_EXEMPLARS,
                      1.0 - others * (1.0 - cg_clamp_unit(exemplar)));
}

static void speak(const cg_column_view *view, cg_column_scratch *scratch, uint32_t row,
                  double likeness, double voice, cg_work *work) {
    uint32_t parents[CG_PARENTS_MAX];
    uint32_t parent_count = cg_evidence_parents(view, scratch, row, parents, work);
    hear(scratch, row, CG_PATHWAY_SELF, voice, likeness);
    for (uint32_t p = 0; p < parent_count; p++) {
        hear(scratch, parents[p], CG_PATHWAY_PARENT, voice / parent_count,
             likeness * parent_exemplar);
        uint32_t grandparents[CG_PARENTS_MAX];
        uint32_t count = cg_evidence_parents(view, scratch, parents[p], grandparents, work);
        for (uint32_t g = 0; g < count; g++) {
            hear(scratch, grandparents[g], CG_PATHWAY_GRANDPARENT,
                 voice / (parent_count * count), likeness * grandparent_exemplar);
        }
    }
}

static bool is_part_or_whole(uint32_t type) {
    return type >= CG_EDGE_MEMBER_HOLONYM && type <= CG_EDGE_PART_MERONYM;
}

/* Relatives are what edges other than hypernyms and hyponyms lead to, at most CG_RELATIVES_MAX. */
static void speak_for_relatives(const cg_column_view *view, cg_column_scratch *scratch,
                                uint32_t row, double voice, cg_work *work) {
    uint32_t relatives[CG_RELATIVES_MAX];
    bool parts[CG_RELATIVES_MAX];
    uint32_t count = 0;
    cg_edge edge;
    cg_edge_cursor cursor = cg_graph_edges(view->graph, row);
    while (count < CG_RELATIVES_MAX && cg_graph_next_edge(&cursor, &edge)) {
        if (!cg_edge_is_parent(edge.type) && !cg_edge_is_child(edge.type)) {
            parts[count] = is_part_or_whole(edge.type);
            relatives[count++] = edge.target;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        cg_evidence *entry = cg_evidence_take(scratch, relatives[i]);
        cg_evidence_add(scratch, entry, CG_PATHWAY_RELATIVE, voice / count);
        if (parts[i]) {
            entry->part_or_whole += (float)voice;
            if (entry->part_or_whole > scratch->strongest_part_or_whole) {
                scratch->strongest_part_or_whole = entry->part_or_whole;
            }
        }
        uint32_t parents[CG_PARENTS_MAX];
        uint32_t parent_count = cg_evidence_parents(view, scratch, relatives[i], parents, work);
        for (uint32_t p = 0; p < parent_count; p++) {
            cg_evidence_add(scratch, cg_evidence_take(scratch, parents[p]),
                            CG_PATHWAY_RELATIVE_PARENT, voice / (count * parent_count));
        }
    }
}

/* The share of `whole`'s squared weight that lies on features of `by`. */
static double covered(cg_sparse whole, cg_sparse by) {
    double sum = 0.0;
    double total = 0.0;
    uint32_t j = 0;
    for (uint32_t i = 0; i < whole.count; i++) {
        while (j < by.count && by.features[j] < whole.features[i]) {
            j++;
        }
        double weight = (double)whole.weights[i];
        total += weight * weight;
        if (j < by.count && by.features[j] == whole.features[i]) {
            sum += weight * weight;
        }
    }
    return total > 0.0 ? sum / total : 0.0;
}

/* A text that restates another is covered by it, and covers much of it or bears its names. What is
 * merely alike is covered by half, and the fourth power silences it. */
void cg_structural_restate(const cg_column_view *view, cg_column_scratch *scratch,
                           cg_evidence *entry, double namesake, cg_work *work) {
    cg_sparse concept_form = cg_features_row(view->features, entry->row).sparse;
    double fact_covered = covered(view->fact.sparse, concept_form);
    cg_work_count(work, CG_WORK_DISTANCE_SPARSE, 2,
                  2 * ((uint64_t)view->fact.sparse.count + concept_form.count));
    double squared = fact_covered * fact_covered;
    double concept_covered = covered(concept_form, view->fact.sparse);
    double known = concept_covered > namesake ? concept_covered : namesake;
    cg_evidence_raise(scratch, entry, CG_PATHWAY_RESTATED,
                      squared * squared * (0.5 + 0.5 * known));
}

void cg_structural_prepare(const cg_column_view *view, cg_column_scratch *scratch,
                           cg_work *work) {
    for (uint32_t i = 0; i < view->neighbour_count; i++) {
        const cg_neighbour *neighbour = &view->neighbours[i];
        cg_evidence *entry = cg_evidence_take(scratch, neighbour->row);
        entry->alike = true;
        entry->likeness = neighbour->likeness;
        cg_structural_restate(view, scratch, entry, 0.0, work);
        double likeness = (double)neighbour->likeness.mean;
        double voice = likeness > 0.0 ? cg_pow(likeness, sharpness) : 0.0;
        speak(view, scratch, neighbour->row, likeness, voice, work);
        if (i < CG_RELATED_NEIGHBOURS) {
            speak_for_relatives(view, scratch, neighbour->row, voice, work);
        }
    }
}

static double genus_of(const cg_column_scratch *scratch, uint32_t row) {
    const cg_evidence *entry = cg_evidence_find(scratch, row);
    return entry ? (double)entry->of[CG_PATHWAY_GENUS] : 0.0;
}

/* The strongest genus among the concept's parents, and, at half strength, theirs. */
static double under_genus(const cg_column_view *view, const cg_column_scratch *scratch,
                          uint32_t row) {
    double strongest = 0.0;
    uint32_t parents[CG_PARENTS_MAX];
    uint32_t count = cg_graph_parents(view->graph, row, parents, CG_PARENTS_MAX);
    for (uint32_t p = 0; p < count; p++) {
        double genus = genus_of(scratch, parents[p]);
        strongest = genus > strongest ? genus : strongest;
        uint32_t grandparents[CG_PARENTS_MAX];
        uint32_t above =
            cg_graph_parents(view->graph, parents[p], grandparents, CG_PARENTS_MAX);
        for (uint32_t g = 0; g < above; g++) {
            genus = genus_of(scratch, grandparents[g]) * grandparent_below;
            strongest = genus > strongest ? genus : strongest;
        }
    }
    return strongest;
}

void cg_structural_sense(const cg_column_view *view, const cg_column_scratch *scratch,
                         const cg_evidence *entry, uint32_t row, cg_senses *senses,
                         cg_work *work) {
    for (uint32_t pathway = CG_PATHWAY_SELF; pathway <= CG_PATHWAY_DOMAIN_HABIT; pathway++) {
        senses->of[pathway] = cg_sense_gathered(scratch, entry, (cg_pathway)pathway);
    }
    if (!entry || !entry->expanded) {
        cg_work_count(work, CG_WORK_GRAPH_READ, 1, CG_PARENTS_MAX);
    }
    if (scratch->named) { /* its parents' parents */
        cg_work_count(work, CG_WORK_GRAPH_READ, 1, CG_PARENTS_MAX);
    }
    senses->of[CG_PATHWAY_UNDER_GENUS] =
        scratch->named ? cg_sense_of(under_genus(view, scratch, row)) : (uint16_t)0;
    uint32_t children = cg_graph_degree_of_type(view->graph, row, CG_EDGE_HYPONYM) +
                        cg_graph_degree_of_type(view->graph, row, CG_EDGE_INSTANCE_HYPONYM);
    double branching =
        children > 0 ? (1.0 + cg_log((double)children + 1.0)) / branching_most : 0.0;
    senses->of[CG_PATHWAY_BRANCHING] = cg_sense_of(branching);
    double depth = (double)cg_graph_depth(view->graph, row);
    double gap = depth < DEPTH_USUAL ? DEPTH_USUAL - depth : depth - DEPTH_USUAL;
    senses->of[CG_PATHWAY_DEPTH] = cg_sense_of(DEPTH_SPREAD / (DEPTH_SPREAD + gap));
}
