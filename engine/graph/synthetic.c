/* The generator.
 *
 * Places, not rows, are where the structure lies: community c takes places starts[c] to
 * starts[c + 1] - 1, and in it the place of rank 0 has the greatest propensity. A permutation
 * leads from places to rows and back.
 *
 * An end of an edge is drawn without a table over concepts: a uniform number x in [0, nodes)
 * gives the community c that holds place x, and how far into it x lies, v in [0, 1), is taken
 * for a share of the community's propensity: shares[] says which share of its places, from
 * rank 0 on, has together so much of it. shares[] is a table of the inverse function at equal steps of
 * v, straight between them; so propensities are exact up to that, and sum to what they should.
 *
 * With unequal communities the ends outside are drawn in proportion to size, which gives small
 * communities somewhat more edges than propensity says: with the share inside fixed for all of
 * them, no graph has less of that.
 *
 * Known value: with exponent 0 and one community, ends are uniform.
 */
#include "engine/graph/synthetic.h"

#include "engine/base/math.h"
#include "engine/base/prng.h"
#include "engine/graph/bulk.h"
#include "engine/graph/synthetic_law.h"

enum {
    NODES_MAX = 1 << 30,
    SHARE_STEPS = 1 << 14,
    COMMUNITY_LEAST = 2, /* places, so that an edge has two ends */
    END_TRIES = 16,
    DRAWS_AT_ONCE = 1 << 18 /* between two reports of progress */
};

struct cg_synthetic {
    cg_synthetic_options options;
    cg_allocator allocator;
    row_order order;
    cg_stream edges; /* entity: the number of the draw */
    uint32_t *starts;
    double *shares; /* [SHARE_STEPS + 1] */
};

cg_synthetic_options cg_synthetic_options_default(void) {
    return (cg_synthetic_options){.nodes = 100000,
                                  .degree = 10.0,
                                  .exponent = 2.5,
                                  .communities = 100,
                                  .inside = 0.8,
                                  .seed = 1};
}

/* --- Options. --- */

static cg_status check_exponent(const char *name, double value, double least, cg_error *error) {
    if (value == 0.0 || (value >= least && value <= 10.0)) {
        return CG_OK;
    }
    return cg_error_set(error, CG_ERROR_INVALID, "%s is %g; it must be 0 or %g to 10", name,
                        value, least);
}

cg_status cg_synthetic_check(const cg_synthetic_options *options, cg_error *error) {
    if (options->nodes < 2 || options->nodes > NODES_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID, "nodes is %u; it must be 2 to %d",
                            options->nodes, (int)NODES_MAX);
    }
    double most = (double)options->nodes - 1.0;
    if (!(options->degree > 0.0 && options->degree <= most)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "degree is %g; it must be above 0 and at most %.0f (nodes - 1)",
                            options->degree, most);
    }
    if (options->degree_max != 0.0 &&
        !(options->degree_max >= options->degree && options->degree_max <= most)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "degree_max is %g; it must be 0, or %g (degree) to %.0f "
                            "(nodes - 1)",
                            options->degree_max, options->degree, most);
    }
    if (options->communities < 1 || options->communities > options->nodes / COMMUNITY_LEAST) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "communities is %u; it must be 1 to %u (nodes / 2)",
                            options->communities, options->nodes / COMMUNITY_LEAST);
    }
    if (!(options->inside >= 0.0 && options->inside <= 1.0)) {
        return cg_error_set(error, CG_ERROR_INVALID, "inside is %g; it must be 0 to 1",
                            options->inside);
    }
    cg_status status = check_exponent("exponent", options->exponent, 1.5, error);
    return status == CG_OK
               ? check_exponent("community_exponent", options->community_exponent, 1.0, error)
               : status;
}

/* --- Tables. --- */

static double mean_size(const cg_synthetic_options *options) {
    return (double)options->nodes / (double)options->communities;
}

static void fill_shares(cg_synthetic *self) {
    const cg_synthetic_options *options = &self->options;
    double most = options->degree_max;
    if (most == 0.0) {
        most = cg_sqrt(options->degree * mean_size(options));
        most = most < options->degree ? options->degree : most;
        most = most > (double)options->nodes - 1.0 ? (double)options->nodes - 1.0 : most;
    }
    power_law law = {.ratio = 1.0, .most = options->degree};
    if (options->exponent > 0.0) {
        law = cg_power_law_init(options->exponent, options->degree, most);
    }
    for (int i = 0; i <= SHARE_STEPS; i++) {
        double share = cg_power_law_share_of_mass(&law, (double)i / SHARE_STEPS);
        bool falls = i > 0 && share < self->shares[i - 1];
        self->shares[i] = falls ? self->shares[i - 1] : share;
    }
    self->shares[0] = 0.0;
    self->shares[SHARE_STEPS] = 1.0;
}

