/* Admission: see admission.h for what it promises, and the proof that nobody starves.
 *
 * Idea: fair.h keeps one fair queue a priority, and a second heap has all that wait by the time
 * at which they become overdue, which is fixed when they come. Of one client and priority the
 * first to be overdue is the first that came, so who is taken for being overdue is always the
 * first of his flow, and fair queueing charges him like any other.
 *
 * Invariants: running <= the permits there were when the last one was given; the due heap has
 * exactly the entries of the fair queues; ids maps exactly their ids.
 *
 * The mean service time is the smoothed estimate of V. Jacobson, "Congestion Avoidance and
 * Control", SIGCOMM 1988, appendix A, kept eightfold: 8m += sample - (8m) / 8.
 */
#include "engine/service/admission.h"

#include "engine/service/fair.h"

enum {
    IDLE_FLOWS_LEAST = 16, /* of finish tags kept a priority, beyond a quarter of the queue */
    MEAN_SHIFT = 3,
};
/* (2^20 + 2^16 + 1) * 2^42 is below 2^63: no forecast overflows. */
#define SERVICE_NS_MAX (UINT64_C(1) << 42)
#define TIME_NS_MAX    (UINT64_MAX / 2)

struct cg_admission {
    cg_allocator allocator;
    cg_admission_options options;
    cg_fair fair;
    cg_table *ids; /* id -> entry */
    cg_turns due;  /* entries by (time of becoming overdue, sequence) */
    uint32_t *due_positions;
    size_t due_position_capacity;
    uint64_t clock_ns; /* the latest time seen */
    uint64_t sequence; /* of the next that waits */
    uint32_t in_order; /* grants since the last to the first overdue; at most EVERY - 1 count */
    bool has_mean;
    uint64_t mean_scaled_ns; /* mean service time << MEAN_SHIFT */
    cg_admission_statistics statistics;
};

static const char *const PRIORITY_NAMES[CG_PRIORITY_COUNT] = {"low", "normal", "high",
                                                              "urgent"};

const char *cg_priority_name(cg_priority priority) {
    return (unsigned)priority < CG_PRIORITY_COUNT ? PRIORITY_NAMES[priority] : NULL;
}

cg_admission_options cg_admission_options_default(void) {
    return (cg_admission_options){
        .permits = 64,
        .queue_max = 1024,
        .age_ns = UINT64_C(1000000000),
        .share_percent = {70, 85, 95, 100},
    };
}

static cg_status check_permits(uint32_t permits, cg_error *error) {
    if (permits < 1 || permits > CG_ADMISSION_PERMITS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID, "permits is %u, not in 1..%d", permits,
                            CG_ADMISSION_PERMITS_MAX);
    }
    return CG_OK;
}

static cg_status check_options(const cg_admission_options *options, cg_error *error) {
    cg_status status = check_permits(options->permits, error);
    if (status != CG_OK) {
        return status;
    }
    if (options->queue_max > CG_ADMISSION_QUEUE_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID, "queue_max is %u, not in 0..%d",
                            options->queue_max, CG_ADMISSION_QUEUE_MAX);
    }
    if (options->age_ns < 1 || options->age_ns > CG_ADMISSION_AGE_NS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID, "age_ns is %llu, not in 1..%llu",
                            (unsigned long long)options->age_ns,
                            (unsigned long long)CG_ADMISSION_AGE_NS_MAX);
    }
    uint32_t below = 0;
    for (uint32_t p = 0; p < CG_PRIORITY_COUNT; p++) {
        uint32_t share = options->share_percent[p];
        uint32_t least = p == CG_PRIORITY_URGENT ? 100 : below;
        if (share < least || share > 100) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "share_percent of priority %s is %u, not in %u..100",
                                PRIORITY_NAMES[p], share, least);
        }
        below = share;
    }
    return CG_OK;
}

