/* A plan: allocation, points in order, and its encoded form. */
#include "sim/scenario/plan.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/bytes.h"
#include "engine/base/hash.h"
#include "sim/scenario/lua_read.h"

enum { PLAN_MAGIC = 0x32504743, OPTIONS_TEXT_MAX = 1 << 20 };

static void *make_array(uint32_t count, size_t size, cg_status *status, cg_error *error) {
    void *block = calloc(count > 0 ? count : 1, size);
    *status = block ? CG_OK
                    : cg_error_set(error, CG_ERROR_MEMORY,
                                   "no memory for a plan's %" PRIu32 " entries", count);
    return block;
}

cg_status sim_plan_alloc(sim_plan **out, cg_error *error) {
    cg_status status = CG_OK;
    sim_plan *plan = make_array(1, sizeof *plan, &status, error);
    if (plan) {
        plan->repetitions = 1;
        *out = plan;
    }
    return status;
}

cg_status sim_plan_alloc_factors(sim_plan *plan, uint32_t count, cg_error *error) {
    cg_status status = CG_OK;
    plan->factors = make_array(count, sizeof *plan->factors, &status, error);
    plan->factor_count = plan->factors ? count : 0;
    return status;
}

cg_status sim_plan_alloc_values(sim_factor *factor, uint32_t count, cg_error *error) {
    cg_status status = CG_OK;
    factor->values = make_array(count, sizeof *factor->values, &status, error);
    factor->value_count = factor->values ? count : 0;
    return status;
}

cg_status sim_plan_alloc_views(sim_plan *plan, uint32_t count, cg_error *error) {
    cg_status status = CG_OK;
    plan->views = make_array(count, sizeof *plan->views, &status, error);
    plan->view_count = plan->views ? count : 0;
    return status;
}

cg_status sim_plan_alloc_claims(sim_plan *plan, uint32_t count, cg_error *error) {
    cg_status status = CG_OK;
    plan->claims = make_array(count, sizeof *plan->claims, &status, error);
    plan->claim_count = plan->claims ? count : 0;
    return status;
}

cg_status sim_plan_alloc_points(sim_plan *plan, cg_error *error) {
    uint64_t count = plan->repetitions;
    for (uint32_t f = 0; f < plan->factor_count && count <= SIM_POINTS_MAX; f++) {
        count *= plan->factors[f].value_count;
    }
    if (count > SIM_POINTS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "factors and repetitions make more than %d points", SIM_POINTS_MAX);
    }
    cg_status status = CG_OK;
    plan->points = make_array((uint32_t)count, sizeof *plan->points, &status, error);
    plan->point_count = plan->points ? (uint32_t)count : 0;
    for (uint32_t i = 0; i < plan->point_count && status == CG_OK; i++) {
        sim_point_plan *point = &plan->points[i];
        point->index = i;
        point->repetition = i % plan->repetitions + 1;
        point->value_index =
            make_array(plan->factor_count, sizeof *point->value_index, &status, error);
        uint32_t rest = i / plan->repetitions;
        for (uint32_t f = plan->factor_count; f-- > 0 && point->value_index;) {
            point->value_index[f] = rest % plan->factors[f].value_count;
            rest /= plan->factors[f].value_count;
        }
    }
    return status;
}

void sim_plan_free(sim_plan *plan) {
    if (!plan) {
        return;
    }
    for (uint32_t f = 0; f < plan->factor_count; f++) {
        for (uint32_t v = 0; v < plan->factors[f].value_count; v++) {
            free(plan->factors[f].values[v]);
        }
        free(plan->factors[f].values);
        free(plan->factors[f].name);
    }
    for (uint32_t i = 0; i < plan->point_count; i++) {
        free(plan->points[i].value_index);
        free(plan->points[i].options_text);
    }
    for (uint32_t i = 0; i < plan->view_count; i++) {
        free(plan->views[i].name);
        free(plan->views[i].title);
        free(plan->views[i].text);
    }
    for (uint32_t i = 0; i < plan->claim_count; i++) {
        free(plan->claims[i].name);
        free(plan->claims[i].column);
        free(plan->claims[i].selector);
        free(plan->claims[i].over);
        free(plan->claims[i].unit);
        free(plan->claims[i].note);
    }
    free(plan->claims);
    free(plan->factors);
    free(plan->points);
    free(plan->views);
    free(plan->name);
    free(plan->file);
    free(plan->question);
    free(plan->source);
    free(plan);
}

