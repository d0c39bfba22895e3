/* Goal: the checker of clusters (sim/check/invariants.h) misses nothing that is said of removals,
 * batches, recalls and shed requests: a sound cluster passes, and each invariant, broken by hand,
 * is named. What is said of allocations and replicas is broken in node_cluster_test.c.
 */
#include "engine/replica/group_internal.h"
#include "tests/support/service_cluster.h"

static bool is_acknowledged(const service_cluster *self, uint32_t i, cg_request_kind kind) {
    return self->requests[i].acknowledged && self->requests[i].kind == kind;
}

/* The nth acknowledged request of a kind, from 0; those of batches have two facts or more. */
static sim_check_request *find(service_cluster *self, cg_request_kind kind, uint32_t nth) {
    for (uint32_t i = 0; i < self->request_count; i++) {
        bool fits = kind != CG_REQUEST_BATCH || self->requests[i].count >= 2;
        if (is_acknowledged(self, i, kind) && fits && nth-- == 0) {
            return &self->requests[i];
        }
    }
    return NULL;
}

/* Another removal of the same partition. */
static sim_check_request *find_beside(service_cluster *self, const sim_check_request *removal) {
    sim_check_request *other = NULL;
    for (uint32_t nth = 1; (other = find(self, CG_REQUEST_DEALLOCATE, nth)); nth++) {
        if (other->host == removal->host && other->space == removal->space) {
            return other;
        }
    }
    return NULL;
}

static sim_check_request *find_shed(service_cluster *self) {
    for (uint32_t i = 0; i < self->request_count; i++) {
        if (self->requests[i].shed && self->requests[i].kind == CG_REQUEST_ALLOCATE) {
            return &self->requests[i];
        }
    }
    return NULL;
}

/* A run that has of everything, and at its end is sound. */
static service_cluster *sound_cluster(uint64_t first) {
    for (uint64_t seed = first;; seed++) {
        service_cluster *self = service_run(seed);
        if (self->options.replicas && self->options.spaces > 1 &&
            find(self, CG_REQUEST_ALLOCATE, 1) && find(self, CG_REQUEST_BATCH, 0) &&
            find(self, CG_REQUEST_DEALLOCATE, 0) &&
            find_beside(self, find(self, CG_REQUEST_DEALLOCATE, 0)) &&
            find(self, CG_REQUEST_RECALL, 0) && find_shed(self)) {
            cg_error error = {0};
            uint64_t violations = 1;
            assert_int_equal(self->result.outcome, SIM_OUTCOME_FINISHED);
            assert_ok(service_check(self, true, &violations, &error), error);
            assert_int_equal(violations, 0);
            return self;
        }
        service_free(self);
    }
}

static void assert_found(const service_cluster *self, uint64_t expected, const char *sentence) {
    cg_error error = {0};
    uint64_t violations = 0;
    assert_status(service_check(self, true, &violations, &error), CG_ERROR_CORRUPT, error,
                  sentence);
    assert_int_equal(violations, expected);
}

static void assert_sound(const service_cluster *self) {
    cg_error error = {0};
    uint64_t violations = 1;
    assert_ok(service_check(self, true, &violations, &error), error);
    assert_int_equal(violations, 0);
}

static void break_removals(service_cluster *self) {
    sim_check_request *removal = find(self, CG_REQUEST_DEALLOCATE, 0);
    sim_check_request *other = find_beside(self, removal);
    const sim_check_request kept = *removal;
    assert_true(kept.fact_id != other->fact_id);
    removal->fact_id ^= UINT64_C(1) << 20;
    assert_found(self, 1, "but was answered fact");
    *removal = kept;
    removal->host = (removal->host + 1) % self->hosts;
    assert_found(self, 1, "but was answered fact");
    *removal = kept;
    /* It answers for a fact that another one removed. */
    removal->fact_id = other->fact_id;
    assert_found(self, 2, "but was answered fact");
    *removal = kept;
    /* Both name one fact as theirs; the records of their partition are as many as ever. */
    *removal = *other;
    assert_found(self, 1, "have both removed fact");
    *removal = kept;
    /* Acknowledged, and never logged. */
    removal->request_id |= UINT64_C(1) << 47;
    assert_found(self, 2, "has 0 durable records of 1 in partition");
    *removal = kept;
    /* The removal of a fact that is nowhere. */
    removal->target = (UINT64_C(1) << 47) + 1;
    cg_error error = {0};
    uint64_t violations = 0;
    assert_status(service_check(self, true, &violations, &error), CG_ERROR_CORRUPT, error,
                  "request");
    *removal = kept;
    removal->shed = true;
    removal->acknowledged = false;
    assert_found(self, 1, "was shed, but is record");
    *removal = kept;
}

