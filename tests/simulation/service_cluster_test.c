/* Goal: a cluster with the allocation service keeps its promises under any luck of the network and
 * under more requests than it can take. Safety throughout: what is acknowledged is durable and
 * stays, what is shed leaves nothing and is told so at once, permits and the queue keep their
 * bounds (tests/support/service_cluster.h). After healing: every request has exactly one answer
 * for each time it was sent, nothing holds a permit, a place or a pin, and replicas equal their
 * primaries.
 */
#include "tests/support/service_cluster.h"

enum { RUNS = 150 };

typedef struct totals {
    uint64_t by_status[CG_STATUS_COUNT];
    uint64_t by_kind[CG_REQUEST_KIND_COUNT]; /* acknowledged */
    uint64_t cached;
    uint64_t retries;
    uint64_t duplicates;
    uint64_t waited;
    uint64_t batches;
    uint64_t shed_elsewhere;
    uint64_t cut;
    uint64_t settings;
} totals;

/* Everything that a request took is given back. */
static void assert_at_rest(const service_cluster *self, uint32_t host) {
    const cg_node *node = self->nodes[host];
    cg_admission_statistics load = cg_node_statistics_of(node).admission;
    assert_int_equal(load.running, 0);
    assert_int_equal(load.waiting, 0);
    assert_int_equal(load.withdrawn, 0);
    assert_int_equal(load.run_at_once + load.queued, load.done);
    assert_true(node->statistics.requests + node->work_of_others >= node->statistics.shed);
    assert_int_equal(node->items_open, 0);
    assert_int_equal(node->pending_open, 0);
    assert_int_equal(node->pending_bytes, 0);
    assert_int_equal(cg_table_count(node->open_of), 0);
    assert_int_equal(cg_node_statistics_of(node).pools.slots_pinned, 0);
    assert_int_equal(cg_node_statistics_of(node).messages_refused, 0);
}

/* A fact has a slot, unless it was removed; no two have the same; and the pool has no others. */
static void assert_slots(const cg_space *space) {
    const cg_partition *own = &space->holdings[0].partition;
    uint64_t live = 0;
    uint64_t removals = 0;
    uint64_t last = cg_log_last(own->log);
    for (uint64_t sequence = 1; sequence <= last; sequence++) {
        uint64_t slot = cg_partition_slot(own, sequence);
        uint32_t row = 0;
        removals += !cg_partition_row_of(own, sequence, &row);
        live += slot != CG_SLOT_NONE;
        for (uint64_t other = 1; slot != CG_SLOT_NONE && other < sequence; other++) {
            assert_true(cg_partition_slot(own, other) != slot);
        }
    }
    assert_int_equal(last - 2 * removals, live);
    assert_int_equal(cg_partition_live_facts(own), live);
    assert_int_equal(cg_pools_statistics(own->pools).slots_taken, live);
    assert_int_equal(space->removals, removals);
    assert_int_equal(space->allocations, last - removals);
}

/* What was removed is gone, and what nobody could have removed is there. */
static void assert_removed(const service_cluster *self) {
    for (uint32_t i = 0; i < self->request_count; i++) {
        const sim_check_request *request = &self->requests[i];
        if (request->kind != CG_REQUEST_DEALLOCATE || !request->acknowledged) {
            continue;
        }
        uint32_t home = cg_node_partition_number(request->target & CG_NODE_REQUEST_ID_MAX,
                                                 request->space, self->hosts);
        const cg_node *primary = self->nodes[cg_node_primary_of(home, self->hosts)];
        uint64_t sequence = 0;
        assert_true(cg_node_has_request(primary, home, request->target, &sequence));
        assert_true(cg_partition_slot(&primary->spaces[request->space].holdings[0].partition,
                                      sequence) == CG_SLOT_NONE);
    }
}

static void assert_answered(const service_cluster *self) {
    for (uint32_t i = 0; i < self->request_count; i++) {
        const sim_check_request *request = &self->requests[i];
        const service_request *seen = &self->seen[i];
        assert_int_equal(seen->replies, seen->sent);
        bool patient = self->options.tries > 2;
        if (patient && seen->status == CG_ERROR_TIMEOUT) {
            fail_msg("seed %llu: request %llu timed out after %u tries",
                     (unsigned long long)self->seed, (unsigned long long)request->request_id,
                     self->options.tries);
        }
    }
}

