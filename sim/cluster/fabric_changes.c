/* Changes are kept in order of (time, order in which they were made). What holds at t is found
 * by binary search for the last change at or before t; the answer is kept for the window until
 * the next change, since most looks fall into the same one.
 *
 * Partitions: the one of sets P and Q cuts (a, b) when a is in P and b in Q, or, unless it is
 * one way, the other way round. It holds from its time until the first heal after it that means
 * it, or until its own end. A flapping one cuts at t while (t - start) mod period < on.
 */
#include <string.h>

#include "sim/cluster/fabric_internal.h"

#include "sim/scenario/time_limit.h"

/* --- what is asked for ----------------------------------------------------- */

/* NaN fails both comparisons. */
cg_status fabric_check_probability(const char *what, double value, cg_error *error) {
    if (value >= 0.0 && value <= 1.0) {
        return CG_OK;
    }
    return cg_error_set(error, CG_ERROR_INVALID,
                        "fabric: %s is %g; a probability lies between 0 and 1", what, value);
}

cg_status fabric_check_delay(const char *what, uint64_t value_ns, cg_error *error) {
    if (value_ns <= SIM_TIME_MAX_NS) {
        return CG_OK;
    }
    return cg_error_set(error, CG_ERROR_INVALID, "fabric: %s is %llu ns; the most is %llu ns",
                        what, (unsigned long long)value_ns,
                        (unsigned long long)SIM_TIME_MAX_NS);
}

cg_status fabric_check_copies(uint32_t copies, cg_error *error) {
    if (copies == 0 || (copies >= 2 && copies <= SIM_FLIGHT_COPIES_MAX)) {
        return CG_OK;
    }
    return cg_error_set(error, CG_ERROR_INVALID,
                        "fabric: %u copies of a duplicated message; it takes 2 to %d", copies,
                        (int)SIM_FLIGHT_COPIES_MAX);
}

static cg_status check_name(const sim_fabric_change *wanted, cg_error *error) {
    if (!wanted->name || strlen(wanted->name) < SIM_FABRIC_NAME_BYTES) {
        return CG_OK;
    }
    return cg_error_set(error, CG_ERROR_INVALID,
                        "fabric: a partition's name \"%.40s\" is longer than %d bytes",
                        wanted->name, SIM_FABRIC_NAME_BYTES - 1);
}

static cg_status check_flap(const sim_fabric_change *wanted, cg_error *error) {
    if (wanted->period_ns > 0 && (wanted->on_ns < 1 || wanted->on_ns > wanted->period_ns)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "fabric: a partition flaps for %llu ns of each %llu ns; it takes 1 "
                            "ns to all of them",
                            (unsigned long long)wanted->on_ns,
                            (unsigned long long)wanted->period_ns);
    }
    return check_name(wanted, error);
}

static cg_status check_change(const sim_fabric_change *wanted, cg_error *error) {
    cg_status status = CG_OK;
    switch (wanted->kind) {
    case SIM_FABRIC_PARTITION:
        return check_flap(wanted, error);
    case SIM_FABRIC_HEAL:
        return check_name(wanted, error);
    case SIM_FABRIC_LATENCY:
        return wanted->delay ? sim_delay_check(wanted->delay, "latency", error)
                             : fabric_check_delay("latency", wanted->value_ns, error);
    case SIM_FABRIC_JITTER:
        return fabric_check_delay("jitter", wanted->value_ns, error);
    case SIM_FABRIC_LOSS:
        return fabric_check_probability("loss", wanted->probability, error);
    case SIM_FABRIC_DUPLICATE:
        status = fabric_check_probability("duplicate", wanted->probability, error);
        return status == CG_OK ? fabric_check_copies(wanted->copies, error) : status;
    case SIM_FABRIC_REORDER:
        status = fabric_check_probability("reorder", wanted->probability, error);
        return status == CG_OK && wanted->delay
                   ? sim_delay_check(wanted->delay, "reordering", error)
                   : status;
    case SIM_FABRIC_CORRUPT:
        return fabric_check_probability("corrupt", wanted->probability, error);
    case SIM_FABRIC_BANDWIDTH:
        return CG_OK;
    }
    return cg_error_set(error, CG_ERROR_INVALID, "fabric: %d is no kind of change",
                        (int)wanted->kind);
}

/* --- the change as it is kept ---------------------------------------------- */

