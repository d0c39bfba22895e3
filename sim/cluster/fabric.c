/* The way of a message: cut, on the pair's line, lost, duplicated, delayed, held back, altered.
 *
 * Every draw is at (pair, number) of a stream of its own, so one that cannot matter need not be
 * made. Copies 0 and 1 of message n have the sequences 2n and 2n + 1, further ones the same
 * with a bit that no number reaches; a copy's draws are at its sequence.
 */
#include "sim/cluster/fabric.h"

#include <string.h>

#include "engine/base/math.h"
#include "engine/base/wide.h"
#include "sim/cluster/fabric_internal.h"
#include "sim/scenario/time_limit.h"

enum { HOSTS_MAX = 65536 };
static const uint64_t ns_per_s = 1000000000;
/* Of sequences; small enough that a law's draws, SIM_DELAY_DRAWS apart, keep it. */
static const uint64_t further_copy = UINT64_C(1) << 57;

static cg_status check_options(const sim_fabric_options *options, cg_error *error) {
    if (options->hosts == 0 || options->hosts > HOSTS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID, "fabric: %u hosts; it takes 1 to %d",
                            options->hosts, (int)HOSTS_MAX);
    }
    cg_status status = fabric_check_delay("latency", options->latency_ns, error);
    if (status == CG_OK && options->delay) {
        status = sim_delay_check(options->delay, "latency", error);
    }
    if (status == CG_OK) {
        status = fabric_check_delay("jitter", options->jitter_ns, error);
    }
    if (status == CG_OK) {
        status = fabric_check_probability("loss", options->loss, error);
    }
    if (status == CG_OK) {
        status = fabric_check_probability("duplicate", options->duplicate, error);
    }
    if (status == CG_OK) {
        status = fabric_check_probability("reorder", options->reorder, error);
    }
    if (status == CG_OK) {
        status = fabric_check_probability("corrupt", options->corrupt, error);
    }
    return status == CG_OK ? fabric_check_copies(options->copies, error) : status;
}

static cg_status begin(sim_fabric *fabric, cg_error *error) {
    const sim_fabric_options *options = &fabric->options;
    fabric->numbers = cg_allocate(&fabric->allocator, options->hosts, sizeof *fabric->numbers);
    fabric->pairs = cg_allocate(&fabric->allocator, options->hosts, sizeof *fabric->pairs);
    fabric->busy_ns = cg_allocate(&fabric->allocator, options->hosts, sizeof *fabric->busy_ns);
    if (!fabric->numbers || !fabric->pairs || !fabric->busy_ns) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a fabric of %u hosts",
                            options->hosts);
    }
    fabric_settings initial = {.jitter_ns = options->jitter_ns,
                               .loss = options->loss,
                               .duplicate = options->duplicate,
                               .reorder = options->reorder,
                               .corrupt = options->corrupt,
                               .copies = options->copies > 0 ? options->copies : 2};
    sim_delay constant = {.place_ns = options->latency_ns};
    uint32_t index = 0;
    cg_status status = fabric_delay_add(fabric, options->delay ? options->delay : &constant,
                                        &initial.latency, error);
    return status == CG_OK ? fabric_settings_find(fabric, &initial, &index, error) : status;
}

