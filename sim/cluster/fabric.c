/* Settings as functions of time: changes are kept in order of (time, order in which they were
 * made), and each carries the settings that hold from it on. What holds at t is found by binary
 * search for the last change at or before t.
 *
 * Partitions: those that hold at t are the partition changes after the last heal at or before
 * t. Pair (from, to) is cut by a partition of set P when exactly one of the two is in P (one
 * way: when from is in P and to is not).
 */
#include "sim/cluster/fabric.h"

#include <string.h>

#include "engine/base/prng.h"
#include "engine/base/wide.h"
#include "sim/scenario/time_limit.h"

enum { HOSTS_MAX = 65536 };

typedef struct settings {
    uint64_t latency_ns;
    uint64_t jitter_ns;
    double loss;
    double duplicate;
    double reorder;
    size_t healed; /* partitions before this change's index no longer hold */
} settings;

typedef struct change {
    uint64_t at_ns;
    sim_fabric_change_kind kind;
    uint64_t value_ns;
    double probability;
    uint64_t *members; /* PARTITION: one bit a host */
    bool one_way;
    settings after; /* what holds from here on */
} change;

struct sim_fabric {
    sim_fabric_options options;
    cg_allocator allocator;
    settings initial;
    change *changes;
    size_t change_count;
    size_t change_capacity;
    size_t word_count;  /* of a set of hosts */
    uint64_t **numbers; /* [from]: NULL or the next message's number, [to] */
    cg_stream loss;     /* entity is set for each pair */
    cg_stream jitter;
    cg_stream duplicate;
    cg_stream reorder;
    sim_fabric_statistics statistics;
};

/* NaN fails both comparisons. */
static cg_status check_probability(const char *what, double value, cg_error *error) {
    if (value >= 0.0 && value <= 1.0) {
        return CG_OK;
    }
    return cg_error_set(error, CG_ERROR_INVALID,
                        "fabric: %s is %g; a probability lies between 0 and 1", what, value);
}

static cg_status check_delay(const char *what, uint64_t value_ns, cg_error *error) {
    if (value_ns <= SIM_TIME_MAX_NS) {
        return CG_OK;
    }
    return cg_error_set(error, CG_ERROR_INVALID, "fabric: %s is %llu ns; the most is %llu ns",
                        what, (unsigned long long)value_ns,
                        (unsigned long long)SIM_TIME_MAX_NS);
}

cg_status sim_fabric_alloc(const sim_fabric_options *options, cg_allocator allocator,
                           sim_fabric **out, cg_error *error) {
    if (options->hosts == 0 || options->hosts > HOSTS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID, "fabric: %u hosts; it takes 1 to %d",
                            options->hosts, (int)HOSTS_MAX);
    }
    cg_status status = check_delay("latency", options->latency_ns, error);
    if (status == CG_OK) {
        status = check_delay("jitter", options->jitter_ns, error);
    }
    if (status == CG_OK) {
        status = check_probability("loss", options->loss, error);
    }
    if (status == CG_OK) {
        status = check_probability("duplicate", options->duplicate, error);
    }
    if (status == CG_OK) {
        status = check_probability("reorder", options->reorder, error);
    }
    if (status != CG_OK) {
        return status;
    }
    sim_fabric *fabric = cg_allocate(&allocator, 1, sizeof *fabric);
    uint64_t **numbers = cg_allocate(&allocator, options->hosts, sizeof *numbers);
    if (!fabric || !numbers) {
        cg_deallocate(&allocator, fabric, 1, sizeof *fabric);
        cg_deallocate(&allocator, numbers, options->hosts, sizeof *numbers);
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a fabric of %u hosts",
                            options->hosts);
    }
    *fabric = (sim_fabric){
        .options = *options,
        .allocator = allocator,
        .numbers = numbers,
        .word_count = (options->hosts + 63) / 64,
        .initial = {options->latency_ns, options->jitter_ns, options->loss, options->duplicate,
                    options->reorder, 0},
        .loss = cg_stream_init(options->seed, "fabric.loss", 0),
        .jitter = cg_stream_init(options->seed, "fabric.jitter", 0),
        .duplicate = cg_stream_init(options->seed, "fabric.duplicate", 0),
        .reorder = cg_stream_init(options->seed, "fabric.reorder", 0),
    };
    *out = fabric;
    return CG_OK;
}