static cg_status make_pairs(sim_fabric *fabric, const sim_fabric_change *wanted, sim_pairs *out,
                            cg_error *error) {
    bool partition = wanted->kind == SIM_FABRIC_PARTITION;
    bool first_given = wanted->host_count > 0 || wanted->from_count > 0;
    bool nobody = partition && !first_given && wanted->to_count == 0;
    const sim_pairs_side sides[2] = {
        {.hosts = wanted->hosts,
         .host_count = wanted->host_count,
         .ranges = wanted->from,
         .range_count = wanted->from_count,
         .all = !first_given && !nobody},
        {.ranges = wanted->to,
         .range_count = wanted->to_count,
         .all = wanted->to_count == 0 && !partition,
         .rest = wanted->to_count == 0 && partition},
    };
    cg_status status =
        sim_pairs_init(out, fabric->options.hosts, sides, &fabric->allocator,
                       partition ? "a partition" : "a change of the network", error);
    if (status == CG_OK) {
        out->both_ways = !wanted->one_way;
    }
    return status;
}

static cg_status make_change(sim_fabric *fabric, const sim_fabric_change *wanted,
                             fabric_change *out, cg_error *error) {
    fabric_change made = {
        .at_ns = wanted->at_ns,
        .kind = wanted->kind,
        .copies = wanted->copies > 0 ? wanted->copies : 2,
        .value = wanted->kind == SIM_FABRIC_BANDWIDTH ? wanted->bits_per_s : wanted->value_ns,
        .probability = wanted->probability,
        .cut = {.healed_ns = wanted->ends_ns > 0 ? wanted->ends_ns : UINT64_MAX,
                .period_ns = wanted->period_ns,
                .on_ns = wanted->on_ns}};
    if (wanted->name) {
        memcpy(made.cut.name, wanted->name, strlen(wanted->name) + 1);
    }
    cg_status status = CG_OK;
    if (wanted->kind == SIM_FABRIC_LATENCY ||
        (wanted->kind == SIM_FABRIC_REORDER && wanted->delay)) {
        sim_delay constant = {.place_ns = wanted->value_ns};
        status = fabric_delay_add(fabric, wanted->delay ? wanted->delay : &constant,
                                  &made.delay, error);
    }
    if (status == CG_OK && wanted->kind != SIM_FABRIC_HEAL) {
        status = make_pairs(fabric, wanted, &made.pairs, error);
    }
    if (status == CG_OK) {
        *out = made;
    }
    return status;
}

/* --- partitions and heals -------------------------------------------------- */

static bool heals(const fabric_change *heal, const fabric_change *partition) {
    return heal->kind == SIM_FABRIC_HEAL && partition->kind == SIM_FABRIC_PARTITION &&
           (heal->cut.name[0] == '\0' || strcmp(heal->cut.name, partition->cut.name) == 0);
}

/* The change at `place` is new: it heals what came before it, and is healed by the first that
 * comes after it. */
static void settle_cuts(sim_fabric *fabric, size_t place) {
    fabric_change *made = &fabric->changes[place];
    size_t first = place > 0 ? fabric->changes[place - 1].healed : 0;
    for (size_t i = first; i < place; i++) {
        fabric_change *earlier = &fabric->changes[i];
        if (heals(made, earlier) && earlier->cut.healed_ns > made->at_ns) {
            earlier->cut.healed_ns = made->at_ns;
        }
    }
    for (size_t i = place + 1; i < fabric->change_count; i++) {
        if (heals(&fabric->changes[i], made)) {
            if (made->cut.healed_ns > fabric->changes[i].at_ns) {
                made->cut.healed_ns = fabric->changes[i].at_ns;
            }
            break;
        }
    }
}

/* --- putting it in --------------------------------------------------------- */

/* What each change from `first` on leaves, into `after` of each and `healed`. */
static cg_status settle(sim_fabric *fabric, size_t first, cg_error *error) {
    uint32_t after = first > 0 ? fabric->changes[first - 1].after : 0;
    size_t healed = first > 0 ? fabric->changes[first - 1].healed : 0;
    cg_status status = CG_OK;
    for (size_t i = first; i < fabric->change_count && status == CG_OK; i++) {
        fabric_change *made = &fabric->changes[i];
        if (made->kind == SIM_FABRIC_HEAL && made->cut.name[0] == '\0') {
            healed = i;
        }
        if (fabric_change_is_setting(made) && sim_pairs_are_all(&made->pairs)) {
            status = fabric_settings_apply(fabric, made, after, &after, error);
        }
        made->after = after;
        made->healed = healed;
    }
    return status;
}

static void forget_pairs(sim_fabric *fabric) {
    for (uint32_t from = 0; from < fabric->options.hosts; from++) {
        if (fabric->pairs[from]) {
            memset(fabric->pairs[from], 0, fabric->options.hosts * sizeof(uint64_t));
        }
    }
    fabric->applied_most = 0;
}