uint64_t sim_plan_seed(uint64_t run_seed, uint32_t repetition) {
    /* 63 bits: seeds are written as Lua integers. */
    return cg_hash_u64(repetition, run_seed) >> 1;
}

void sim_plan_describe_point(const sim_plan *plan, const sim_point_plan *point, char *text,
                             size_t capacity) {
    size_t used = (size_t)snprintf(text, capacity, "point %" PRIu32 " (", point->index);
    for (uint32_t f = 0; f < plan->factor_count && used < capacity; f++) {
        const sim_factor *factor = &plan->factors[f];
        used += (size_t)snprintf(text + used, capacity - used, "%s=%s, ", factor->name,
                                 factor->values[point->value_index[f]]);
    }
    if (used < capacity) {
        snprintf(text + used, capacity - used, "repetition %" PRIu32 ")", point->repetition);
    }
}

bool sim_plan_name_is_valid(const char *name, bool dash) {
    static const char letters[] = "-abcdefghijklmnopqrstuvwxyz0123456789_";
    size_t length = strlen(name);
    return length > 0 && length < SIM_NAME_BYTES && strspn(name, letters + !dash) == length;
}

cg_status sim_bytes_add(sim_bytes *bytes, const void *more, size_t size_bytes,
                        cg_error *error) {
    if (size_bytes > bytes->capacity - bytes->used) {
        size_t capacity = (bytes->used + size_bytes) * 2 + 4096;
        uint8_t *grown = realloc(bytes->bytes, capacity);
        if (!grown) {
            return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a plan of %zu bytes",
                                capacity);
        }
        bytes->bytes = grown;
        bytes->capacity = capacity;
    }
    if (size_bytes > 0) {
        memcpy(bytes->bytes + bytes->used, more, size_bytes);
    }
    bytes->used += size_bytes;
    return CG_OK;
}

void sim_bytes_free(sim_bytes *bytes) {
    free(bytes->bytes);
    *bytes = (sim_bytes){0};
}

/* The encoder's failure sticks, so that a plan is written straight down. */
typedef struct encoder {
    sim_bytes *out;
    cg_status status;
    cg_error *error;
} encoder;

static void put_u64(encoder *to, uint64_t value) {
    uint8_t bytes[8];
    cg_writer writer = cg_writer_init(bytes, sizeof bytes);
    cg_write_u64(&writer, value);
    if (to->status == CG_OK) {
        to->status = sim_bytes_add(to->out, bytes, sizeof bytes, to->error);
    }
}

static void put_real(encoder *to, double value) {
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof bits);
    put_u64(to, bits);
}

static void put_text(encoder *to, const char *text) {
    size_t size_bytes = strlen(text);
    put_u64(to, size_bytes);
    if (to->status == CG_OK) {
        to->status = sim_bytes_add(to->out, text, size_bytes, to->error);
    }
}

static void put_claim(encoder *to, const sim_claim_plan *claim) {
    put_text(to, claim->name);
    put_text(to, claim->column);
    put_text(to, claim->selector);
    put_u64(to, claim->over != NULL);
    if (claim->over) {
        put_text(to, claim->over);
    }
    put_u64(to, claim->op);
    put_real(to, claim->bound);
    put_text(to, claim->unit);
    put_u64(to, claim->has_aim);
    if (claim->has_aim) {
        put_real(to, claim->aim);
    }
    put_text(to, claim->note);
}