/* Sizes are quantiles of the law in the middle of equal shares, scaled to fill the nodes that
 * are left when each community has its least. */
static void fill_starts(cg_synthetic *self) {
    const cg_synthetic_options *options = &self->options;
    uint32_t count = options->communities;
    power_law law = {.ratio = 1.0, .most = 1.0};
    if (options->community_exponent > 0.0) {
        double mean = mean_size(options);
        law =
            cg_power_law_init(options->community_exponent, mean, mean * cg_sqrt((double)count));
    }
    double total = 0.0;
    for (uint32_t c = 0; c < count; c++) {
        total += cg_power_law_quantile(&law, ((double)c + 0.5) / (double)count);
    }
    double left = (double)options->nodes - (double)count * COMMUNITY_LEAST;
    double sum = 0.0;
    for (uint32_t c = 0; c < count; c++) {
        self->starts[c] = c * COMMUNITY_LEAST + (uint32_t)(left * (sum / total));
        sum += cg_power_law_quantile(&law, ((double)c + 0.5) / (double)count);
    }
    self->starts[count] = options->nodes;
}

cg_status cg_synthetic_alloc(const cg_synthetic_options *options, cg_allocator allocator,
                             cg_synthetic **out, cg_error *error) {
    cg_status status = cg_synthetic_check(options, error);
    if (status != CG_OK) {
        return status;
    }
    cg_synthetic *self = cg_allocate(&allocator, 1, sizeof *self);
    if (!self) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a generator of graphs");
    }
    self->options = *options;
    self->allocator = allocator;
    self->starts =
        cg_allocate(&allocator, (size_t)options->communities + 1, sizeof *self->starts);
    self->shares = cg_allocate(&allocator, SHARE_STEPS + 1, sizeof *self->shares);
    if (!self->starts || !self->shares) {
        cg_synthetic_free(self);
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a generator of graphs");
    }
    fill_shares(self);
    fill_starts(self);
    self->order = cg_row_order_init(options->nodes, options->seed);
    self->edges = cg_stream_init(options->seed, "synthetic.edge", 0);
    *out = self;
    return CG_OK;
}

void cg_synthetic_free(cg_synthetic *synthetic) {
    if (!synthetic) {
        return;
    }
    cg_allocator allocator = synthetic->allocator;
    size_t starts = synthetic->starts ? (size_t)synthetic->options.communities + 1 : 0;
    cg_deallocate(&allocator, synthetic->starts, starts, sizeof *synthetic->starts);
    size_t shares = synthetic->shares ? SHARE_STEPS + 1 : 0;
    cg_deallocate(&allocator, synthetic->shares, shares, sizeof *synthetic->shares);
    cg_deallocate(&allocator, synthetic, 1, sizeof *synthetic);
}

/* --- What is planted. --- */

static uint32_t community_at(const cg_synthetic *self, uint32_t place) {
    uint32_t count = self->options.communities;
    uint32_t low = 0;
    uint32_t high = count;
    if (self->options.community_exponent == 0.0) { /* equal: not far from where it would be */
        uint32_t guess = (uint32_t)((uint64_t)place * count / self->options.nodes);
        low = guess > 0 ? guess - 1 : 0;
        high = count - guess > 2 ? guess + 2 : count;
    }
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (self->starts[middle] <= place) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

uint32_t cg_synthetic_community(const cg_synthetic *synthetic, uint32_t row) {
    CG_ASSERT(row < synthetic->options.nodes);
    return community_at(synthetic, cg_row_order_find(&synthetic->order, row));
}

uint32_t cg_synthetic_community_size(const cg_synthetic *synthetic, uint32_t community) {
    CG_ASSERT(community < synthetic->options.communities);
    return synthetic->starts[community + 1] - synthetic->starts[community];
}

/* The share of propensity that lies before a share of places: shares[] the other way round. */
static double mass_before(const cg_synthetic *self, double share) {
    uint32_t low = 0;
    uint32_t high = SHARE_STEPS;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (self->shares[middle] <= share) {
            low = middle;
        } else {
            high = middle;
        }
    }
    double step = self->shares[high] - self->shares[low];
    double within = step > 0.0 ? (share - self->shares[low]) / step : 0.0;
    return ((double)low + (within < 1.0 ? within : 1.0)) / SHARE_STEPS;
}