static void take_out(sim_fabric *fabric, size_t place) {
    fabric->change_count--;
    memmove(&fabric->changes[place], &fabric->changes[place + 1],
            (fabric->change_count - place) * sizeof *fabric->changes);
}

static cg_status put_in(sim_fabric *fabric, const fabric_change *made, cg_error *error) {
    size_t needed = fabric->change_count + 1;
    cg_status status =
        CG_GROW(&fabric->allocator, fabric->changes, fabric->change_capacity, needed, error);
    if (status == CG_OK) {
        status = CG_GROW(&fabric->allocator, fabric->holding, fabric->holding_capacity, needed,
                         error);
    }
    if (status != CG_OK) {
        return status;
    }
    size_t place = fabric_changes_until(fabric, made->at_ns);
    memmove(&fabric->changes[place + 1], &fabric->changes[place],
            (fabric->change_count - place) * sizeof *fabric->changes);
    fabric->changes[place] = *made;
    fabric->change_count++;
    status = settle(fabric, place, error);
    if (status != CG_OK) { /* all settings without it are there, so this cannot fail */
        take_out(fabric, place);
        cg_status again = settle(fabric, place, NULL);
        CG_ASSERT(again == CG_OK);
        return status;
    }
    settle_cuts(fabric, place);
    if (place < fabric->applied_most) {
        forget_pairs(fabric);
    }
    fabric->named =
        fabric->named || (fabric_change_is_setting(made) && !sim_pairs_are_all(&made->pairs));
    fabric->window_from_ns = 1;
    fabric->window_to_ns = 0;
    return CG_OK;
}

cg_status sim_fabric_change_at(sim_fabric *fabric, const sim_fabric_change *wanted,
                               cg_error *error) {
    cg_status status = check_change(wanted, error);
    fabric_change made = {0};
    if (status == CG_OK) {
        status = make_change(fabric, wanted, &made, error);
    }
    if (status == CG_OK) {
        status = put_in(fabric, &made, error);
        if (status != CG_OK) {
            sim_pairs_deinit(&made.pairs, &fabric->allocator);
        }
    }
    return status;
}

/* --- looking --------------------------------------------------------------- */

size_t fabric_changes_until(const sim_fabric *fabric, uint64_t at_ns) {
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

void fabric_look(sim_fabric *fabric, uint64_t at_ns) {
    if (at_ns >= fabric->window_from_ns && at_ns < fabric->window_to_ns) {
        return;
    }
    size_t changes = fabric_changes_until(fabric, at_ns);
    fabric->window_changes = changes;
    fabric->window_from_ns = changes > 0 ? fabric->changes[changes - 1].at_ns : 0;
    fabric->window_to_ns =
        changes < fabric->change_count ? fabric->changes[changes].at_ns : UINT64_MAX;
    fabric->holding_count = 0;
    for (size_t i = changes > 0 ? fabric->changes[changes - 1].healed : 0; i < changes; i++) {
        const fabric_change *each = &fabric->changes[i];
        if (each->kind == SIM_FABRIC_PARTITION &&
            each->cut.healed_ns > fabric->window_from_ns) {
            fabric->holding[fabric->holding_count++] = i;
        }
    }
}

bool fabric_cuts(const fabric_change *partition, uint32_t from, uint32_t to, uint64_t at_ns) {
    const fabric_cut *cut = &partition->cut;
    bool holds =
        at_ns >= partition->at_ns && at_ns < cut->healed_ns &&
        (cut->period_ns == 0 || (at_ns - partition->at_ns) % cut->period_ns < cut->on_ns);
    return holds && sim_pairs_has(&partition->pairs, from, to);
}

bool sim_fabric_is_cut(const sim_fabric *fabric, uint32_t from, uint32_t to, uint64_t at_ns) {
    size_t changes = fabric_changes_until(fabric, at_ns);
    for (size_t i = changes > 0 ? fabric->changes[changes - 1].healed : 0; i < changes; i++) {
        if (fabric->changes[i].kind == SIM_FABRIC_PARTITION &&
            fabric_cuts(&fabric->changes[i], from, to, at_ns)) {
            return true;
        }
    }
    return false;
}

uint64_t sim_fabric_latency_ns(const sim_fabric *fabric, uint64_t at_ns) {
    size_t changes = fabric_changes_until(fabric, at_ns);
    uint32_t settings = changes > 0 ? fabric->changes[changes - 1].after : 0;
    return fabric->delays[fabric->settings[settings].latency].place_ns;
}
