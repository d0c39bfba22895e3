/* Goal: spikes routed to hosts and cores and integrated there are the product of one dense matrix
 * with one vector, for any division of the neurons; nothing goes where it is not wanted; bad
 * input and failing memory leave no trace. (Spec A8, A4.) */
#include "tests/support/support.h"

#include <stdio.h>
#include <string.h>

#include "engine/snn/route.h"
#include "engine/snn/wta.h"

enum { CHANNELS = 70, NEURONS = 150, SPIKES = 400, CORES_MAX = 128, WINDOW = 100000 };

typedef struct net {
    uint32_t weights[NEURONS][CHANNELS]; /* 0: no synapse */
    cg_spike spikes[SPIKES];
    uint32_t spike_count;
    uint64_t expected[NEURONS];
    uint32_t core_of[NEURONS];
    uint32_t place_of[NEURONS]; /* within its core */
    uint32_t cores;
    uint32_t neuron_counts[CORES_MAX];
    cg_synapse synapses[NEURONS * CHANNELS];
    uint32_t synapse_count;
} net;

static void draw_net(net *n, cg_stream *stream) {
    memset(n, 0, sizeof *n);
    uint64_t sparsity = 1 + cg_stream_next_below(stream, 30);
    n->spike_count = (uint32_t)cg_stream_next_below(stream, SPIKES + 1);
    uint32_t tick = 0;
    for (uint32_t i = 0; i < n->spike_count; i++) {
        tick += (uint32_t)cg_stream_next_below(stream, WINDOW / SPIKES + 1);
        n->spikes[i].tick = tick;
        n->spikes[i].channel = (uint32_t)cg_stream_next_below(stream, CHANNELS);
    }
    for (uint32_t j = 0; j < NEURONS; j++) {
        for (uint32_t c = 0; c < CHANNELS; c++) {
            if (cg_stream_next_below(stream, sparsity) == 0) {
                n->weights[j][c] =
                    1 + (uint32_t)cg_stream_next_below(stream, CG_ROUTE_WEIGHT_MAX_Q16);
            }
        }
        for (uint32_t i = 0; i < n->spike_count; i++) {
            n->expected[j] +=
                (uint64_t)n->weights[j][n->spikes[i].channel] * (WINDOW - n->spikes[i].tick);
        }
    }
}

/* Neurons to cores: at random or in blocks; then the synapses, in random order. */
static void divide(net *n, uint32_t cores, cg_stream *stream) {
    bool blocks = cg_stream_next_below(stream, 2);
    n->cores = cores;
    n->synapse_count = 0;
    memset(n->neuron_counts, 0, sizeof n->neuron_counts);
    for (uint32_t j = 0; j < NEURONS; j++) {
        n->core_of[j] =
            blocks ? j * cores / NEURONS : (uint32_t)cg_stream_next_below(stream, cores);
        n->place_of[j] = n->neuron_counts[n->core_of[j]]++;
        for (uint32_t c = 0; c < CHANNELS; c++) {
            if (n->weights[j][c] == 0) {
                continue;
            }
            uint32_t at = n->synapse_count++;
            uint32_t other = (uint32_t)cg_stream_next_below(stream, at + 1);
            n->synapses[at] = n->synapses[other];
            n->synapses[other] =
                (cg_synapse){c, n->core_of[j], n->place_of[j], n->weights[j][c]};
        }
    }
}

static cg_route_options options_of(const net *n, uint32_t cores_per_host) {
    return (cg_route_options){.channel_count = CHANNELS,
                              .core_count = n->cores,
                              .cores_per_host = cores_per_host,
                              .neuron_counts = n->neuron_counts,
                              .window_ticks = WINDOW};
}

/* Whether a channel has a synapse on a core of [from, to). */
static bool wants(const net *n, uint32_t channel, uint32_t from, uint32_t to) {
    for (uint32_t j = 0; j < NEURONS; j++) {
        if (n->weights[j][channel] != 0 && n->core_of[j] >= from && n->core_of[j] < to) {
            return true;
        }
    }
    return false;
}

