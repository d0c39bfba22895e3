/* Runners for tests and benchmarks: one with real threads, one that only disorders.
 *
 * support_threads: `workers` POSIX threads take the next task from a shared counter.
 * support_disorder: one thread runs the tasks in an order and on worker numbers that come from
 * a seed, so what depends on either shows without luck.
 */
#ifndef CG_TESTS_SUPPORT_RUNNER_H
#define CG_TESTS_SUPPORT_RUNNER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "engine/base/parallel.h"
#include "engine/base/prng.h"
#include "engine/base/status.h"

enum { SUPPORT_WORKERS_MAX = 64 };

typedef struct support_job {
    atomic_uint next;
    uint32_t count;
    cg_task task;
    void *argument;
} support_job;

typedef struct support_thread {
    pthread_t thread;
    support_job *job;
    uint32_t worker;
} support_thread;

static inline void *support_work(void *argument) {
    support_thread *self = argument;
    for (;;) {
        uint32_t index = atomic_fetch_add(&self->job->next, 1u);
        if (index >= self->job->count) {
            return NULL;
        }
        self->job->task(self->job->argument, index, self->worker);
    }
}

static inline void support_threads_run(void *context, uint32_t count, cg_task task,
                                       void *argument) {
    uint32_t workers = *(const uint32_t *)context;
    CG_ASSERT(workers >= 1 && workers <= SUPPORT_WORKERS_MAX);
    support_job job = {.count = count, .task = task, .argument = argument};
    support_thread threads[SUPPORT_WORKERS_MAX];
    for (uint32_t i = 0; i < workers; i++) {
        threads[i] = (support_thread){.job = &job, .worker = i};
    }
    uint32_t started = 1;
    while (started < workers && pthread_create(&threads[started].thread, NULL, support_work,
                                               &threads[started]) == 0) {
        started++;
    }
    support_work(&threads[0]);
    for (uint32_t i = 1; i < started; i++) {
        pthread_join(threads[i].thread, NULL);
    }
}

/* *workers must live as long as the runner. */
static inline cg_runner support_threads(uint32_t *workers) {
    return (cg_runner){.run = support_threads_run, .context = workers, .workers = *workers};
}

typedef struct support_disorder {
    cg_stream stream;
    uint32_t workers;
} support_disorder;

static inline void support_disorder_run(void *context, uint32_t count, cg_task task,
                                        void *argument) {
    support_disorder *disorder = context;
    uint32_t *order = malloc((count + 1u) * sizeof *order);
    CG_ASSERT(order);
    for (uint32_t i = 0; i < count; i++) {
        order[i] = i;
    }
    cg_stream_shuffle_u32(&disorder->stream, order, count);
    for (uint32_t i = 0; i < count; i++) {
        task(argument, order[i],
             (uint32_t)cg_stream_next_below(&disorder->stream, disorder->workers));
    }
    free(order);
}

static inline cg_runner support_disordered(support_disorder *disorder, uint64_t seed,
                                           uint32_t workers) {
    disorder->stream = cg_stream_init(seed, "support.disorder", workers);
    disorder->workers = workers;
    return (cg_runner){.run = support_disorder_run, .context = disorder, .workers = workers};
}

#endif