cg_status sim_fabric_alloc(const sim_fabric_options *options, cg_allocator allocator,
                           sim_fabric **out, cg_error *error) {
    cg_status status = check_options(options, error);
    if (status != CG_OK) {
        return status;
    }
    sim_fabric *fabric = cg_allocate(&allocator, 1, sizeof *fabric);
    if (!fabric) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a fabric of %u hosts",
                            options->hosts);
    }
    *fabric = (sim_fabric){
        .options = *options,
        .allocator = allocator,
        .window_from_ns = 1, /* empty: nothing was looked at yet */
        .loss = cg_stream_init(options->seed, "fabric.loss", 0),
        .latency = cg_stream_init(options->seed, "fabric.latency", 0),
        .jitter = cg_stream_init(options->seed, "fabric.jitter", 0),
        .duplicate = cg_stream_init(options->seed, "fabric.duplicate", 0),
        .copies = cg_stream_init(options->seed, "fabric.copies", 0),
        .reorder = cg_stream_init(options->seed, "fabric.reorder", 0),
        .held = cg_stream_init(options->seed, "fabric.held", 0),
        .corrupt = cg_stream_init(options->seed, "fabric.corrupt", 0),
        .altered = cg_stream_init(options->seed, "fabric.altered", 0),
    };
    status = begin(fabric, error);
    fabric->options.delay = NULL; /* copied */
    if (status != CG_OK) {
        sim_fabric_free(fabric);
        return status;
    }
    *out = fabric;
    return CG_OK;
}

static void free_rows(sim_fabric *fabric, uint64_t **rows) {
    for (uint32_t from = 0; rows && from < fabric->options.hosts; from++) {
        if (rows[from]) {
            cg_deallocate(&fabric->allocator, rows[from], fabric->options.hosts,
                          sizeof *rows[from]);
        }
    }
    cg_deallocate(&fabric->allocator, rows, fabric->options.hosts, sizeof *rows);
}

void sim_fabric_free(sim_fabric *fabric) {
    if (!fabric) {
        return;
    }
    cg_allocator allocator = fabric->allocator;
    for (size_t i = 0; i < fabric->change_count; i++) {
        sim_pairs_deinit(&fabric->changes[i].pairs, &allocator);
    }
    cg_deallocate(&allocator, fabric->changes, fabric->change_capacity,
                  sizeof *fabric->changes);
    cg_deallocate(&allocator, fabric->holding, fabric->holding_capacity,
                  sizeof *fabric->holding);
    cg_deallocate(&allocator, fabric->delays, fabric->delay_capacity, sizeof *fabric->delays);
    cg_deallocate(&allocator, fabric->settings, fabric->setting_capacity,
                  sizeof *fabric->settings);
    cg_deallocate(&allocator, fabric->setting_slots, fabric->slot_count,
                  sizeof *fabric->setting_slots);
    cg_deallocate(&allocator, fabric->carried, fabric->carried_capacity, 1);
    free_rows(fabric, fabric->numbers);
    free_rows(fabric, fabric->pairs);
    free_rows(fabric, fabric->busy_ns);
    cg_deallocate(&allocator, fabric, 1, sizeof *fabric);
}

/* --- draws ----------------------------------------------------------------- */

static uint64_t draw(const cg_stream *stream, uint64_t pair, uint64_t number) {
    cg_stream own = *stream;
    own.entity = pair;
    return cg_stream_at(&own, number);
}

static bool happens(const cg_stream *stream, uint64_t pair, uint64_t number,
                    double probability) {
    return probability > 0.0 &&
           (double)(draw(stream, pair, number) >> 11) * 0x1p-53 < probability;
}

static uint64_t draw_delay(const sim_fabric *fabric, uint32_t law, const cg_stream *stream,
                           uint64_t pair, uint64_t sequence) {
    cg_stream own = *stream;
    own.entity = pair;
    return sim_delay_draw(&fabric->delays[law], &own, sequence,
                          (sequence & (further_copy - 1)) / 2);
}

/* A latency of the pair: that of the law, and what lies between the two hosts. Both are at most
 * SIM_TIME_MAX_NS. */
static uint64_t draw_latency(const sim_fabric *fabric, uint32_t law, const cg_stream *stream,
                             uint64_t pair, uint64_t sequence) {
    uint64_t drawn_ns = draw_delay(fabric, law, stream, pair, sequence);
    const sim_topology *topology = fabric->options.topology;
    if (!topology) {
        return drawn_ns;
    }
    int64_t latency_ns =
        (int64_t)drawn_ns +
        sim_topology_offset_ns(topology, (uint32_t)(pair >> 32), (uint32_t)pair);
    return latency_ns > 0 ? (uint64_t)latency_ns : 0;
}