cg_status sim_plan_encode(const sim_plan *plan, uint64_t module_hash, sim_bytes *out,
                          cg_error *error) {
    encoder to = {.out = out, .status = CG_OK, .error = error};
    put_u64(&to, PLAN_MAGIC);
    put_u64(&to, module_hash);
    put_text(&to, plan->name);
    put_u64(&to, plan->repetitions);
    put_u64(&to, plan->factor_count);
    for (uint32_t f = 0; f < plan->factor_count; f++) {
        put_text(&to, plan->factors[f].name);
        put_u64(&to, plan->factors[f].value_count);
        for (uint32_t v = 0; v < plan->factors[f].value_count; v++) {
            put_text(&to, plan->factors[f].values[v]);
        }
    }
    put_u64(&to, plan->view_count);
    for (uint32_t i = 0; i < plan->view_count; i++) {
        put_u64(&to, plan->views[i].is_plot);
        put_text(&to, plan->views[i].name);
        put_text(&to, plan->views[i].title);
        put_text(&to, plan->views[i].text);
    }
    put_u64(&to, plan->claim_count);
    for (uint32_t i = 0; i < plan->claim_count; i++) {
        put_claim(&to, &plan->claims[i]);
    }
    put_u64(&to, plan->point_count);
    for (uint32_t i = 0; i < plan->point_count; i++) {
        put_text(&to, plan->points[i].options_text);
    }
    return to.status;
}

/* The decoder reads through cg_reader, whose failure sticks; `bad` marks what is well-formed
 * but not allowed. */
typedef struct decoder {
    cg_reader reader;
    bool bad;
    cg_error *error;
} decoder;

static uint32_t take_count(decoder *from, uint32_t least, uint32_t most) {
    uint64_t value = cg_read_u64(&from->reader);
    if (from->reader.failed || value < least || value > most) {
        from->bad = true;
        return 0;
    }
    return (uint32_t)value;
}

/* NULL (and bad) when the text is too long, holds what it must not, or there is no memory. */
static char *take_text(decoder *from, size_t capacity, bool lines) {
    uint64_t size_bytes = cg_read_u64(&from->reader);
    if (from->reader.failed || size_bytes >= capacity) {
        from->bad = true;
        return NULL;
    }
    const uint8_t *bytes = cg_read_bytes(&from->reader, (size_t)size_bytes);
    char *text = bytes ? malloc((size_t)size_bytes + 1) : NULL;
    if (!text) {
        from->bad = true;
        return NULL;
    }
    memcpy(text, bytes, (size_t)size_bytes);
    text[size_bytes] = '\0';
    for (char *line = text; line && !from->bad;) {
        char *end = lines ? strchr(line, '\n') : NULL;
        size_t length = end ? (size_t)(end - line) : (size_t)(text + size_bytes - line);
        from->bad = !sim_text_is_printable(line, length);
        line = end ? end + 1 : NULL;
    }
    return text;
}

static cg_status take_factors(decoder *from, sim_plan *plan) {
    cg_status status =
        sim_plan_alloc_factors(plan, take_count(from, 0, SIM_FACTORS_MAX), from->error);
    for (uint32_t f = 0; f < plan->factor_count && status == CG_OK && !from->bad; f++) {
        sim_factor *factor = &plan->factors[f];
        factor->name = take_text(from, SIM_NAME_BYTES, false);
        status = sim_plan_alloc_values(factor, take_count(from, 1, SIM_FACTOR_VALUES_MAX),
                                       from->error);
        for (uint32_t v = 0; v < factor->value_count && !from->bad; v++) {
            factor->values[v] = take_text(from, SIM_VALUE_BYTES, false);
        }
    }
    return status;
}

static cg_status take_views(decoder *from, sim_plan *plan) {
    cg_status status =
        sim_plan_alloc_views(plan, take_count(from, 0, SIM_VIEWS_MAX), from->error);
    for (uint32_t i = 0; i < plan->view_count && !from->bad; i++) {
        plan->views[i].is_plot = take_count(from, 0, 1) == 1;
        plan->views[i].name = take_text(from, SIM_NAME_BYTES, false);
        plan->views[i].title = take_text(from, SIM_TITLE_BYTES, false);
        plan->views[i].text = take_text(from, SIM_VIEW_TEXT_BYTES, true);
    }
    return status;
}

static double take_real(decoder *from) {
    uint64_t bits = cg_read_u64(&from->reader);
    double value = 0.0;
    memcpy(&value, &bits, sizeof value);
    from->bad = from->bad || from->reader.failed || !isfinite(value);
    return value;
}