static void break_batches(service_cluster *self) {
    sim_check_request *batch = find(self, CG_REQUEST_BATCH, 0);
    const sim_check_request *single = find(self, CG_REQUEST_ALLOCATE, 0);
    const sim_check_request kept = *batch;
    batch->count++;
    assert_found(self, 1, "durable records of");
    batch->count = kept.count - 1;
    assert_found(self, 1, "durable records of");
    *batch = kept;
    batch->fact_id++;
    assert_found(self, 1, "was answered fact");
    *batch = kept;
    batch->host = single->host;
    batch->slot = single->slot;
    cg_error error = {0};
    uint64_t violations = 0;
    assert_int_equal(service_check(self, true, &violations, &error), CG_ERROR_CORRUPT);
    *batch = kept;
    batch->acknowledged = false;
    batch->shed = true;
    assert_found(self, 1, "was shed, but is record");
    *batch = kept;
    /* All of its records are somebody's. */
    batch->kind = CG_REQUEST_ALLOCATE;
    assert_found(self, 1, "durable records for");
    *batch = kept;
}

/* The same slot of one partition, for facts that are, or were, there. */
static void break_slots(service_cluster *self) {
    for (uint32_t i = 0; i < self->request_count; i++) {
        sim_check_request *one = &self->requests[i];
        for (uint32_t j = 0; j < i && is_acknowledged(self, i, CG_REQUEST_ALLOCATE); j++) {
            sim_check_request *two = &self->requests[j];
            bool stores = is_acknowledged(self, j, CG_REQUEST_ALLOCATE) ||
                          is_acknowledged(self, j, CG_REQUEST_BATCH);
            if (stores && one->host == two->host && one->space == two->space) {
                uint64_t kept = one->slot;
                one->slot = two->slot;
                assert_found(self, 1, "share slot");
                one->slot = kept;
            }
        }
    }
}

/* Records that lie in another memory space than the request's are nobody's. */
static void break_spaces(service_cluster *self) {
    static const cg_request_kind kinds[] = {CG_REQUEST_ALLOCATE, CG_REQUEST_BATCH,
                                            CG_REQUEST_DEALLOCATE};
    for (int k = 0; k < 3; k++) {
        sim_check_request *request = find(self, kinds[k], 0);
        uint32_t kept = request->space;
        request->space = (kept + 1) % self->options.spaces;
        cg_error error = {0};
        uint64_t violations = 0; /* a third where a fact there has the same slot */
        assert_status(service_check(self, true, &violations, &error), CG_ERROR_CORRUPT, error,
                      "has 0 durable records of");
        assert_true(violations >= 2);
        request->space = kept;
    }
}

static void test_each_invariant(void **state) {
    (void)state;
    service_cluster *self = sound_cluster(support_seed(1000));
    break_removals(self);
    break_batches(self);
    break_slots(self);
    break_spaces(self);
    /* Somebody was told that he was shed, and was not. */
    sim_check_request *stored = find(self, CG_REQUEST_ALLOCATE, 0);
    stored->acknowledged = false;
    stored->shed = true;
    assert_found(self, 1, "was shed, but is record");
    stored->acknowledged = true;
    stored->shed = false;
    /* ... or the other way round. */
    sim_check_request *shed = find_shed(self);
    shed->acknowledged = true;
    assert_found(self, 1, "has 0 durable records of 1 in partition");
    shed->acknowledged = false;
    /* A replica that acknowledged what it does not have. */
    cg_group *replica = self->nodes[1]->spaces[0].holdings[1].group;
    assert_true(replica->durable > 0);
    replica->durable--;
    cg_error error = {0};
    uint64_t violations = 0;
    assert_status(service_check(self, false, &violations, &error), CG_ERROR_CORRUPT, error,
                  "is durable up to record");
    assert_int_equal(violations, 1);
    replica->durable++;
    /* Recalls promise no record, whatever their answer says. */
    sim_check_request *recall = find(self, CG_REQUEST_RECALL, 0);
    recall->fact_id = stored->fact_id;
    recall->slot = stored->slot;
    recall->host = stored->host;
    recall->count += 7;
    assert_sound(self);
    service_free(self);
}

/* Goal: a record of a removal or of a batch that no request is for is found. */
static void test_records_of_nobody(void **state) {
    (void)state;
    service_cluster *self = sound_cluster(support_seed(1100));
    static const cg_request_kind kinds[] = {CG_REQUEST_DEALLOCATE, CG_REQUEST_BATCH};
    for (int k = 0; k < 2; k++) {
        sim_check_request *request = find(self, kinds[k], 0);
        const sim_check_request kept = *request;
        *request = (sim_check_request){.request_id = UINT64_C(1) << 46};
        assert_found(self, 1, "durable records for");
        *request = kept;
    }
    assert_sound(self);
    service_free(self);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_invariant),
        cmocka_unit_test(test_records_of_nobody),
    };
    return cmocka_run_group_tests(tests, service_set_up, service_tear_down);
}