double cg_synthetic_expected_degree(const cg_synthetic *synthetic, uint32_t row) {
    CG_ASSERT(row < synthetic->options.nodes);
    uint32_t place = cg_row_order_find(&synthetic->order, row);
    uint32_t community = community_at(synthetic, place);
    uint32_t rank = place - synthetic->starts[community];
    double size = cg_synthetic_community_size(synthetic, community);
    double mass = mass_before(synthetic, ((double)rank + 1.0) / size) -
                  mass_before(synthetic, (double)rank / size);
    return mass * size * synthetic->options.degree;
}

/* --- Edges. --- */

static uint64_t draw_count(const cg_synthetic *self) {
    double edges = (double)self->options.nodes * self->options.degree;
    return (uint64_t)((self->options.directed ? edges : 0.5 * edges) + 0.5);
}

uint64_t cg_synthetic_edge_count(const cg_synthetic *synthetic) {
    return draw_count(synthetic) * (synthetic->options.directed ? 1 : 2);
}

static double unit_of(uint64_t bits) {
    return (double)(bits >> 11) * 0x1p-53;
}

/* x in [0, nodes). */
static uint32_t place_of(const cg_synthetic *self, double x, uint32_t *community) {
    uint32_t last = self->options.nodes - 1;
    uint32_t place = x < (double)last ? (uint32_t)x : last;
    uint32_t c = community_at(self, place);
    uint32_t size = self->starts[c + 1] - self->starts[c];
    double v = (x - (double)self->starts[c]) / (double)size * SHARE_STEPS;
    uint32_t step = v < (double)(SHARE_STEPS - 1) ? (uint32_t)v : SHARE_STEPS - 1;
    double low = self->shares[step];
    double share = low + (v - (double)step) * (self->shares[step + 1] - low);
    double rank = share * (double)size;
    *community = c;
    return self->starts[c] + (rank < (double)(size - 1) ? (uint32_t)rank : size - 1);
}

/* The other end of an edge within places start..start + size - 1. */
static uint32_t draw_other(const cg_synthetic *self, const cg_stream *stream, uint32_t place,
                           uint32_t start, uint32_t size) {
    uint32_t community = 0;
    for (uint64_t try = 0; try < END_TRIES; try++) {
        double x = (double)start + unit_of(cg_stream_at(stream, 2 + try)) * (double)size;
        uint32_t other = place_of(self, x, &community);
        if (other != place && other >= start && other - start < size) {
            return other;
        }
    }
    return start + (place - start + 1) % size;
}

/* An end outside: x runs through all places but those of the community. */
static uint32_t draw_outside(const cg_synthetic *self, const cg_stream *stream,
                             uint32_t community) {
    double start = self->starts[community];
    double size = (double)self->starts[community + 1] - start;
    double x = unit_of(cg_stream_at(stream, 2)) * ((double)self->options.nodes - size);
    uint32_t unused = 0;
    return place_of(self, x >= start ? x + size : x, &unused);
}

static uint32_t draw_places(const cg_synthetic *self, const cg_stream *stream, uint32_t *other,
                            uint64_t bits) {
    double x = unit_of(cg_stream_at(stream, 0)) * (double)self->options.nodes;
    uint32_t community = 0;
    uint32_t place = place_of(self, x, &community);
    if (self->options.communities == 1) {
        *other = draw_other(self, stream, place, 0, self->options.nodes);
    } else if (unit_of(bits) < self->options.inside) {
        uint32_t start = self->starts[community];
        *other = draw_other(self, stream, place, start, self->starts[community + 1] - start);
    } else {
        *other = draw_outside(self, stream, community);
    }
    return place;
}

cg_synthetic_edge cg_synthetic_draw(const cg_synthetic *synthetic, uint64_t number) {
    cg_stream stream = synthetic->edges;
    stream.entity = number;
    uint64_t bits = cg_stream_at(&stream, 1);
    uint32_t other = 0;
    uint32_t place = draw_places(synthetic, &stream, &other, bits);
    return (cg_synthetic_edge){
        .from = cg_row_order_at(&synthetic->order, place),
        .to = cg_row_order_at(&synthetic->order, other),
        .weight = synthetic->options.weighted ? (uint8_t)(bits & UINT8_MAX) : UINT8_MAX};
}