cg_status cg_admission_alloc(const cg_admission_options *options, cg_allocator allocator,
                             cg_admission **out, cg_error *error) {
    cg_status status = check_options(options, error);
    if (status != CG_OK) {
        return status;
    }
    cg_admission *made = cg_allocate(&allocator, 1, sizeof *made);
    if (!made) {
        return cg_error_set(error, CG_ERROR_MEMORY, "out of memory for admission");
    }
    made->allocator = allocator;
    made->options = *options;
    made->statistics.permits = options->permits;
    status =
        cg_fair_init(&made->fair, options->queue_max / 4 + IDLE_FLOWS_LEAST, allocator, error);
    if (status == CG_OK) {
        status = cg_table_alloc(allocator, &made->ids, error);
    }
    if (status != CG_OK) {
        cg_admission_free(made);
        return status;
    }
    *out = made;
    return CG_OK;
}

void cg_admission_free(cg_admission *admission) {
    if (admission) {
        cg_allocator allocator = admission->allocator;
        cg_fair_deinit(&admission->fair);
        cg_table_free(admission->ids);
        cg_turns_deinit(&admission->due, &allocator);
        cg_deallocate(&allocator, admission->due_positions, admission->due_position_capacity,
                      sizeof *admission->due_positions);
        cg_deallocate(&allocator, admission, 1, sizeof *admission);
    }
}

static uint64_t latest(const cg_admission *admission, uint64_t now_ns) {
    uint64_t now = now_ns < TIME_NS_MAX ? now_ns : TIME_NS_MAX;
    return now > admission->clock_ns ? now : admission->clock_ns;
}

static bool runs_at_once(const cg_admission *admission) {
    return admission->statistics.running < admission->statistics.permits &&
           admission->statistics.waiting == 0;
}

/* The wait of a request with `ahead` others before it. */
static uint64_t forecast(const cg_admission *admission, uint64_t ahead) {
    uint64_t running = admission->statistics.running;
    uint64_t permits = admission->statistics.permits;
    uint64_t done_before = ahead + 1 + (running > permits ? running - permits : 0);
    return done_before * (admission->mean_scaled_ns >> MEAN_SHIFT) / permits;
}

static uint64_t waiting_above(const cg_admission *admission, cg_priority priority) {
    uint64_t above = 0;
    for (uint32_t p = (uint32_t)priority + 1; p < CG_PRIORITY_COUNT; p++) {
        above += admission->fair.levels[p].waiting;
    }
    return above;
}

uint64_t cg_admission_wait_forecast_ns(const cg_admission *admission, cg_priority priority) {
    CG_ASSERT((unsigned)priority < CG_PRIORITY_COUNT);
    if (runs_at_once(admission)) {
        return 0;
    }
    return forecast(admission, waiting_above(admission, priority) +
                                   admission->fair.levels[priority].waiting);
}

uint64_t cg_admission_client_forecast_ns(const cg_admission *admission, cg_priority priority,
                                         uint32_t client) {
    CG_ASSERT((unsigned)priority < CG_PRIORITY_COUNT);
    if (runs_at_once(admission)) {
        return 0;
    }
    const cg_fair_level *level = &admission->fair.levels[priority];
    uint64_t own = cg_fair_waiting(&admission->fair, priority, client);
    uint64_t others = level->backlogged.count - (own > 0);
    uint64_t fair = own + (own + 1) * others;
    uint64_t ahead = fair < level->waiting ? fair : level->waiting;
    return forecast(admission, waiting_above(admission, priority) + ahead);
}

/* The count of those shed that a request belongs to, or NULL: it may wait. */
static uint64_t *shed_reason(cg_admission *admission, const cg_ticket *ticket) {
    const cg_admission_options *options = &admission->options;
    cg_admission_statistics *statistics = &admission->statistics;
    uint64_t places =
        (uint64_t)options->queue_max * options->share_percent[ticket->priority] / 100;
    if (statistics->waiting >= places) {
        return &statistics->shed_queue;
    }
    if (options->client_max > 0 && cg_fair_waiting(&admission->fair, ticket->priority,
                                                   ticket->client) >= options->client_max) {
        return &statistics->shed_client;
    }
    if (options->wait_max_ns > 0 &&
        cg_admission_client_forecast_ns(admission, (cg_priority)ticket->priority,
                                        ticket->client) > options->wait_max_ns) {
        return &statistics->shed_wait;
    }
    return NULL;
}