static uint64_t delay_of(const sim_fabric *fabric, const fabric_settings *now, uint64_t pair,
                         uint64_t sequence) {
    uint64_t delay_ns = draw_latency(fabric, now->latency, &fabric->latency, pair, sequence);
    if (now->jitter_ns > 0) {
        /* The high word of draw * n; for n up to SIM_TIME_MAX_NS no value is likelier by more
         * than 1 in 10^4. */
        delay_ns +=
            cg_multiply_wide(draw(&fabric->jitter, pair, sequence), now->jitter_ns + 1).high;
    }
    return delay_ns > 0 ? delay_ns : 1;
}

static uint32_t draw_copies(const sim_fabric *fabric, const fabric_settings *now, uint64_t pair,
                            uint64_t number) {
    return 2 + (uint32_t)cg_multiply_wide(draw(&fabric->copies, pair, number), now->copies - 1)
                   .high;
}

/* The byte by the draw's high word, the mask, which is never 0, by its low bits. */
static void alter(sim_fabric *fabric, uint64_t pair, size_t size_bytes, uint32_t copy,
                  sim_flight *flight) {
    uint64_t luck = draw(&fabric->altered, pair, flight->sequence[copy]);
    flight->altered_at[copy] = (uint32_t)cg_multiply_wide(luck, size_bytes).high;
    flight->altered_mask[copy] = (uint8_t)(1 + luck % 255);
    fabric->statistics.corrupted++;
}

static uint64_t sequence_of(uint64_t number, uint32_t copy) {
    return (copy < 2 ? 0 : further_copy) | (2 * number + copy % 2);
}

static void draw_flight(sim_fabric *fabric, const fabric_settings *now, uint64_t pair,
                        uint64_t number, size_t size_bytes, sim_flight *flight) {
    flight->copies = 1;
    if (happens(&fabric->duplicate, pair, number, now->duplicate)) {
        flight->copies = now->copies > 2 ? draw_copies(fabric, now, pair, number) : 2;
        fabric->statistics.duplicated += flight->copies - 1;
    }
    for (uint32_t i = 0; i < flight->copies; i++) {
        flight->sequence[i] = sequence_of(number, i);
        flight->delay_ns[i] = delay_of(fabric, now, pair, flight->sequence[i]);
        if (size_bytes > 0 &&
            happens(&fabric->corrupt, pair, flight->sequence[i], now->corrupt)) {
            alter(fabric, pair, size_bytes, i, flight);
        }
    }
    if (happens(&fabric->reorder, pair, number, now->reorder)) {
        uint64_t sequence = flight->sequence[0];
        flight->delay_ns[0] +=
            now->held ? draw_delay(fabric, now->held, &fabric->held, pair, sequence)
                      : draw_latency(fabric, now->latency, &fabric->held, pair, sequence);
        fabric->statistics.reordered++;
    }
}

/* --- messages -------------------------------------------------------------- */

/* How long the message waits for the pair's line and is on it; the last bit is not through
 * before its time. */
static uint64_t take_line(uint64_t bits_per_s, size_t size_bytes, uint64_t sent_ns,
                          uint64_t *busy_ns) {
    uint64_t begins_ns = *busy_ns > sent_ns ? *busy_ns : sent_ns;
    uint64_t bits = size_bytes < UINT64_MAX / 8 ? 8 * (uint64_t)size_bytes : UINT64_MAX;
    uint64_t takes_ns = cg_mul_div(bits, ns_per_s, bits_per_s);
    if (takes_ns < SIM_TIME_MAX_NS && cg_mul_div(takes_ns, bits_per_s, ns_per_s) < bits) {
        takes_ns++;
    }
    uint64_t wait_ns = begins_ns - sent_ns;
    wait_ns = takes_ns < SIM_TIME_MAX_NS - wait_ns ? wait_ns + takes_ns : SIM_TIME_MAX_NS;
    *busy_ns = sent_ns + wait_ns;
    return wait_ns;
}