void sim_fabric_free(sim_fabric *fabric) {
    if (!fabric) {
        return;
    }
    cg_allocator allocator = fabric->allocator;
    uint32_t hosts = fabric->options.hosts;
    for (size_t i = 0; i < fabric->change_count; i++) {
        if (fabric->changes[i].members) {
            cg_deallocate(&allocator, fabric->changes[i].members, fabric->word_count,
                          sizeof(uint64_t));
        }
    }
    cg_deallocate(&allocator, fabric->changes, fabric->change_capacity,
                  sizeof *fabric->changes);
    for (uint32_t from = 0; from < hosts; from++) {
        if (fabric->numbers[from]) {
            cg_deallocate(&allocator, fabric->numbers[from], hosts, sizeof(uint64_t));
        }
    }
    cg_deallocate(&allocator, fabric->numbers, hosts, sizeof *fabric->numbers);
    cg_deallocate(&allocator, fabric, 1, sizeof *fabric);
}

/* --- changes --------------------------------------------------------------- */

static cg_status check_change(const sim_fabric *fabric, const sim_fabric_change *wanted,
                              cg_error *error) {
    switch (wanted->kind) {
    case SIM_FABRIC_PARTITION:
        for (uint32_t i = 0; i < wanted->host_count; i++) {
            if (wanted->hosts[i] >= fabric->options.hosts) {
                return cg_error_set(
                    error, CG_ERROR_INVALID,
                    "fabric: a partition names host %u; there are %u hosts, from 0",
                    wanted->hosts[i], fabric->options.hosts);
            }
        }
        return CG_OK;
    case SIM_FABRIC_HEAL:
        return CG_OK;
    case SIM_FABRIC_LATENCY:
        return check_delay("latency", wanted->value_ns, error);
    case SIM_FABRIC_JITTER:
        return check_delay("jitter", wanted->value_ns, error);
    case SIM_FABRIC_LOSS:
        return check_probability("loss", wanted->probability, error);
    case SIM_FABRIC_DUPLICATE:
        return check_probability("duplicate", wanted->probability, error);
    case SIM_FABRIC_REORDER:
        return check_probability("reorder", wanted->probability, error);
    }
    return cg_error_set(error, CG_ERROR_INVALID, "fabric: %d is no kind of change",
                        (int)wanted->kind);
}

/* Settings after each change from `first` on. */
static void settle(sim_fabric *fabric, size_t first) {
    settings now = first > 0 ? fabric->changes[first - 1].after : fabric->initial;
    for (size_t i = first; i < fabric->change_count; i++) {
        change *made = &fabric->changes[i];
        switch (made->kind) {
        case SIM_FABRIC_PARTITION:
            break;
        case SIM_FABRIC_HEAL:
            now.healed = i;
            break;
        case SIM_FABRIC_LATENCY:
            now.latency_ns = made->value_ns;
            break;
        case SIM_FABRIC_JITTER:
            now.jitter_ns = made->value_ns;
            break;
        case SIM_FABRIC_LOSS:
            now.loss = made->probability;
            break;
        case SIM_FABRIC_DUPLICATE:
            now.duplicate = made->probability;
            break;
        case SIM_FABRIC_REORDER:
            now.reorder = made->probability;
            break;
        }
        made->after = now;
    }
}