static void take_claim(decoder *from, sim_claim_plan *claim) {
    claim->name = take_text(from, CG_CLAIM_NAME_BYTES, false);
    claim->column = from->bad ? NULL : take_text(from, SIM_COLUMN_BYTES, false);
    claim->selector = from->bad ? NULL : take_text(from, SIM_CLAIM_SELECTOR_BYTES, true);
    if (!from->bad && take_count(from, 0, 1) == 1) {
        claim->over = take_text(from, SIM_CLAIM_SELECTOR_BYTES, true);
    }
    claim->op = from->bad ? 0 : (cg_claim_operator)take_count(from, 0, CG_CLAIM_OPERATORS - 1);
    claim->bound = from->bad ? 0.0 : take_real(from);
    claim->unit = from->bad ? NULL : take_text(from, SIM_NAME_BYTES, false);
    claim->has_aim = !from->bad && take_count(from, 0, 1) == 1;
    claim->aim = claim->has_aim ? take_real(from) : 0.0;
    claim->note = from->bad ? NULL : take_text(from, SIM_TITLE_BYTES, false);
}

static cg_status take_claims(decoder *from, sim_plan *plan) {
    cg_status status =
        sim_plan_alloc_claims(plan, take_count(from, 0, SIM_CLAIMS_MAX), from->error);
    for (uint32_t i = 0; i < plan->claim_count && !from->bad; i++) {
        take_claim(from, &plan->claims[i]);
    }
    return status;
}

static cg_status take_points(decoder *from, sim_plan *plan, uint64_t run_seed) {
    uint32_t count = take_count(from, 1, SIM_POINTS_MAX);
    cg_status status = from->bad ? CG_OK : sim_plan_alloc_points(plan, from->error);
    from->bad = from->bad || (status == CG_OK && count != plan->point_count);
    sim_options *options = malloc(sizeof *options);
    if (!options) {
        return cg_error_set(from->error, CG_ERROR_MEMORY,
                            "no memory for the options of a point");
    }
    for (uint32_t i = 0; i < plan->point_count && status == CG_OK && !from->bad; i++) {
        sim_point_plan *point = &plan->points[i];
        point->options_text = take_text(from, OPTIONS_TEXT_MAX, true);
        if (!from->bad) {
            status = sim_options_parse(point->options_text, options, from->error);
        }
        from->bad = from->bad || (status == CG_OK &&
                                  options->seed != sim_plan_seed(run_seed, point->repetition));
    }
    free(options);
    return status;
}

cg_status sim_plan_decode(const uint8_t *bytes, size_t size_bytes, uint64_t run_seed,
                          sim_plan **out, uint64_t *module_hash, cg_error *error) {
    decoder from = {.reader = cg_reader_init(bytes, size_bytes), .error = error};
    sim_plan *plan = NULL;
    cg_status status = sim_plan_alloc(&plan, error);
    if (status != CG_OK) {
        return status;
    }
    from.bad = cg_read_u64(&from.reader) != PLAN_MAGIC;
    uint64_t hash = cg_read_u64(&from.reader);
    plan->name = from.bad ? NULL : take_text(&from, SIM_NAME_BYTES, false);
    plan->repetitions = from.bad ? 1 : take_count(&from, 1, SIM_REPETITIONS_MAX);
    if (!from.bad) {
        status = take_factors(&from, plan);
    }
    if (status == CG_OK && !from.bad) {
        status = take_views(&from, plan);
    }
    if (status == CG_OK && !from.bad) {
        status = take_claims(&from, plan);
    }
    if (status == CG_OK && !from.bad) {
        status = take_points(&from, plan, run_seed);
    }
    if (status == CG_OK &&
        (from.bad || from.reader.failed || cg_reader_left(&from.reader) > 0)) {
        status = cg_error_set(error, CG_ERROR_CORRUPT,
                              "the evaluated scenario came back damaged after %zu of %zu bytes",
                              from.reader.used_bytes, size_bytes);
    }
    if (status != CG_OK) {
        sim_plan_free(plan);
        return status;
    }
    *out = plan;
    *module_hash = hash;
    return CG_OK;
}
