/* Goal: a naive cluster that keeps its promises, under random harms, is never accused, and what it
 * loses is excused and counted exactly; and each bug that can be built into it is found. */
#include "sim/check/guarantees.h"

#include <stdio.h>

#include "tests/support/histories.h"

enum { HOSTS_MAX = 5, KEYS = 24, CASES = 1500, BUG_CASES = 1000, BOUND_NS = 200 };

typedef enum bug {
    NO_BUG,
    QUORUM_ACKNOWLEDGED_EARLY,
    PRIMARY_ALONE_DECIDES, /* what replicas have is ignored when the cluster converges */
    FACT_FORGOTTEN,
    APPLIED_TWICE,
    TOMBSTONE_FORGOTTEN,
    VALUE_ALTERED,
    REPLICA_STALE,
    REFUSED_BUT_APPLIED,
    WRONG_FACT_REMOVED,
    FACT_ID_USED_AGAIN,
    ANSWER_LATE,
    BUG_COUNT
} bug;

/* What a host has of a key; times are 0 where it has nothing. */
typedef struct copy {
    uint64_t fact_since;
    uint64_t removed_since;
    uint64_t value;
    uint32_t copies;
} copy;

typedef struct cluster {
    bug bug;
    cg_stream stream;
    uint32_t hosts;
    uint64_t now_ns;
    uint64_t next_id;
    copy at[KEYS][HOSTS_MAX];
    uint64_t arrives[KEYS][2][HOSTS_MAX]; /* fact, removal: on its way, due then; 0: nothing */
    sim_holder stays[KEYS][2][SIM_HOLDERS_MAX];
    uint32_t stay_count[KEYS][2];
    sim_harm harms[8];
    uint32_t harm_count;
    sim_operation fact[KEYS];    /* its allocation; id 0: none */
    sim_operation removal[KEYS]; /* likewise */
    sim_history *history;
} cluster;

static uint64_t below(cluster *all, uint64_t n) {
    return cg_stream_next_below(&all->stream, n);
}

static uint32_t primary_of(const cluster *all, uint64_t key) {
    CG_ASSERT(all->hosts > 0);
    return (uint32_t)(key % all->hosts);
}

static void arrive(cluster *all, uint64_t key, int removal, uint32_t host) {
    copy *here = &all->at[key][host];
    uint64_t *since = removal ? &here->removed_since : &here->fact_since;
    all->arrives[key][removal][host] = 0;
    if (*since != 0) {
        return;
    }
    *since = all->now_ns;
    if (!removal) {
        here->value = all->fact[key].value;
        here->copies = all->bug == APPLIED_TWICE && below(all, 20) == 0 ? 2 : 1;
    }
    all->stays[key][removal][all->stay_count[key][removal]++] =
        (sim_holder){.since_ns = all->now_ns, .host = host};
}

/* A nanosecond passes: records arrive whose sender, the primary, still has them. */
static void pass(cluster *all) {
    all->now_ns++;
    for (uint64_t key = 0; key < KEYS; ++key) {
        const copy *from = &all->at[key][primary_of(all, key)];
        for (int removal = 0; removal < 2; ++removal) {
            for (uint32_t host = 0; host < all->hosts; ++host) {
                uint64_t due = all->arrives[key][removal][host];
                if (due != 0 && due <= all->now_ns &&
                    (removal ? from->removed_since : from->fact_since) != 0) {
                    arrive(all, key, removal, host);
                }
            }
        }
    }
}

/* The record becomes durable at the primary, then elsewhere: at as many hosts as the mode asks for
 * before the answer, at some of the others later. */
static void store(cluster *all, uint64_t key, int removal, sim_mode mode) {
    uint32_t primary = primary_of(all, key);
    uint32_t before = mode == SIM_MODE_ALL      ? all->hosts
                      : mode == SIM_MODE_QUORUM ? all->hosts / 2 + 1
                                                : 1;
    if (all->bug == QUORUM_ACKNOWLEDGED_EARLY && mode == SIM_MODE_QUORUM) {
        before = 1;
    }
    pass(all);
    for (uint32_t i = 0; i < all->hosts; ++i) {
        uint32_t host = (primary + i) % all->hosts;
        if (i < before) {
            arrive(all, key, removal, host);
        } else {
            all->arrives[key][removal][host] = all->now_ns + 1 + below(all, 30);
        }
    }
}

static sim_operation ask(cluster *all, sim_operation_kind kind, uint64_t key) {
    sim_operation operation = history_ok(kind, ++all->next_id, key, 0, all->now_ns, 0);
    operation.host_asked = operation.host_answered = primary_of(all, key);
    operation.acknowledge = (sim_mode)(SIM_MODE_PRIMARY + below(all, 3));
    return operation;
}

