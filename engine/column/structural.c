/* The structural column: where do the fact's neighbours hang?
 *
 * A k-nearest-neighbour vote along hypernym edges. A neighbour with similarity s has the voice
 * s^1.5; it gives shares of it to itself, to its parents and to its grandparents (divided among
 * several). How much it keeps depends on s: a fact that is nearly the same as a concept
 * restates it, one that is merely alike is its sibling, and siblings share a parent.
 *
 *   vote = 0.9 sqrt(votes / all votes) + priors
 *
 * Priors, by what a concept is and not by what was retrieved: concepts in the middle of the
 * tree are more often the place of a new one than roots, and well connected ones more than bare
 * ones.
 */
#include "engine/column/evidence.h"

#include "engine/base/math.h"

/* Tuned on held-out WordNet synsets. Shares are relative to each other: votes are normalised by
 * their total. A retrieved concept that has children is more often the place of the fact than
 * one that has none yet. */
static const double sharpness = 1.5;
static const double restating_sharpness = 12.0; /* how suddenly likeness becomes sameness */
static const double restating_gain = 10.0;      /* and by how much it outvotes mere likeness */
static const double leaf_share = 0.1;           /* a neighbour without children, to itself */
static const double inner_share = 1.0;          /* one with children, to itself */
static const double parent_share = 0.7;
static const double grandparent_share = 0.1;
static const double parent_exemplar = 0.95; /* a child stands for its parent a little less */
static const double grandparent_exemplar = 0.4;
static const double degree_prior = 0.05;
static const double depth_prior = 0.05;
enum { DEPTH_USUAL = 6, DEGREE_USUAL = 4 };

typedef struct voice {
    double self;
    double parents;
    double grandparents;
    double similarity;
} voice;

static void hear(cg_column_scratch *scratch, uint32_t row, double votes, double exemplar) {
    cg_evidence *entry = cg_evidence_take(scratch, row);
    if (!entry->retrieved) {
        entry->retrieved = true;
        scratch->retrieved[scratch->retrieved_count++] = row;
    }
    entry->votes += votes;
    double others = 1.0 - (double)entry->exemplars;
    entry->exemplars = (float)(1.0 - others * (1.0 - cg_clamp_unit(exemplar)));
    scratch->votes_total += votes;
}

static double power(double similarity, double exponent) {
    return similarity > 0.0 ? cg_pow(similarity, exponent) : 0.0;
}

static voice voice_of(double similarity, bool is_leaf) {
    double strength = power(similarity, sharpness);
    double restates = cg_clamp_unit(power(similarity, restating_sharpness));
    double rest = strength * (1.0 - restates);
    return (voice){
        .self =
            strength * restates * restating_gain + rest * (is_leaf ? leaf_share : inner_share),
        .parents = rest * parent_share,
        .grandparents = rest * grandparent_share,
        .similarity = similarity,
    };
}

static bool is_leaf(const cg_graph *graph, uint32_t row) {
    cg_edge_cursor cursor = cg_graph_edges(graph, row);
    cg_edge edge;
    while (cg_graph_next_edge(&cursor, &edge)) {
        if (cg_edge_is_child(edge.type)) {
            return false;
        }
    }
    return true;
}

static void speak(const cg_column_view *view, cg_column_scratch *scratch, uint32_t row,
                  voice spoken, cg_work *work) {
    uint32_t parents[CG_PARENTS_MAX];
    uint32_t parent_count = cg_evidence_parents(view, scratch, row, parents, work);
    hear(scratch, row, spoken.self, spoken.similarity);
    for (uint32_t p = 0; p < parent_count; p++) {
        hear(scratch, parents[p], spoken.parents / parent_count,
             spoken.similarity * parent_exemplar);
        uint32_t grandparents[CG_PARENTS_MAX];
        uint32_t count = cg_evidence_parents(view, scratch, parents[p], grandparents, work);
        for (uint32_t g = 0; g < count; g++) {
            hear(scratch, grandparents[g], spoken.grandparents / (parent_count * count),
                 spoken.similarity * grandparent_exemplar);
        }
    }
}

void cg_structural_prepare(const cg_column_view *view, cg_column_scratch *scratch,
                           cg_work *work) {
    for (uint32_t i = 0; i < view->neighbour_count; i++) {
        uint32_t row = view->neighbours[i].row;
        double similarity = (double)view->neighbours[i].similarity;
        cg_evidence_take(scratch, row)->own = (float)similarity;
        speak(view, scratch, row, voice_of(similarity, is_leaf(view->graph, row)), work);
        uint32_t type = cg_graph_type(view->graph, row);
        scratch->type_mass[type] += power(similarity, sharpness);
    }
}

float cg_structural_vote(const cg_column_view *view, const cg_column_scratch *scratch,
                         uint32_t row) {
    const cg_evidence *entry = cg_evidence_find(scratch, row);
    double share =
        entry && scratch->votes_total > 0.0 ? entry->votes / scratch->votes_total : 0.0;
    double depth = (double)cg_graph_depth(view->graph, row);
    double degree = (double)cg_graph_degree(view->graph, row);
    double depth_gap = depth < DEPTH_USUAL ? DEPTH_USUAL - depth : depth - DEPTH_USUAL;
    double vote = 0.0;
    if (share > 0.0) {
        vote = (1.0 - degree_prior - depth_prior) * cg_sqrt(share);
    }
    vote += degree_prior * degree / (degree + DEGREE_USUAL);
    vote += depth_prior * DEPTH_USUAL / (DEPTH_USUAL + depth_gap);
    return (float)cg_clamp_unit(vote);
}