static cg_status enqueue(cg_admission *admission, const cg_ticket *ticket, uint64_t clock_ns,
                         cg_error *error) {
    size_t needed = (size_t)admission->statistics.waiting + 1;
    cg_status status = cg_turns_reserve(&admission->due, &admission->allocator, needed, error);
    if (status == CG_OK) {
        /* Entries are numbered from 0 and used again, so no number reaches the most that wait.
         */
        status = CG_GROW(&admission->allocator, admission->due_positions,
                         admission->due_position_capacity, needed, error);
    }
    if (status != CG_OK) {
        return status;
    }
    cg_fair_entry request = {.id = ticket->id,
                             .sequence = admission->sequence,
                             .arrived_ns = clock_ns,
                             .cost = ticket->cost};
    uint32_t entry = 0;
    status = cg_fair_push(&admission->fair, ticket->priority, ticket->client, &request, &entry,
                          error);
    if (status != CG_OK) {
        return status;
    }
    status = cg_table_put(admission->ids, ticket->id, entry, error);
    if (status != CG_OK) {
        cg_fair_remove(&admission->fair, entry);
        return status;
    }
    uint64_t patience =
        (CG_PRIORITY_COUNT - (uint64_t)ticket->priority) * admission->options.age_ns;
    uint64_t due_ns = patience < TIME_NS_MAX - clock_ns ? clock_ns + patience : TIME_NS_MAX;
    cg_turns_push(&admission->due, admission->due_positions,
                  (cg_turn){due_ns, admission->sequence++, entry});
    admission->statistics.waiting++;
    admission->statistics.queued++;
    return CG_OK;
}

static cg_status check_ticket(const cg_admission *admission, const cg_ticket *ticket,
                              cg_error *error) {
    if (ticket->priority >= CG_PRIORITY_COUNT) {
        return cg_error_set(
            error, CG_ERROR_INVALID, "priority of request %llu is %u, not in 0..%d",
            (unsigned long long)ticket->id, ticket->priority, CG_PRIORITY_COUNT - 1);
    }
    if (ticket->cost == 0) {
        return cg_error_set(error, CG_ERROR_INVALID, "cost of request %llu is 0, not in 1..%u",
                            (unsigned long long)ticket->id, UINT32_MAX);
    }
    uint64_t entry = 0;
    if (cg_table_get(admission->ids, ticket->id, &entry)) {
        return cg_error_set(error, CG_ERROR_EXISTS, "request %llu waits already",
                            (unsigned long long)ticket->id);
    }
    return CG_OK;
}

cg_status cg_admission_offer(cg_admission *admission, const cg_ticket *ticket, uint64_t now_ns,
                             cg_admission_verdict *verdict, cg_error *error) {
    cg_status status = check_ticket(admission, ticket, error);
    if (status != CG_OK) {
        return status;
    }
    cg_admission_statistics *statistics = &admission->statistics;
    uint64_t clock_ns = latest(admission, now_ns);
    cg_admission_verdict found = CG_ADMISSION_WAIT;
    if (runs_at_once(admission)) {
        found = CG_ADMISSION_RUN;
        status = cg_fair_pass(&admission->fair, ticket->priority, ticket->client, ticket->cost,
                              error);
        if (status == CG_OK) {
            statistics->running++;
            statistics->run_at_once++;
        }
    } else {
        uint64_t *reason = shed_reason(admission, ticket);
        if (reason) {
            found = CG_ADMISSION_SHED;
            *reason += 1;
            statistics->shed_by_priority[ticket->priority]++;
        } else {
            status = enqueue(admission, ticket, clock_ns, error);
        }
    }
    if (status != CG_OK) {
        return status;
    }
    admission->clock_ns = clock_ns;
    statistics->offered_by_priority[ticket->priority]++;
    *verdict = found;
    return CG_OK;
}

