#include "engine/base/math.h"
#include "engine/cascade/cascade_internal.h"
#include "engine/vector/vector.h"

enum { EF_MAX = 10000 };
static const double unit_slack = 1e-3;

const char *cg_strategy_name(cg_strategy strategy) {
    switch (strategy) {
    case CG_STRATEGY_AUTO:
        return "auto";
    case CG_STRATEGY_DIRECT:
        return "direct";
    case CG_STRATEGY_HIERARCHICAL:
        return "hierarchical";
    case CG_STRATEGY_COUNT:
        break;
    }
    return "unknown";
}

const char *cg_stage_name(cg_stage stage) {
    switch (stage) {
    case CG_STAGE_COARSE:
        return "coarse";
    case CG_STAGE_SEMANTIC:
        return "semantic";
    case CG_STAGE_STRUCTURAL:
        return "structural";
    case CG_STAGE_INHIBITION:
        return "inhibition";
    case CG_STAGE_COUNT:
        break;
    }
    return "unknown";
}

cg_cascade_options cg_cascade_options_default(void) {
    return (cg_cascade_options){
        .strategy = CG_STRATEGY_AUTO,
        .direct_max = 500, /* where scoring all costs about what a search does */
        .neighbours = 32,
        .ef = 64,
        .semantic = {.share = 0.10, .at_least = 128}, /* 64 costs 2 points of agreement */
        .structural = {.share = 0.20, .at_least = 4},
        .column_mask = (1u << CG_COLUMN_COUNT) - 1,
        .stop_confidence = 1.0,
    };
}

static cg_status filter_check(const cg_filter *filter, const char *stage, cg_error *error) {
    if (!(filter->share > 0.0 && filter->share <= 1.0)) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "the %s filter keeps a share of %g; it must be above 0 and at most 1", stage,
            filter->share);
    }
    if (filter->at_least < 1) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the %s filter keeps at least 0 candidates; it must be 1 or more",
                            stage);
    }
    return CG_OK;
}

cg_status cg_cascade_options_check(const cg_cascade_options *options, cg_error *error) {
    if ((uint32_t)options->strategy >= CG_STRATEGY_COUNT) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "strategy %d is not known; it must be auto, direct or hierarchical",
                            (int)options->strategy);
    }
    if (options->neighbours < 1 || options->neighbours > CG_NEIGHBOURS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%u neighbours are to be retrieved; it must be 1 to %d",
                            options->neighbours, CG_NEIGHBOURS_MAX);
    }
    if (options->ef < 1 || options->ef > EF_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the search width ef is %u; it must be 1 to %d", options->ef,
                            EF_MAX);
    }
    if (options->column_mask == 0 || options->column_mask >> CG_COLUMN_COUNT != 0) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "the column mask is %u; it must have one or more of the lowest %d bits "
            "and no other",
            options->column_mask, (int)CG_COLUMN_COUNT);
    }
    if (!(options->stop_confidence >= 0.0 && options->stop_confidence <= 1.0)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the confidence to stop at is %g; it must be 0 to 1",
                            options->stop_confidence);
    }
    cg_status status = filter_check(&options->semantic, "semantic", error);
    return status == CG_OK ? filter_check(&options->structural, "structural", error) : status;
}

/* The knowledge must fit together before a fact can meet it. */
static cg_status knowledge_check(const cg_knowledge *knowledge, cg_error *error) {
    uint32_t concepts = cg_graph_concept_count(knowledge->graph);
    uint32_t features = cg_features_count(knowledge->features);
    if (features != concepts) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "the graph has %u concepts and the features have %u rows; they must be "
            "as many",
            concepts, features);
    }
    if (knowledge->index_count > CG_CASCADE_INDEXES_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "there are %u indexes; at most %d are allowed",
                            knowledge->index_count, (int)CG_CASCADE_INDEXES_MAX);
    }
    uint32_t dims = cg_features_dims(knowledge->features);
    for (uint32_t i = 0; i < knowledge->index_count; i++) {
        const cg_index *index = knowledge->indexes[i];
        uint64_t end = (uint64_t)knowledge->index_first_row[i] + cg_index_count(index);
        if (cg_index_options_of(index)->dims != dims || end > concepts) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "index %u has %u dims and rows up to %llu; it must have the "
                                "features' %u dims and %u rows at most",
                                i, cg_index_options_of(index)->dims, (unsigned long long)end,
                                dims, concepts);
        }
    }
    for (uint32_t i = 0; knowledge->given && i < knowledge->given_count; i++) {
        if (knowledge->given_count > CG_NEIGHBOURS_MAX || knowledge->given[i] >= concepts ||
            (i > 0 && knowledge->given[i] <= knowledge->given[i - 1])) {
            return cg_error_set(
                error, CG_ERROR_INVALID,
                "of %u given candidates number %u is row %u; there may be %d, of "
                "%u rows, ascending",
                knowledge->given_count, i, knowledge->given[i], (int)CG_NEIGHBOURS_MAX,
                concepts);
        }
    }
    if (cg_graph_live_count(knowledge->graph) == 0) {
        return cg_error_set(error, CG_ERROR_NOT_FOUND,
                            "the graph has no concepts, so a fact has no place to go; add one");
    }
    return CG_OK;
}

/* Of unit length every later product is finite; the length of a vector that was scaled in float is
 * within some 1e-6 of 1. */
static double length_of(const float *values, uint32_t count) {
    double squares = 0.0;
    for (uint32_t i = 0; i < count; i++) {
        squares += (double)values[i] * (double)values[i];
    }
    return cg_sqrt(squares);
}

static bool is_unit(double length) {
    return length >= 1.0 - unit_slack && length <= 1.0 + unit_slack;
}

static cg_status sparse_check(cg_sparse sparse, cg_error *error) {
    cg_status status = cg_sparse_check(sparse, "the fact's sparse form", error);
    if (status != CG_OK) {
        return status;
    }
    double length = length_of(sparse.weights, sparse.count);
    if (sparse.count > 0 && !is_unit(length)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the %u weights of the fact's sparse form have length %g; it must "
                            "have unit length or be empty",
                            sparse.count, length);
    }
    return CG_OK;
}

cg_status cg_cascade_input_check(const cg_knowledge *knowledge, const cg_fact_view *fact,
                                 cg_error *error) {
    cg_status status = knowledge_check(knowledge, error);
    if (status != CG_OK) {
        return status;
    }
    uint32_t dims = cg_features_dims(knowledge->features);
    if (!cg_vector_is_finite(fact->dense, dims)) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "the fact's vector holds a NaN or an infinity; all %u components must "
            "be finite",
            dims);
    }
    double length = length_of(fact->dense, dims);
    if (!is_unit(length)) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            length == 0.0 ? "all %u components of the fact's vector are zero (length %g); "
                            "it must have unit length"
                          : "the %u components of the fact's vector have length %g; it "
                            "must have unit length",
            dims, length);
    }
    if (fact->type != CG_TYPE_UNKNOWN && fact->type >= CG_CONCEPT_TYPES) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the fact's concept type is %u; it must be below %d or unknown",
                            fact->type, (int)CG_CONCEPT_TYPES);
    }
    uint32_t concepts = cg_graph_concept_count(knowledge->graph);
    if (fact->has_teacher && fact->teacher >= concepts) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the fact's true concept is row %u; the graph has %u concepts",
                            fact->teacher, concepts);
    }
    if (fact->has_teacher && cg_graph_is_removed(knowledge->graph, fact->teacher)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the fact's true concept is row %u, which was removed",
                            fact->teacher);
    }
    return sparse_check(fact->sparse, error);
}