static void answer(cluster *all, sim_operation *operation) {
    pass(all);
    if (all->bug == ANSWER_LATE && below(all, 30) == 0) {
        all->now_ns += BOUND_NS + 1;
    }
    operation->complete_ns = all->now_ns;
    history_put(all->history, *operation);
}

static void allocate(cluster *all, uint64_t key) {
    sim_operation operation = ask(all, SIM_OPERATION_ALLOCATE, key);
    uint64_t fate = below(all, 10);
    operation = history_value(operation, 1000 + key);
    operation.fact_id = operation.value;
    if (all->bug == FACT_ID_USED_AGAIN && all->harm_count > 0) {
        operation.fact_id = 1000 + key / 2;
    }
    all->fact[key] = operation;
    if (fate == 0) { /* shed */
        if (all->bug == REFUSED_BUT_APPLIED) {
            store(all, key, 0, operation.acknowledge);
        }
        operation = history_failed(operation, CG_ERROR_OVERLOADED);
    } else if (fate <= 2) { /* a timeout; applied or not */
        if (fate == 1) {
            store(all, key, 0, operation.acknowledge);
        }
        operation = history_unknown(operation);
    } else {
        store(all, key, 0, operation.acknowledge);
    }
    answer(all, &operation);
    all->fact[key] = operation;
}

static void deallocate(cluster *all, uint64_t key) {
    sim_operation operation = ask(all, SIM_OPERATION_DEALLOCATE, key);
    if (all->removal[key].id != 0 || all->at[key][primary_of(all, key)].fact_since == 0) {
        operation = history_failed(operation, CG_ERROR_NOT_FOUND);
    } else {
        uint64_t hit = all->bug == WRONG_FACT_REMOVED && below(all, 4) == 0 && key > 0 &&
                               all->at[key - 1][primary_of(all, key - 1)].fact_since != 0
                           ? key - 1
                           : key;
        store(all, hit, 1, operation.acknowledge);
        operation = below(all, 5) == 0 ? history_unknown(operation) : operation;
        all->removal[key] = operation;
    }
    answer(all, &operation);
    if (all->removal[key].id == operation.id) {
        all->removal[key] = operation;
    }
}

/* A host loses all that it has, and what it was sending. */
static void harm(cluster *all) {
    uint32_t host = (uint32_t)below(all, all->hosts);
    if (all->harm_count == 8) {
        return;
    }
    pass(all);
    all->harms[all->harm_count++] =
        (sim_harm){.at_ns = all->now_ns,
                   .host = host,
                   .kind = below(all, 2) ? SIM_HARM_DISK_LOST : SIM_HARM_JOURNAL_CORRUPT};
    for (uint64_t key = 0; key < KEYS; ++key) {
        all->at[key][host] = (copy){0};
    }
    pass(all);
}

/* All members get what any member has. */
static void converge(cluster *all) {
    for (uint64_t key = 0; key < KEYS; ++key) {
        copy whole = {0};
        uint32_t primary = primary_of(all, key);
        for (uint32_t host = 0; host < all->hosts; ++host) {
            const copy *here = &all->at[key][host];
            if (all->bug == PRIMARY_ALONE_DECIDES && host != primary) {
                continue;
            }
            whole.copies = here->copies > whole.copies ? here->copies : whole.copies;
            whole.fact_since |= here->fact_since;
            whole.removed_since |= here->removed_since;
        }
        whole.value = 1000 + key + (all->bug == VALUE_ALTERED && below(all, 40) == 0);
        if (all->bug == FACT_FORGOTTEN && below(all, 40) == 0) {
            whole = (copy){0};
        }
        if (all->bug == TOMBSTONE_FORGOTTEN && below(all, 4) == 0) {
            whole.removed_since = 0;
        }
        bool stale = all->bug == REPLICA_STALE && below(all, 20) == 0;
        for (uint32_t host = 0; host < all->hosts; ++host) {
            if (!stale || host == primary) {
                all->at[key][host] = whole;
            }
        }
    }
}

static uint32_t members(void *context, uint64_t key, const sim_operation *operation,
                        uint32_t hosts[SIM_MEMBERS_MAX]) {
    const cluster *all = context;
    (void)operation;
    for (uint32_t i = 0; i < all->hosts; ++i) {
        hosts[i] = (primary_of(all, key) + i) % all->hosts;
    }
    return all->hosts;
}

static sim_final_fact look(void *context, uint64_t key, const sim_operation *operation,
                           uint32_t host) {
    const cluster *all = context;
    const copy *here = &all->at[key][host];
    (void)operation;
    return (sim_final_fact){.presence = here->removed_since != 0 ? SIM_PRESENCE_REMOVED
                                        : here->fact_since != 0  ? SIM_PRESENCE_PRESENT
                                                                 : SIM_PRESENCE_ABSENT,
                            .value = here->value,
                            .copies = here->copies,
                            .has_value = true};
}