static void leave_queue(cg_admission *admission, uint32_t entry) {
    cg_turns_remove(&admission->due, admission->due_positions, entry);
    cg_table_remove(admission->ids, admission->fair.entries[entry].id);
    admission->statistics.waiting--;
}

/* Whose turn it is: someone waits. */
static uint32_t choose(cg_admission *admission) {
    uint32_t entry = CG_FAIR_NONE;
    for (uint32_t p = CG_PRIORITY_COUNT; entry == CG_FAIR_NONE; p--) {
        CG_ASSERT(p > 0);
        entry = cg_fair_first(&admission->fair, p - 1);
    }
    const cg_turn *first_due = &admission->due.heap[0];
    bool overdue = first_due->key <= admission->clock_ns;
    if (overdue && first_due->number == entry) {
        admission->in_order = 0;
    } else if (overdue && admission->in_order == CG_ADMISSION_OVERDUE_EVERY - 1) {
        admission->in_order = 0;
        admission->statistics.overdue++;
        return first_due->number;
    } else if (admission->in_order < CG_ADMISSION_OVERDUE_EVERY - 1) {
        admission->in_order++;
    }
    return entry;
}

bool cg_admission_next(cg_admission *admission, uint64_t now_ns, uint64_t *id) {
    cg_admission_statistics *statistics = &admission->statistics;
    admission->clock_ns = latest(admission, now_ns);
    if (statistics->waiting == 0 || statistics->running >= statistics->permits) {
        return false;
    }
    uint32_t entry = choose(admission);
    uint64_t waited_ns = admission->clock_ns - admission->fair.entries[entry].arrived_ns;
    if (waited_ns > statistics->longest_wait_ns) {
        statistics->longest_wait_ns = waited_ns;
    }
    *id = admission->fair.entries[entry].id;
    leave_queue(admission, entry);
    cg_fair_take(&admission->fair, entry);
    statistics->running++;
    statistics->started++;
    return true;
}

void cg_admission_done(cg_admission *admission, uint64_t now_ns, uint64_t service_ns) {
    CG_ASSERT(admission->statistics.running > 0);
    admission->clock_ns = latest(admission, now_ns);
    uint64_t sample_ns = service_ns < SERVICE_NS_MAX ? service_ns : SERVICE_NS_MAX;
    if (admission->has_mean) {
        admission->mean_scaled_ns += sample_ns - (admission->mean_scaled_ns >> MEAN_SHIFT);
    } else {
        admission->has_mean = true;
        admission->mean_scaled_ns = sample_ns << MEAN_SHIFT;
    }
    admission->statistics.running--;
    admission->statistics.done++;
    if (admission->statistics.running == 0 && admission->statistics.waiting == 0) {
        cg_fair_settle(&admission->fair);
    }
}

bool cg_admission_withdraw(cg_admission *admission, uint64_t id) {
    uint64_t entry = 0;
    if (!cg_table_get(admission->ids, id, &entry)) {
        return false;
    }
    leave_queue(admission, (uint32_t)entry);
    cg_fair_remove(&admission->fair, (uint32_t)entry);
    admission->statistics.withdrawn++;
    return true;
}

cg_status cg_admission_set_permits(cg_admission *admission, uint32_t permits, cg_error *error) {
    cg_status status = check_permits(permits, error);
    if (status == CG_OK) {
        admission->statistics.permits = permits;
    }
    return status;
}

cg_admission_statistics cg_admission_statistics_of(const cg_admission *admission) {
    cg_admission_statistics statistics = admission->statistics;
    for (uint32_t p = 0; p < CG_PRIORITY_COUNT; p++) {
        statistics.waiting_by_priority[p] = admission->fair.levels[p].waiting;
    }
    statistics.mean_service_ns = admission->mean_scaled_ns >> MEAN_SHIFT;
    return statistics;
}

uint64_t cg_admission_bytes(const cg_admission *admission) {
    return sizeof *admission + cg_fair_bytes(&admission->fair) +
           cg_table_bytes(admission->ids) + admission->due.capacity * sizeof(cg_turn) +
           admission->due_position_capacity * sizeof *admission->due_positions;
}