/* --- The graph. --- */

typedef struct build {
    const cg_synthetic *self;
    cg_synthetic_progress progress;
    void *progress_context;
    cg_graph *graph;
    cg_bulk *bulk;
    uint16_t type;
} build;

static cg_status report_share(const build *work, double share, cg_error *error) {
    if (work->progress && !work->progress(work->progress_context, share)) {
        return cg_error_set(error, CG_ERROR_INTERRUPTED, "the synthetic graph was interrupted");
    }
    return CG_OK;
}

static cg_status add_concepts(build *work, cg_error *error) {
    uint32_t nodes = work->self->options.nodes;
    cg_status status = cg_bulk_reserve(work->graph, nodes, nodes, error);
    if (status == CG_OK) {
        status = cg_graph_add_relation(work->graph, "link", &work->type, error);
    }
    for (uint32_t row = 0; status == CG_OK && row < nodes; row++) {
        uint32_t added = 0;
        status = cg_graph_add_concept(work->graph, (uint64_t)row + 1, 0, "", &added, error);
    }
    return status;
}

typedef cg_status (*draw_pass)(const build *work, cg_synthetic_edge drawn, cg_error *error);

static cg_status count_draw(const build *work, cg_synthetic_edge drawn, cg_error *error) {
    cg_status status = cg_bulk_count(work->bulk, drawn.from, 1, error);
    if (status == CG_OK && !work->self->options.directed) {
        status = cg_bulk_count(work->bulk, drawn.to, 1, error);
    }
    return status;
}

static cg_status add_draw(const build *work, cg_synthetic_edge drawn, cg_error *error) {
    cg_edge edge = {.target = drawn.to, .type = work->type, .weight = drawn.weight};
    cg_status status = cg_bulk_add(work->bulk, drawn.from, edge, error);
    if (status == CG_OK && !work->self->options.directed) {
        edge.target = drawn.from;
        status = cg_bulk_add(work->bulk, drawn.to, edge, error);
    }
    return status;
}

/* One pass over all draws; progress goes from `first` to `last`. */
static cg_status walk_draws(const build *work, draw_pass pass, double first, double last,
                            cg_error *error) {
    uint64_t draws = draw_count(work->self);
    cg_status status = CG_OK;
    for (uint64_t number = 0; status == CG_OK && number < draws; number++) {
        if (number % DRAWS_AT_ONCE == 0) {
            double share = (double)number / (double)draws;
            status = report_share(work, first + share * (last - first), error);
        }
        if (status == CG_OK) {
            status = pass(work, cg_synthetic_draw(work->self, number), error);
        }
    }
    return status;
}

static cg_status build_graph(build *work, cg_bulk_report *report, cg_error *error) {
    static const double counted = 0.35; /* shares of the time that it all takes */
    static const double added = 0.85;
    cg_status status = add_concepts(work, error);
    if (status == CG_OK) {
        status = cg_bulk_alloc(work->graph, work->self->allocator, &work->bulk, error);
    }
    if (status == CG_OK) {
        status = walk_draws(work, count_draw, 0.0, counted, error);
    }
    if (status == CG_OK) {
        status = cg_bulk_place(work->bulk, error);
    }
    if (status == CG_OK) {
        status = walk_draws(work, add_draw, counted, added, error);
    }
    if (status == CG_OK) {
        status = report_share(work, added, error);
    }
    return status == CG_OK ? cg_bulk_finish(work->bulk, report, error) : status;
}

cg_status cg_synthetic_graph(const cg_synthetic *synthetic, cg_synthetic_progress progress,
                             void *progress_context, cg_graph **out,
                             cg_synthetic_report *report, cg_error *error) {
    build work = {
        .self = synthetic, .progress = progress, .progress_context = progress_context};
    cg_bulk_report bulk = {0};
    cg_status status = cg_graph_alloc(NULL, synthetic->allocator, &work.graph, error);
    if (status == CG_OK) {
        status = build_graph(&work, &bulk, error);
    }
    cg_bulk_free(work.bulk);
    if (status != CG_OK) {
        cg_graph_free(work.graph);
        return status;
    }
    *out = work.graph;
    if (report) {
        *report = (cg_synthetic_report){.drawn = cg_synthetic_edge_count(synthetic),
                                        .duplicates = bulk.duplicates};
    }
    return CG_OK;
}