static uint32_t holders(void *context, uint64_t key, const sim_operation *operation,
                        sim_holder out[SIM_HOLDERS_MAX]) {
    const cluster *all = context;
    int removal = operation->kind == SIM_OPERATION_DEALLOCATE;
    for (uint32_t i = 0; i < all->stay_count[key][removal]; ++i) {
        out[i] = all->stays[key][removal][i];
    }
    return all->stay_count[key][removal];
}

/* Acknowledged records that are not there in the end, by what the cluster itself knows. */
static uint64_t count_lost(const cluster *all) {
    uint64_t lost = 0;
    for (uint64_t key = 0; key < KEYS; ++key) {
        const copy *final = &all->at[key][primary_of(all, key)];
        bool removal = all->removal[key].id != 0;
        lost += all->fact[key].outcome == SIM_EFFECT_OK && !removal && final->fact_since == 0;
        lost += removal && all->removal[key].outcome == SIM_EFFECT_OK &&
                final->removed_since == 0 && final->fact_since != 0;
    }
    return lost;
}

static cg_status run(cluster *all, uint64_t seed, uint64_t number, bug with,
                     sim_guarantee_report *report, cg_error *error) {
    *all = (cluster){.bug = with,
                     .stream = cg_stream_init(seed, "guarantees", number),
                     .history = history_new()};
    all->hosts = 2 + (uint32_t)below(all, HOSTS_MAX - 1);
    uint64_t harms = below(all, 4);
    for (uint64_t key = 0; key < KEYS; ++key) {
        allocate(all, key);
        if (key > 2 && below(all, 3) == 0) {
            deallocate(all, below(all, key));
        }
        if (harms > 0 && below(all, 8) == 0) {
            harms--;
            harm(all);
        }
        for (uint64_t wait = below(all, 12); wait > 0; --wait) {
            pass(all);
        }
    }
    converge(all);
    sim_final_state state = {
        .context = all, .members = members, .look = look, .holders = holders};
    sim_guarantee_options options = {.harms = all->harms,
                                     .harm_count = all->harm_count,
                                     .settled = true,
                                     .end_ns = all->now_ns,
                                     .within_ns = BOUND_NS};
    cg_status status = sim_check_guarantees(cg_allocator_heap(), all->history, &state, &options,
                                            report, error);
    sim_history_free(all->history);
    return status;
}

static void kept_promises_are_never_accused(void **state) {
    (void)state;
    uint64_t seed = support_seed(20260710);
    uint64_t excused[SIM_MODE_COUNT] = {0};
    uint64_t beyond = 0;
    for (uint64_t number = 0; number < CASES; ++number) {
        cluster all;
        sim_guarantee_report report = {0};
        cg_error error = {0};
        cg_status status = run(&all, seed, number, NO_BUG, &report, &error);
        if (status != CG_OK) {
            fail_msg("case %llu: %s", (unsigned long long)number, error.message);
        }
        uint64_t lost = 0;
        for (int mode = 0; mode < SIM_MODE_COUNT; ++mode) {
            lost += report.modes[mode].lost_in_window + report.modes[mode].lost_beyond;
            excused[mode] += report.modes[mode].lost_in_window;
            beyond += report.modes[mode].lost_beyond;
        }
        assert_int_equal(lost, count_lost(&all));
    }
    (void)fprintf(stderr, "%llu in the window, %llu beyond what is tolerated\n",
                  (unsigned long long)excused[SIM_MODE_PRIMARY], (unsigned long long)beyond);
    assert_true(excused[SIM_MODE_PRIMARY] > 100 && beyond > 10);
    assert_int_equal(excused[SIM_MODE_QUORUM] + excused[SIM_MODE_ALL], 0);
}

static void each_bug_is_found(void **state) {
    (void)state;
    uint64_t seed = support_seed(20260711);
    for (int with = NO_BUG + 1; with < BUG_COUNT; ++with) {
        uint64_t number = 0;
        for (; number < BUG_CASES; ++number) {
            cluster all;
            sim_guarantee_report report = {0};
            cg_error error = {0};
            cg_status status = run(&all, seed, number, (bug)with, &report, &error);
            if (status == CG_ERROR_CORRUPT) {
                (void)fprintf(stderr, "bug %d in case %llu: %s\n", with,
                              (unsigned long long)number, error.message);
                break;
            }
            assert_ok(status, error);
        }
        if (number == BUG_CASES) {
            fail_msg("bug %d was not found in %d cases", with, BUG_CASES);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_promises_are_never_accused),
        cmocka_unit_test(each_bug_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