static void add_up(const service_cluster *self, totals *sum) {
    for (int status = 0; status < CG_STATUS_COUNT; status++) {
        sum->by_status[status] += self->by_status[status];
    }
    for (uint32_t i = 0; i < self->request_count; i++) {
        sum->by_kind[self->requests[i].kind] += self->requests[i].acknowledged;
    }
    for (uint32_t host = 0; host < self->hosts; host++) {
        cg_node_statistics statistics = cg_node_statistics_of(self->nodes[host]);
        sum->retries += statistics.retries;
        sum->duplicates += statistics.duplicates;
        sum->waited += statistics.admission.started;
        sum->batches += statistics.batches;
        sum->settings += statistics.settings_changed;
    }
    sum->cached += self->cached;
    sum->cut += sim_fabric_statistics_of(self->fabric).cut;
    sum->shed_elsewhere += self->shed_elsewhere;
}

static void judge(const service_cluster *self) {
    cg_error error = {0};
    uint64_t violations = 0;
    if (self->result.outcome != SIM_OUTCOME_FINISHED) {
        fail_msg("seed %llu: %s with %u replies to %u requests", (unsigned long long)self->seed,
                 sim_outcome_name(self->result.outcome), self->replies, self->deliveries);
    }
    if (service_check(self, true, &violations, &error) != CG_OK) {
        fail_msg("seed %llu: %s", (unsigned long long)self->seed, error.message);
    }
    assert_answered(self);
    assert_removed(self);
    for (uint32_t host = 0; host < self->hosts; host++) {
        assert_at_rest(self, host);
        for (uint32_t space = 0; space < self->options.spaces; space++) {
            assert_slots(&self->nodes[host]->spaces[space]);
        }
    }
}

static void test_promises_under_faults(void **state) {
    (void)state;
    uint64_t first = support_seed(1);
    totals sum = {0};
    for (uint64_t seed = first; seed < first + RUNS; seed++) {
        service_cluster *self = service_run(seed);
        judge(self);
        add_up(self, &sum);
        service_free(self);
    }
    for (int status = 0; status < CG_STATUS_COUNT; status++) {
        print_message("%s %llu, ", cg_status_name((cg_status)status),
                      (unsigned long long)sum.by_status[status]);
    }
    print_message(
        "%llu cached, %llu tries repeated, %llu duplicates, %llu waited, %llu batches, "
        "%llu settings, %llu cut, %llu shed at a primary\n",
        (unsigned long long)sum.cached, (unsigned long long)sum.retries,
        (unsigned long long)sum.duplicates, (unsigned long long)sum.waited,
        (unsigned long long)sum.batches, (unsigned long long)sum.settings,
        (unsigned long long)sum.cut, (unsigned long long)sum.shed_elsewhere);
    /* All of it was really there. */
    for (int kind = 0; kind <= CG_REQUEST_GET; kind++) {
        print_message("%s %llu, ", cg_request_kind_name((cg_request_kind)kind),
                      (unsigned long long)sum.by_kind[kind]);
        assert_true(sum.by_kind[kind] > (kind == CG_REQUEST_GET ? 40 : 150));
    }
    assert_true(sum.by_status[CG_ERROR_OVERLOADED] > 500);
    assert_true(sum.by_status[CG_ERROR_NOT_FOUND] > 100);
    assert_true(sum.by_status[CG_ERROR_PARTIAL] > 20 && sum.by_status[CG_ERROR_FULL] > 20);
    assert_true(sum.by_status[CG_ERROR_TIMEOUT] > 20 && sum.by_status[CG_ERROR_EXISTS] > 20);
    assert_true(sum.cached > 100 && sum.waited > 500 && sum.batches > 100);
    assert_true(sum.retries > 100 && sum.duplicates > 100 && sum.cut > 100);
    assert_true(sum.shed_elsewhere > 30 && sum.by_status[CG_ERROR_CONFLICT] > 5);
}

static void test_runs_repeat(void **state) {
    (void)state;
    uint64_t first = support_seed(500);
    for (uint64_t seed = first; seed < first + 5; seed++) {
        service_cluster *one = service_run(seed);
        service_cluster *two = service_run(seed);
        assert_int_equal(one->result.fingerprint, two->result.fingerprint);
        assert_int_equal(one->result.ended_ns, two->result.ended_ns);
        for (uint32_t number = 0; number < one->hosts * one->options.spaces; number++) {
            uint32_t host = cg_node_primary_of(number, one->hosts);
            assert_true(cg_node_partition(one->nodes[host], number).primary);
            assert_int_equal(cg_node_partition(one->nodes[host], number).hash,
                             cg_node_partition(two->nodes[host], number).hash);
        }
        service_free(one);
        service_free(two);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_promises_under_faults),
        cmocka_unit_test(test_runs_repeat),
    };
    return cmocka_run_group_tests(tests, service_set_up, service_tear_down);
}
