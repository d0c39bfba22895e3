#include "engine/index/index_internal.h"

cg_index_options cg_index_options_default(cg_index_kind kind, uint32_t dims) {
    return (cg_index_options){
        .kind = kind,
        .metric = CG_METRIC_COSINE,
        .dims = dims,
        .m = 16,
        .ef_construction = 100,
        .seed = 1,
        .codes = CG_PRECISION_F32,
        .fuller = CG_PRECISION_F32,
    };
}

static cg_status check_forms(const cg_index_options *options, cg_error *error) {
    bool codes_known = options->codes == CG_PRECISION_F32 ||
                       options->codes == CG_PRECISION_F16 || options->codes == CG_PRECISION_I8;
    if (!codes_known ||
        (options->kind == CG_INDEX_FLAT && options->codes != CG_PRECISION_F32)) {
        return cg_error_set(
            error, CG_ERROR_INVALID, "the index codes are %d; they must be f32 (0)%s",
            (int)options->codes,
            options->kind == CG_INDEX_FLAT ? " in a flat index" : ", f16 (1) or 8 bits (2)");
    }
    if (options->fuller > options->codes || options->fuller < CG_PRECISION_F32) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the index fuller form is %d; it must be f32 (0), f16 (1) or the "
                            "codes' own (%d), and no coarser than they are",
                            (int)options->fuller, (int)options->codes);
    }
    return CG_OK;
}

cg_status cg_index_check_options(const cg_index_options *options, cg_error *error) {
    if (options->kind != CG_INDEX_FLAT && options->kind != CG_INDEX_HNSW) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the index kind is %d; it must be flat (0) or HNSW (1)",
                            (int)options->kind);
    }
    if (options->metric < CG_METRIC_COSINE || options->metric > CG_METRIC_INNER_PRODUCT) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "the index metric is %d; it must be cosine (0), L2 (1) or inner product (2)",
            (int)options->metric);
    }
    if (options->dims == 0 || options->dims > CG_INDEX_DIMS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the index dims are %u; they must be in [1, %d]", options->dims,
                            CG_INDEX_DIMS_MAX);
    }
    if (options->capacity > CG_INDEX_ROWS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the index capacity is %u rows; it must be at most %u",
                            options->capacity, CG_INDEX_ROWS_MAX);
    }
    cg_status status = check_forms(options, error);
    if (status != CG_OK || options->kind == CG_INDEX_FLAT) {
        return status;
    }
    if (options->m < CG_INDEX_M_MIN || options->m > CG_INDEX_M_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the index m is %u; it must be in [%d, %d]", options->m,
                            CG_INDEX_M_MIN, CG_INDEX_M_MAX);
    }
    if (options->ef_construction < options->m ||
        options->ef_construction > CG_INDEX_EF_CONSTRUCTION_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the index ef_construction is %u; it must be in [m = %u, %d]",
                            options->ef_construction, options->m, CG_INDEX_EF_CONSTRUCTION_MAX);
    }
    return CG_OK;
}
