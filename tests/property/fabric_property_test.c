/* Goal: whatever changes are made in whatever order, also while messages are sent, the fabric
 * does what a naive oracle says that goes through the list of all changes for each message. */
#include "tests/support/support.h"

#include <string.h>

#include "engine/base/prng.h"
#include "sim/cluster/fabric.h"

enum { PROGRAMS = 150, HOSTS_MAX = 70, CHANGES_MAX = 40, STEPS = 400 };

typedef struct made {
    sim_fabric_change change;
    sim_host_range from[2];
    sim_host_range to[2];
    char name[2];
    uint64_t order;
} made;

typedef struct world {
    cg_stream stream;
    uint32_t hosts;
    made changes[CHANGES_MAX];
    uint32_t count;
    sim_fabric *fabric;
} world;

static bool in_ranges(const sim_host_range *ranges, uint32_t count, uint32_t host) {
    bool found = false;
    for (uint32_t i = 0; i < count; i++) {
        found = found || (host >= ranges[i].first && host <= ranges[i].last);
    }
    return found;
}

static bool on_first(const made *each, uint32_t host) {
    const sim_fabric_change *change = &each->change;
    if (change->from_count == 0) {
        return change->kind != SIM_FABRIC_PARTITION || change->to_count > 0;
    }
    return in_ranges(each->from, change->from_count, host);
}

static bool on_other(const made *each, uint32_t host) {
    const sim_fabric_change *change = &each->change;
    if (change->to_count == 0) {
        return change->kind != SIM_FABRIC_PARTITION || !on_first(each, host);
    }
    return in_ranges(each->to, change->to_count, host);
}

static bool is_about(const made *each, uint32_t from, uint32_t to) {
    return (on_first(each, from) && on_other(each, to)) ||
           (!each->change.one_way && on_first(each, to) && on_other(each, from));
}

static bool is_before(const made *left, const made *right) {
    return left->change.at_ns < right->change.at_ns ||
           (left->change.at_ns == right->change.at_ns && left->order < right->order);
}

/* The last change of the kind that is about the pair and holds; NULL: none. */
static const made *last_of(const world *all, sim_fabric_change_kind kind, uint32_t from,
                           uint32_t to, uint64_t at_ns) {
    const made *last = NULL;
    for (uint32_t i = 0; i < all->count; i++) {
        const made *each = &all->changes[i];
        bool holds = each->change.kind == kind && each->change.at_ns <= at_ns;
        if (holds && is_about(each, from, to) && (!last || is_before(last, each))) {
            last = each;
        }
    }
    return last;
}

static bool is_healed(const world *all, const made *partition, uint64_t at_ns) {
    bool healed = false;
    for (uint32_t i = 0; i < all->count; i++) {
        const made *each = &all->changes[i];
        healed =
            healed || (each->change.kind == SIM_FABRIC_HEAL && each->change.at_ns <= at_ns &&
                       is_before(partition, each) &&
                       (each->name[0] == '\0' || strcmp(each->name, partition->name) == 0));
    }
    return healed;
}

static bool is_cut(const world *all, uint32_t from, uint32_t to, uint64_t at_ns) {
    for (uint32_t i = 0; i < all->count; i++) {
        const made *each = &all->changes[i];
        const sim_fabric_change *change = &each->change;
        if (change->kind != SIM_FABRIC_PARTITION || change->at_ns > at_ns ||
            (change->ends_ns > 0 && at_ns >= change->ends_ns) || is_healed(all, each, at_ns)) {
            continue;
        }
        bool on = change->period_ns == 0 ||
                  (at_ns - change->at_ns) % change->period_ns < change->on_ns;
        if (on && is_about(each, from, to)) {
            return true;
        }
    }
    return false;
}

static uint32_t below(world *all, uint32_t n) {
    return (uint32_t)cg_stream_next_below(&all->stream, n);
}

static uint32_t draw_ranges(world *all, sim_host_range ranges[2]) {
    uint32_t count = below(all, 3);
    for (uint32_t i = 0; i < count; i++) {
        ranges[i].first = below(all, all->hosts);
        ranges[i].last = ranges[i].first + below(all, 4);
    }
    return count;
}

