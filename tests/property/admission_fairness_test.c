/* Goal: clients of admission share as P. Goyal, H. Vin and H. Cheng, "Start-time Fair
 * Queueing", SIGCOMM 1996, says: the order is that of the paper's tags, and theorem 1 holds.
 */
#include <string.h>

#include "engine/service/admission.h"
#include "tests/support/support.h"

enum { CLIENTS = 6, QUEUE_MAX = 64, PERMITS = 2 };

static cg_admission *make(uint32_t permits, uint32_t queue_max) {
    cg_admission_options options = cg_admission_options_default();
    options.permits = permits;
    options.queue_max = queue_max;
    options.age_ns = CG_ADMISSION_AGE_NS_MAX;
    cg_error error = {0};
    cg_admission *admission = NULL;
    assert_ok(cg_admission_alloc(&options, cg_allocator_heap(), &admission, &error), error);
    return admission;
}

static cg_admission_verdict offer(cg_admission *admission, cg_ticket ticket) {
    cg_error error = {0};
    cg_admission_verdict verdict = CG_ADMISSION_SHED;
    assert_ok(cg_admission_offer(admission, &ticket, 0, &verdict, &error), error);
    return verdict;
}

/* The paper's server: tags are given on arrival, and the list is in the order of arrival. */
typedef struct paper {
    struct {
        uint64_t id;
        uint64_t start;
    } list[QUEUE_MAX];
    uint32_t count;
    uint64_t finish[CLIENTS];
    uint64_t virtual_time;
    uint64_t running;
    uint64_t started;
} paper;

static void paper_offer(paper *model, cg_admission *admission, cg_ticket ticket) {
    cg_admission_verdict verdict = offer(admission, ticket);
    assert_int_equal(verdict == CG_ADMISSION_SHED,
                     model->running == PERMITS && model->count == QUEUE_MAX);
    if (verdict == CG_ADMISSION_SHED) {
        return;
    }
    uint64_t *finish = &model->finish[ticket.client];
    uint64_t start = *finish > model->virtual_time ? *finish : model->virtual_time;
    *finish = start + ticket.cost;
    assert_int_equal(verdict == CG_ADMISSION_RUN, model->running < PERMITS);
    if (verdict == CG_ADMISSION_RUN) {
        model->virtual_time = start;
        model->running++;
    } else {
        model->list[model->count].id = ticket.id;
        model->list[model->count++].start = start;
    }
}

static void paper_done(paper *model, cg_admission *admission) {
    cg_admission_done(admission, 0, 1);
    model->running--;
    uint64_t id = 0;
    assert_int_equal(cg_admission_next(admission, 0, &id), model->count > 0);
    if (model->count > 0) {
        uint32_t best = 0;
        for (uint32_t i = 1; i < model->count; i++) {
            best = model->list[i].start < model->list[best].start ? i : best;
        }
        assert_int_equal(id, model->list[best].id);
        model->virtual_time = model->list[best].start;
        model->running++;
        model->started++;
        model->count--;
        memmove(&model->list[best], &model->list[best + 1],
                (model->count - best) * sizeof model->list[0]);
    }
    /* The end of a busy period: virtual time is the largest finish tag. */
    for (uint32_t c = 0; c < CLIENTS && model->running == 0; c++) {
        model->virtual_time =
            model->finish[c] > model->virtual_time ? model->finish[c] : model->virtual_time;
    }
}

/* Goal: one priority, nobody withdraws: the order is the paper's. */
static void test_order_of_the_paper(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(12), "test.admission.paper", 0);
    paper model = {0};
    cg_admission *admission = make(PERMITS, QUEUE_MAX);
    for (uint64_t i = 0; i < 40000; i++) {
        if (cg_stream_next_below(&stream, 100) < ((i / 300) % 2 ? 40 : 60)) {
            cg_ticket ticket = {i, (uint32_t)cg_stream_next_below(&stream, CLIENTS),
                                1 + (uint32_t)cg_stream_next_below(&stream, 30),
                                CG_PRIORITY_URGENT};
            paper_offer(&model, admission, ticket);
        } else if (model.running > 0) {
            paper_done(&model, admission);
        }
    }
    assert_true(model.started > 5000);
    cg_admission_free(admission);
}