/* That `got` are exactly the net's spikes that the cores of [from, to) want, in order. */
static void check_delivery(const net *n, cg_spikes got, uint32_t from, uint32_t to) {
    uint32_t at = 0;
    for (uint32_t i = 0; i < n->spike_count; i++) {
        if (wants(n, n->spikes[i].channel, from, to)) {
            assert_true(at < got.count);
            assert_int_equal(got.spikes[at].channel, n->spikes[i].channel);
            assert_int_equal(got.spikes[at].tick, n->spikes[i].tick);
            at++;
        }
    }
    assert_int_equal(at, got.count);
}

/* Currents by core, each core's neurons following the core's before. */
static void run_net(const net *n, const cg_route *route, uint32_t per_host,
                    const uint32_t *offsets, uint64_t *currents) {
    cg_error error = {0};
    cg_route_batch to_hosts;
    cg_route_batch to_cores;
    cg_route_batch_init(&to_hosts, cg_allocator_heap());
    cg_route_batch_init(&to_cores, cg_allocator_heap());
    cg_work work = {0};
    uint64_t synapses = 0;
    uint64_t deliveries = 0;
    uint32_t hosts = cg_route_host_count(route);
    cg_spikes all = {n->spikes, n->spike_count};
    assert_ok(cg_route_to_hosts(route, all, &to_hosts, &error), error);
    assert_int_equal(to_hosts.counts.spikes, n->spike_count);
    assert_int_equal(to_hosts.counts.deliveries + to_hosts.counts.saved,
                     (uint64_t)n->spike_count * hosts);
    for (uint32_t host = 0; host < hosts; host++) {
        cg_spikes own = cg_route_batch_spikes(&to_hosts, host);
        uint32_t last = (host + 1) * per_host < n->cores ? (host + 1) * per_host : n->cores;
        check_delivery(n, own, host * per_host, last);
        assert_ok(cg_route_to_cores(route, host, own, &to_cores, &error), error);
        deliveries += to_cores.counts.deliveries;
        for (uint32_t core = host * per_host; core < last; core++) {
            check_delivery(n, cg_route_batch_spikes(&to_cores, core), core, core + 1);
            cg_route_integrate(route, &to_cores, core, currents + offsets[core], &work);
        }
    }
    for (uint32_t i = 0; i < n->spike_count; i++) {
        for (uint32_t j = 0; j < NEURONS; j++) {
            synapses += n->weights[j][n->spikes[i].channel] != 0;
        }
    }
    assert_int_equal(work.operations[CG_WORK_LIF_STEP], deliveries);
    assert_int_equal(work.units[CG_WORK_LIF_STEP], synapses);
    cg_route_batch_deinit(&to_hosts);
    cg_route_batch_deinit(&to_cores);
}

/* The competition of all cores over the currents: the same, however many cores there are. */
static cg_wta_result decide(const net *n, const uint32_t *offsets, const uint64_t *currents) {
    uint32_t drives[NEURONS];
    uint64_t ids[NEURONS];
    cg_route_drives(currents, NEURONS, cg_route_largest_current(currents, NEURONS), drives);
    for (uint32_t j = 0; j < NEURONS; j++) {
        ids[offsets[n->core_of[j]] + n->place_of[j]] = j;
    }
    return cg_wta_compete_groups(&(cg_wta_groups){drives, ids, offsets, n->cores}, NULL);
}