static void make_change(world *all, uint64_t at_ns) {
    static const sim_fabric_change_kind kinds[] = {
        SIM_FABRIC_PARTITION, SIM_FABRIC_PARTITION, SIM_FABRIC_HEAL,     SIM_FABRIC_LATENCY,
        SIM_FABRIC_LATENCY,   SIM_FABRIC_LOSS,      SIM_FABRIC_DUPLICATE};
    made *each = &all->changes[all->count];
    memset(each, 0, sizeof *each);
    each->order = all->count;
    each->change = (sim_fabric_change){.at_ns = at_ns, .kind = kinds[below(all, 7)]};
    each->change.from_count = draw_ranges(all, each->from);
    each->change.to_count = draw_ranges(all, each->to);
    each->change.from = each->from;
    each->change.to = each->to;
    each->change.one_way = below(all, 2) == 0;
    each->change.value_ns = 1 + below(all, 1000);
    each->change.probability = (double)below(all, 2); /* so that nothing is left to luck */
    each->name[0] = (char)(below(all, 3) ? 'a' + (int)below(all, 3) : 0);
    each->change.name = each->name;
    if (each->change.kind == SIM_FABRIC_PARTITION && below(all, 3) == 0) {
        each->change.period_ns = 2 + below(all, 50);
        each->change.on_ns = 1 + below(all, (uint32_t)each->change.period_ns);
    }
    if (each->change.kind == SIM_FABRIC_PARTITION && below(all, 3) == 0) {
        each->change.ends_ns = at_ns + 1 + below(all, 200);
    }
    cg_error error;
    assert_ok(sim_fabric_change_at(all->fabric, &each->change, &error), error);
    all->count++;
}

static void check_message(world *all, uint64_t at_ns) {
    uint32_t from = below(all, all->hosts);
    uint32_t to = (from + 1 + below(all, all->hosts - 1)) % all->hosts;
    const made *latency = last_of(all, SIM_FABRIC_LATENCY, from, to, at_ns);
    const made *loss = last_of(all, SIM_FABRIC_LOSS, from, to, at_ns);
    const made *duplicate = last_of(all, SIM_FABRIC_DUPLICATE, from, to, at_ns);
    bool cut = is_cut(all, from, to, at_ns);
    bool lost = cut || (loss && loss->change.probability > 0.5);
    uint32_t copies = duplicate && duplicate->change.probability > 0.5 ? 2 : 1;
    sim_flight flight;
    cg_error error;
    assert_ok(sim_fabric_send(all->fabric, from, to, at_ns, 10, &flight, &error), error);
    assert_int_equal(flight.cut, cut);
    assert_int_equal(flight.copies, lost ? 0 : copies);
    for (uint32_t i = 0; i < flight.copies; i++) {
        assert_int_equal(flight.delay_ns[i], latency ? latency->change.value_ns : 77);
    }
    assert_int_equal(sim_fabric_is_cut(all->fabric, from, to, at_ns), cut);
    assert_int_equal(sim_fabric_arrive(all->fabric, from, to, at_ns, 10), !cut);
}

static void test_programs(void **state) {
    (void)state;
    uint64_t seed = support_seed(20261122);
    for (uint64_t program = 0; program < PROGRAMS; program++) {
        world all = {.stream = cg_stream_init(seed, "fabric.property", program)};
        all.hosts = 2 + below(&all, HOSTS_MAX - 1);
        sim_fabric_options options = {.hosts = all.hosts, .seed = seed, .latency_ns = 77};
        cg_error error;
        assert_ok(sim_fabric_alloc(&options, cg_allocator_heap(), &all.fabric, &error), error);
        uint64_t now_ns = 0;
        for (uint32_t i = 0; i < STEPS; i++) {
            if (all.count < CHANGES_MAX && below(&all, 8) == 0) {
                /* Mostly to come; now and then into what was looked at. */
                make_change(&all, below(&all, 5) ? now_ns + below(&all, 300)
                                                 : below(&all, (uint32_t)now_ns + 1));
            }
            now_ns += below(&all, 6);
            check_message(&all, below(&all, 20) ? now_ns : now_ns / 2);
        }
        sim_fabric_free(all.fabric);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_programs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
