/* The eigenvectors, and the basis made anew (spectrum.h). The only file that calls GSL. */
#include "engine/graph/partition/spectrum.h"

#include <gsl/gsl_eigen.h>
#include <gsl/gsl_errno.h>

#include "engine/base/math.h"

static const double gap_min = 1.0 / 1048576.0;

static cg_status no_memory(uint32_t rows, cg_error *error) {
    return cg_error_set(error, CG_ERROR_MEMORY, "no memory for the eigenvectors of %u rows",
                        rows);
}

/* matrix[rows * rows]: zeroed. scale[rows]: scratch. */
static void set_laplacian(const cg_cut_graph *graph, double *matrix, double *scale) {
    const uint32_t rows = graph->rows;
    for (uint32_t row = 0; row < rows; row++) {
        uint64_t sum = 0;
        for (uint64_t i = graph->starts[row]; i < graph->starts[row + 1]; i++) {
            sum += graph->arcs[i].weight;
        }
        matrix[(size_t)row * rows + row] = sum > 0 ? 1.0 : 2.0;
        scale[row] = sum > 0 ? 1.0 / cg_sqrt((double)sum) : 0.0;
    }
    for (uint32_t row = 0; row < rows; row++) {
        for (uint64_t i = graph->starts[row]; i < graph->starts[row + 1]; i++) {
            const cg_cut_arc arc = graph->arcs[i];
            matrix[(size_t)row * rows + arc.target] =
                -(double)arc.weight * (scale[row] * scale[arc.target]);
        }
    }
}

/* Columns into the order of ascending values; order[rows] and moved[rows]: scratch. */
static void sort_columns(double *values, double *vectors, uint32_t rows, uint32_t *order,
                         double *moved) {
    for (uint32_t i = 0; i < rows; i++) {
        uint32_t place = i;
        for (; place > 0 && values[order[place - 1]] > values[i]; place--) {
            order[place] = order[place - 1];
        }
        order[place] = i;
    }
    for (uint32_t row = 0; row < rows; row++) {
        double *entries = vectors + (size_t)row * rows;
        for (uint32_t i = 0; i < rows; i++) {
            moved[i] = entries[order[i]];
        }
        for (uint32_t i = 0; i < rows; i++) {
            entries[i] = moved[i];
        }
    }
    for (uint32_t i = 0; i < rows; i++) {
        moved[i] = values[order[i]];
    }
    for (uint32_t i = 0; i < rows; i++) {
        values[i] = moved[i];
    }
}

/* GSL's own structs on our memory, so that every block is the caller's allocator's. */
static cg_status solve(double *matrix, double *scratch, uint32_t rows, double *values,
                       double *vectors, cg_error *error) {
    gsl_matrix laplacian = {.size1 = rows, .size2 = rows, .tda = rows, .data = matrix};
    gsl_matrix found = {.size1 = rows, .size2 = rows, .tda = rows, .data = vectors};
    gsl_vector sizes = {.size = rows, .stride = 1, .data = values};
    gsl_eigen_symmv_workspace work = {.size = rows,
                                      .d = scratch,
                                      .sd = scratch + rows,
                                      .gc = scratch + 2 * (size_t)rows,
                                      .gs = scratch + 3 * (size_t)rows};
    gsl_error_handler_t *handler = gsl_set_error_handler_off();
    const int failure = gsl_eigen_symmv(&laplacian, &sizes, &found, &work);
    (void)gsl_set_error_handler(handler);
    if (failure) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "GSL cannot find the eigenvectors of %u rows: its error %d", rows,
                            failure);
    }
    return CG_OK;
}