static void any_division_is_the_dense_product(void **state) {
    (void)state;
    static net n;
    static const uint32_t cores[] = {1, 2, 8, CORES_MAX};
    uint64_t seed = support_seed(31);
    cg_stream stream = cg_stream_init(seed, "test.route", 0);
    uint32_t equal = 0;
    enum { ROUNDS = 60 };
    for (uint32_t round = 0; round < ROUNDS; round++) {
        draw_net(&n, &stream);
        cg_wta_result first = {0};
        for (uint32_t d = 0; d < 4; d++) {
            divide(&n, cores[d], &stream);
            uint32_t per_host = 1 + (uint32_t)cg_stream_next_below(&stream, cores[d]);
            cg_route_options options = options_of(&n, per_host);
            cg_route *route = NULL;
            cg_error error = {0};
            assert_ok(cg_route_alloc(&options, n.synapses, n.synapse_count, cg_allocator_heap(),
                                     &route, &error),
                      error);
            uint32_t offsets[CORES_MAX + 1] = {0};
            for (uint32_t core = 0; core < n.cores; core++) {
                offsets[core + 1] = offsets[core] + n.neuron_counts[core];
            }
            uint64_t currents[NEURONS] = {0};
            run_net(&n, route, per_host, offsets, currents);
            cg_route_free(route);
            bool is_same = true;
            for (uint32_t j = 0; j < NEURONS; j++) {
                is_same =
                    is_same && currents[offsets[n.core_of[j]] + n.place_of[j]] == n.expected[j];
            }
            cg_wta_result result = decide(&n, offsets, currents);
            first = d == 0 ? result : first;
            is_same = is_same && result.champions.winner.id == first.champions.winner.id &&
                      result.champions.runner_up.id == first.champions.runner_up.id &&
                      result.champions.winner.drive == first.champions.winner.drive &&
                      result.spike_step == first.spike_step;
            equal += is_same;
        }
    }
    printf("# seed %llu: routed currents equal the dense product in %u of %d divisions\n",
           (unsigned long long)seed, equal, 4 * ROUNDS);
    assert_int_equal(equal, 4 * ROUNDS);
}

static void drives_have_the_order_of_currents(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(32), "test.route.drives", 0);
    enum { COUNT = 100 };
    for (uint32_t round = 0; round < 500; round++) {
        uint64_t currents[COUNT];
        uint32_t drives[COUNT];
        uint64_t base = cg_stream_next(&stream) >> cg_stream_next_below(&stream, 64);
        for (uint32_t i = 0; i < COUNT; i++) {
            uint64_t less = cg_stream_next_below(&stream, 2) ? i % 3 : cg_stream_next(&stream);
            currents[i] = base > less ? base - less : base / 2;
        }
        uint64_t largest = cg_route_largest_current(currents, COUNT);
        cg_route_drives(currents, COUNT, largest, drives);
        uint32_t top = 0;
        for (uint32_t i = 0; i < COUNT; i++) {
            top = drives[i] > top ? drives[i] : top;
            uint32_t other = (uint32_t)cg_stream_next_below(&stream, COUNT);
            assert_true(currents[i] < currents[other] || drives[i] >= drives[other]);
            assert_true(largest > UINT32_MAX || drives[i] == currents[i]);
        }
        assert_true(largest <= UINT32_MAX || top >= UINT32_C(1) << 31);
        for (uint32_t i = 0; i < COUNT; i++) {
            assert_int_equal(drives[i] == top, currents[i] == largest);
        }
    }
}