static bool is_cut_now(sim_fabric *fabric, uint32_t from, uint32_t to, uint64_t now_ns) {
    fabric_look(fabric, now_ns);
    for (size_t i = 0; i < fabric->holding_count; i++) {
        if (fabric_cuts(&fabric->changes[fabric->holding[i]], from, to, now_ns)) {
            return true;
        }
    }
    return false;
}

cg_status sim_fabric_send(sim_fabric *fabric, uint32_t from, uint32_t to, uint64_t sent_ns,
                          size_t size_bytes, sim_flight *out, cg_error *error) {
    CG_ASSERT(from < fabric->options.hosts && to < fabric->options.hosts && from != to);
    uint64_t *numbers = NULL;
    uint32_t settings = 0;
    bool cut = is_cut_now(fabric, from, to, sent_ns);
    cg_status status = fabric_row(fabric, fabric->numbers, from, &numbers, error);
    if (status == CG_OK) {
        status = fabric_pair_settings(fabric, from, to, &settings, error);
    }
    if (status != CG_OK) {
        return status;
    }
    const fabric_settings *now = &fabric->settings[settings];
    uint64_t line_ns = 0;
    if (!cut && now->bits_per_s > 0) {
        uint64_t *busy_ns = NULL;
        status = fabric_row(fabric, fabric->busy_ns, from, &busy_ns, error);
        if (status != CG_OK) {
            return status;
        }
        line_ns = take_line(now->bits_per_s, size_bytes, sent_ns, &busy_ns[to]);
    }
    uint64_t number = numbers[to]++;
    uint64_t pair = (uint64_t)from << 32 | to;
    sim_flight flight = {.cut = cut};
    fabric->statistics.sent++;
    fabric->statistics.sent_bytes += size_bytes;
    if (fabric->options.topology && sim_topology_shares(fabric->options.topology, from, to)) {
        fabric->statistics.far_sent++;
        fabric->statistics.far_sent_bytes += size_bytes;
    }
    if (cut) {
        fabric->statistics.cut++;
    } else if (happens(&fabric->loss, pair, number, now->loss)) {
        fabric->statistics.lost++;
    } else {
        draw_flight(fabric, now, pair, number, size_bytes, &flight);
        for (uint32_t i = 0; i < flight.copies; i++) {
            flight.delay_ns[i] += line_ns;
        }
    }
    *out = flight;
    return CG_OK;
}

cg_status sim_fabric_carry(sim_fabric *fabric, const sim_flight *flight, uint32_t copy,
                           const uint8_t **bytes, size_t size_bytes, cg_error *error) {
    CG_ASSERT(copy < flight->copies);
    if (flight->altered_mask[copy] == 0) {
        return CG_OK;
    }
    CG_ASSERT(flight->altered_at[copy] < size_bytes);
    cg_status status = CG_GROW(&fabric->allocator, fabric->carried, fabric->carried_capacity,
                               size_bytes, error);
    if (status == CG_OK) {
        memcpy(fabric->carried, *bytes, size_bytes);
        fabric->carried[flight->altered_at[copy]] ^= flight->altered_mask[copy];
        *bytes = fabric->carried;
    }
    return status;
}

bool sim_fabric_arrive(sim_fabric *fabric, uint32_t from, uint32_t to, uint64_t now_ns,
                       size_t size_bytes) {
    if (is_cut_now(fabric, from, to, now_ns)) {
        fabric->statistics.cut++;
        return false;
    }
    fabric->statistics.delivered++;
    fabric->statistics.delivered_bytes += size_bytes;
    return true;
}

sim_fabric_statistics sim_fabric_statistics_of(const sim_fabric *fabric) {
    return fabric->statistics;
}