/* Clients 0 and 1 always wait; theirs is all that is measured. */
typedef struct share {
    uint64_t waiting;
    uint64_t cost_most; /* drawn up to here */
    uint64_t cost_max;  /* drawn */
    uint64_t served;
} share;

typedef struct contest {
    cg_admission *admission;
    cg_stream stream;
    share shares[2];
    uint64_t next_id;
    uint32_t costs[20000]; /* by id / 8 */
} contest;

static contest run; /* 80 KiB: not for the stack */

static cg_admission_verdict contest_offer(uint32_t client, uint64_t cost_most, uint64_t *id) {
    cg_ticket ticket = {run.next_id * 8 + client, client,
                        1 + (uint32_t)cg_stream_next_below(&run.stream, cost_most),
                        CG_PRIORITY_NORMAL};
    assert_true(run.next_id < 20000);
    run.costs[run.next_id++] = ticket.cost;
    *id = ticket.id;
    return offer(run.admission, ticket);
}

/* Three of each wait then; now and then the third goes away again. */
static void top_up(uint32_t client) {
    share *its = &run.shares[client];
    while (its->waiting < 3) {
        uint64_t id = 0;
        if (contest_offer(client, its->cost_most, &id) == CG_ADMISSION_RUN) {
            continue; /* before the first wait */
        }
        uint32_t cost = run.costs[id / 8];
        its->cost_max = cost > its->cost_max ? cost : its->cost_max;
        its->waiting++;
        if (its->waiting == 3 && cg_stream_next_below(&run.stream, 8) == 0) {
            assert_true(cg_admission_withdraw(run.admission, id));
            its->waiting--;
        }
    }
}

/* Theorem 1 over every interval of one run; the widest difference in percent of the bound. */
static uint64_t check_theorem(cg_stream stream) {
    memset(&run, 0, sizeof run);
    run.stream = stream;
    uint32_t permits = 1 + (uint32_t)cg_stream_next_below(&run.stream, 4);
    run.admission = make(permits, 1024);
    run.shares[0].cost_most = 1 + cg_stream_next_below(&run.stream, 50);
    run.shares[1].cost_most = 1 + cg_stream_next_below(&run.stream, 50);
    int64_t lowest = 0;
    int64_t highest = 0;
    uint64_t id = 0;
    for (uint32_t i = 0; i < 1500; i++) {
        top_up(0);
        top_up(1);
        for (uint64_t other = cg_stream_next_below(&run.stream, 4); other > 0; other--) {
            contest_offer(1 + (uint32_t)other, 80, &id);
        }
        cg_admission_done(run.admission, 0, 1);
        assert_true(cg_admission_next(run.admission, 0, &id));
        if (id % 8 < 2) {
            run.shares[id % 8].waiting--;
            run.shares[id % 8].served += run.costs[id / 8];
            int64_t difference = (int64_t)(run.shares[0].served - run.shares[1].served);
            lowest = difference < lowest ? difference : lowest;
            highest = difference > highest ? difference : highest;
        }
    }
    cg_admission_free(run.admission);
    uint64_t bound = run.shares[0].cost_max + run.shares[1].cost_max;
    assert_true(run.shares[0].served > 5 * bound && run.shares[1].served > 5 * bound);
    /* Every interval's difference is that of two of its ends. */
    if ((uint64_t)(highest - lowest) > bound) {
        fail_msg("difference %lld..%lld is wider than %llu", (long long)lowest,
                 (long long)highest, (unsigned long long)bound);
    }
    return (uint64_t)(highest - lowest) * 100 / bound;
}

/* Goal: theorem 1 of the paper, while others come and go and some of the two's requests are
 * withdrawn. */
static void test_fairness_bound(void **state) {
    (void)state;
    uint64_t seed = support_seed(13);
    uint64_t widest = 0;
    for (uint64_t i = 0; i < 200; i++) {
        uint64_t percent = check_theorem(cg_stream_init(seed, "test.admission.fair", i));
        widest = percent > widest ? percent : widest;
    }
    print_message("widest difference: %u%% of the bound\n", (unsigned)widest);
    assert_true(widest > 75); /* the bound is tight, so the test can fail */
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_order_of_the_paper),
                                       cmocka_unit_test(test_fairness_bound)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