static void bad_input_comes_back(void **state) {
    (void)state;
    cg_error error = {0};
    cg_route *route = NULL;
    const uint32_t neurons[] = {4, 4};
    const cg_route_options good = {3, 2, 1, neurons, 100};
    cg_synapse synapses[] = {{2, 1, 3, 5}, {0, 0, 0, 6}};
    const cg_allocator heap = cg_allocator_heap();
#define REFUSED(part)                                                                          \
    assert_status(cg_route_alloc(&options, synapses, 2, heap, &route, &error),                 \
                  CG_ERROR_INVALID, error, part);                                              \
    assert_null(route)
    cg_route_options options = good;
    options.channel_count = 0;
    REFUSED("channels");
    options = good;
    options.core_count = CG_ROUTE_CORES_MAX + 1;
    REFUSED("cores");
    options = good;
    options.cores_per_host = 0;
    REFUSED("host");
    options = good;
    options.window_ticks = 0;
    REFUSED("window");
    options = good;
    synapses[1] = (cg_synapse){3, 0, 0, 6};
    REFUSED("channel 3");
    synapses[1] = (cg_synapse){0, 2, 0, 6};
    REFUSED("core 2");
    synapses[1] = (cg_synapse){0, 0, 4, 6};
    REFUSED("neuron 4");
    synapses[1] = (cg_synapse){0, 0, 0, 65537};
    REFUSED("65537");
    synapses[1] = (cg_synapse){2, 1, 3, 6};
    REFUSED("two synapses from channel 2 to neuron 3 of core 1");
    synapses[1] = (cg_synapse){0, 0, 0, 65536};
    assert_ok(cg_route_alloc(&good, synapses, 2, heap, &route, &error), error);
    cg_route_batch batch;
    cg_route_batch_init(&batch, heap);
    const cg_spike events[] = {{0, 0}, {2, 100}, {3, 100}, {0, 100}, {2, 99}, {1, 101}};
    cg_spikes spikes = {events, 2};
    assert_ok(cg_route_to_hosts(route, spikes, &batch, &error), error);
    spikes.count = 3;
    assert_status(cg_route_to_hosts(route, spikes, &batch, &error), CG_ERROR_INVALID, error,
                  "channel 3");
    spikes = (cg_spikes){events + 3, 2};
    assert_status(cg_route_to_hosts(route, spikes, &batch, &error), CG_ERROR_INVALID, error,
                  "tick 99 after one at 100");
    spikes = (cg_spikes){events + 5, 1};
    assert_status(cg_route_to_cores(route, 0, spikes, &batch, &error), CG_ERROR_INVALID, error,
                  "tick 101");
    assert_status(cg_route_to_cores(route, 2, spikes, &batch, &error), CG_ERROR_INVALID, error,
                  "host 2 of 2");
    assert_int_equal(batch.counts.deliveries, 2); /* as it was */
    assert_int_equal(cg_route_batch_spikes(&batch, 1).spikes[0].channel, 2);
    cg_route_batch_deinit(&batch);
    cg_route_free(route);
}

static void memory_may_run_out_anywhere(void **state) {
    (void)state;
    static net n;
    cg_stream stream = cg_stream_init(support_seed(33), "test.route.memory", 0);
    while (n.spike_count < 10 || n.synapse_count == 0) {
        draw_net(&n, &stream);
        divide(&n, 8, &stream);
    }
    cg_route_options options = options_of(&n, 4);
    cg_spikes all = {n.spikes, n.spike_count};
    cg_status status = CG_ERROR_MEMORY;
    for (uint64_t fail_at = 1; status != CG_OK; fail_at++) {
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        counting.fail_at = fail_at;
        cg_route *route = NULL;
        cg_route_batch batch;
        cg_route_batch_init(&batch, cg_counting_allocator_view(&counting));
        status = cg_route_alloc(&options, n.synapses, n.synapse_count,
                                cg_counting_allocator_view(&counting), &route, NULL);
        if (status == CG_OK) {
            status = cg_route_to_cores(route, 1, all, &batch, NULL);
            assert_true(status == CG_OK || batch.unit_count == 0);
        }
        assert_true(status == CG_OK || status == CG_ERROR_MEMORY);
        if (status == CG_OK) { /* warm: no more */
            uint64_t calls = counting.calls;
            assert_int_equal(cg_route_to_cores(route, 0, (cg_spikes){0}, &batch, NULL), CG_OK);
            assert_int_equal(cg_route_to_cores(route, 1, all, &batch, NULL), CG_OK);
            assert_int_equal(counting.calls, calls);
        }
        cg_route_batch_deinit(&batch);
        cg_route_free(route);
        assert_int_equal(counting.live_bytes, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_division_is_the_dense_product),
        cmocka_unit_test(drives_have_the_order_of_currents),
        cmocka_unit_test(bad_input_comes_back),
        cmocka_unit_test(memory_may_run_out_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