cg_status cg_spectrum_solve(const cg_cut_graph *graph, double *values, double *vectors,
                            cg_error *error) {
    const cg_allocator *allocator = &graph->allocator;
    const uint32_t rows = graph->rows;
    const size_t cells = (size_t)rows * rows;
    double *matrix = cg_allocate(allocator, cells, sizeof *matrix);
    double *scratch = cg_allocate(allocator, 4 * (size_t)rows, sizeof *scratch);
    uint32_t *order = cg_allocate(allocator, rows, sizeof *order);
    cg_status status = no_memory(rows, NULL);
    if (matrix && scratch && order) {
        set_laplacian(graph, matrix, scratch);
        status = solve(matrix, scratch, rows, values, vectors, error);
    } else {
        (void)no_memory(rows, error);
    }
    if (status == CG_OK) {
        sort_columns(values, vectors, rows, order, scratch);
    }
    cg_deallocate(allocator, matrix, cells, sizeof *matrix);
    cg_deallocate(allocator, scratch, 4 * (size_t)rows, sizeof *scratch);
    cg_deallocate(allocator, order, rows, sizeof *order);
    return status;
}

uint32_t cg_spectrum_dims(const double *values, uint32_t rows, uint32_t wanted) {
    uint32_t dims = wanted < rows ? wanted : rows;
    while (dims < rows && values[dims] - values[dims - 1] <= gap_min) {
        dims++;
    }
    return dims;
}

/* basis[d * rows ..]: the projection of a random vector, in [-1/2, 1/2) by entry. */
static void project(const double *vectors, uint32_t rows, uint32_t dims, cg_stream *stream,
                    double *weights, double *projected) {
    for (uint32_t j = 0; j < dims; j++) {
        weights[j] = 0.0;
    }
    for (uint32_t i = 0; i < rows; i++) {
        const double draw = cg_stream_next_unit(stream) - 0.5;
        for (uint32_t j = 0; j < dims; j++) {
            weights[j] += draw * vectors[(size_t)i * rows + j];
        }
    }
    for (uint32_t i = 0; i < rows; i++) {
        double sum = 0.0;
        for (uint32_t j = 0; j < dims; j++) {
            sum += weights[j] * vectors[(size_t)i * rows + j];
        }
        projected[i] = sum;
    }
}

static double product(const double *a, const double *b, uint32_t count) {
    double sum = 0.0;
    for (uint32_t i = 0; i < count; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

/* basis[at * rows ..] made orthogonal to those before it, of length 1. */
static void make_orthonormal(double *basis, uint32_t rows, uint32_t at) {
    double *own = basis + (size_t)at * rows;
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t d = 0; d < at; d++) {
            const double *other = basis + (size_t)d * rows;
            const double share = product(own, other, rows);
            for (uint32_t i = 0; i < rows; i++) {
                own[i] -= share * other[i];
            }
        }
    }
    const double length = cg_sqrt(product(own, own, rows));
    for (uint32_t i = 0; i < rows && length > 0.0; i++) {
        own[i] /= length;
    }
}

cg_status cg_spectrum_coordinates(const double *vectors, uint32_t rows, uint32_t dims,
                                  cg_stream *stream, const cg_allocator *allocator,
                                  int32_t *out, cg_error *error) {
    double *basis = cg_allocate(allocator, (size_t)dims * rows, sizeof *basis);
    double *weights = cg_allocate(allocator, dims, sizeof *weights);
    cg_status status = basis && weights ? CG_OK : no_memory(rows, error);
    for (uint32_t d = 0; d < dims && status == CG_OK; d++) {
        project(vectors, rows, dims, stream, weights, basis + (size_t)d * rows);
        make_orthonormal(basis, rows, d);
    }
    for (uint32_t i = 0; i < rows && status == CG_OK; i++) {
        double square = 0.0;
        for (uint32_t d = 0; d < dims; d++) {
            const double entry = basis[(size_t)d * rows + i];
            square += entry * entry;
        }
        /* A row that the space does not touch has no direction: rounding would make one up. */
        const double scale = square > 1e-12 ? CG_SPECTRUM_UNIT / cg_sqrt(square) : 0.0;
        for (uint32_t d = 0; d < dims; d++) {
            const double entry = basis[(size_t)d * rows + i] * scale;
            out[(size_t)i * dims + d] = (int32_t)(entry < 0.0 ? entry - 0.5 : entry + 0.5);
        }
    }
    cg_deallocate(allocator, basis, (size_t)dims * rows, sizeof *basis);
    cg_deallocate(allocator, weights, dims, sizeof *weights);
    return status;
}