/* How many changes hold at at_ns. */
static size_t changes_until(const sim_fabric *fabric, uint64_t at_ns) {
    size_t low = 0;
    size_t high = fabric->change_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (fabric->changes[middle].at_ns <= at_ns) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

cg_status sim_fabric_change_at(sim_fabric *fabric, const sim_fabric_change *wanted,
                               cg_error *error) {
    cg_status status = check_change(fabric, wanted, error);
    if (status != CG_OK) {
        return status;
    }
    void *changes = fabric->changes;
    status = cg_grow(&fabric->allocator, &changes, &fabric->change_capacity,
                     fabric->change_count + 1, sizeof *fabric->changes, error);
    if (status != CG_OK) {
        return status;
    }
    fabric->changes = changes;
    change made = {.at_ns = wanted->at_ns,
                   .kind = wanted->kind,
                   .value_ns = wanted->value_ns,
                   .probability = wanted->probability,
                   .one_way = wanted->one_way};
    if (wanted->kind == SIM_FABRIC_PARTITION) {
        made.members = cg_allocate(&fabric->allocator, fabric->word_count, sizeof(uint64_t));
        if (!made.members) {
            return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a partition");
        }
        for (uint32_t i = 0; i < wanted->host_count; i++) {
            made.members[wanted->hosts[i] / 64] |= UINT64_C(1) << wanted->hosts[i] % 64;
        }
    }
    size_t place = changes_until(fabric, wanted->at_ns);
    memmove(&fabric->changes[place + 1], &fabric->changes[place],
            (fabric->change_count - place) * sizeof *fabric->changes);
    fabric->changes[place] = made;
    fabric->change_count++;
    settle(fabric, place);
    return CG_OK;
}

static const settings *settings_at(const sim_fabric *fabric, size_t changes) {
    return changes > 0 ? &fabric->changes[changes - 1].after : &fabric->initial;
}

static bool is_member(const change *partition, uint32_t host) {
    return (partition->members[host / 64] >> host % 64 & 1) != 0;
}

static bool is_cut(const sim_fabric *fabric, uint32_t from, uint32_t to, size_t changes) {
    for (size_t i = settings_at(fabric, changes)->healed; i < changes; i++) {
        const change *partition = &fabric->changes[i];
        if (partition->kind != SIM_FABRIC_PARTITION) {
            continue;
        }
        bool from_inside = is_member(partition, from);
        bool to_inside = is_member(partition, to);
        if (partition->one_way ? from_inside && !to_inside : from_inside != to_inside) {
            return true;
        }
    }
    return false;
}

bool sim_fabric_is_cut(const sim_fabric *fabric, uint32_t from, uint32_t to, uint64_t at_ns) {
    return is_cut(fabric, from, to, changes_until(fabric, at_ns));
}

uint64_t sim_fabric_latency_ns(const sim_fabric *fabric, uint64_t at_ns) {
    return settings_at(fabric, changes_until(fabric, at_ns))->latency_ns;
}

/* --- messages -------------------------------------------------------------- */

static uint64_t draw(const cg_stream *stream, uint64_t pair, uint64_t number) {
    cg_stream own = *stream;
    own.entity = pair;
    return cg_stream_at(&own, number);
}

/* Draws are functions, so one that cannot matter need not be made. */
static bool happens(const cg_stream *stream, uint64_t pair, uint64_t number,
                    double probability) {
    return probability > 0.0 &&
           (double)(draw(stream, pair, number) >> 11) * 0x1p-53 < probability;
}

static uint64_t delay_of(const sim_fabric *fabric, const settings *now, uint64_t pair,
                         uint64_t copy) {
    uint64_t delay_ns = now->latency_ns;
    if (now->jitter_ns > 0) {
        /* The high word of draw * n; for n up to SIM_TIME_MAX_NS no value is likelier by more
         * than 1 in 10^4. */
        delay_ns +=
            cg_multiply_wide(draw(&fabric->jitter, pair, copy), now->jitter_ns + 1).high;
    }
    return delay_ns > 0 ? delay_ns : 1;
}

cg_status sim_fabric_send(sim_fabric *fabric, uint32_t from, uint32_t to, uint64_t sent_ns,
                          size_t size_bytes, sim_flight *out, cg_error *error) {
    uint32_t hosts = fabric->options.hosts;
    CG_ASSERT(from < hosts && to < hosts && from != to);
    if (!fabric->numbers[from]) {
        fabric->numbers[from] = cg_allocate(&fabric->allocator, hosts, sizeof(uint64_t));
        if (!fabric->numbers[from]) {
            return cg_error_set(error, CG_ERROR_MEMORY, "no memory for the messages of host %u",
                                from);
        }
    }
    uint64_t number = fabric->numbers[from][to]++;
    uint64_t pair = (uint64_t)from << 32 | to;
    size_t changes = changes_until(fabric, sent_ns);
    const settings *now = settings_at(fabric, changes);
    sim_flight flight = {0};
    fabric->statistics.sent++;
    fabric->statistics.sent_bytes += size_bytes;
    if (is_cut(fabric, from, to, changes)) {
        fabric->statistics.cut++;
        flight.cut = true;
    } else if (happens(&fabric->loss, pair, number, now->loss)) {
        fabric->statistics.lost++;
    } else {
        flight.copies = 1;
        if (happens(&fabric->duplicate, pair, number, now->duplicate)) {
            flight.copies = 2;
            fabric->statistics.duplicated++;
        }
        for (uint32_t i = 0; i < flight.copies; i++) {
            flight.sequence[i] = number * SIM_FLIGHT_COPIES_MAX + i;
            flight.delay_ns[i] = delay_of(fabric, now, pair, flight.sequence[i]);
        }
        if (happens(&fabric->reorder, pair, number, now->reorder)) {
            flight.delay_ns[0] += now->latency_ns;
            fabric->statistics.reordered++;
        }
    }
    *out = flight;
    return CG_OK;
}

bool sim_fabric_arrive(sim_fabric *fabric, uint32_t from, uint32_t to, uint64_t now_ns,
                       size_t size_bytes) {
    if (sim_fabric_is_cut(fabric, from, to, now_ns)) {
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
