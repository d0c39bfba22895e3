#include "sim/point/thread_runner.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

typedef struct worker_start {
    sim_thread_runner *runner;
    uint32_t worker;
} worker_start;

struct sim_thread_runner {
    pthread_mutex_t lock;
    pthread_cond_t work_ready;
    pthread_cond_t work_done;
    pthread_t *threads; /* [started], workers 1.. */
    worker_start *starts;
    uint32_t workers;
    uint32_t started;
    uint64_t round; /* counts calls of run; a worker joins each round once */
    uint32_t running;
    bool stopping;
    cg_task task;
    void *argument;
    uint32_t count;
    atomic_uint next;
};

static void share(sim_thread_runner *runner, uint32_t worker) {
    for (;;) {
        uint32_t index = atomic_fetch_add_explicit(&runner->next, 1, memory_order_relaxed);
        if (index >= runner->count) {
            return;
        }
        runner->task(runner->argument, index, worker);
    }
}

static void *worker_main(void *argument) {
    const worker_start *start = argument;
    sim_thread_runner *runner = start->runner;
    uint64_t seen = 0;
    pthread_mutex_lock(&runner->lock);
    for (;;) {
        while (!runner->stopping && runner->round == seen) {
            pthread_cond_wait(&runner->work_ready, &runner->lock);
        }
        if (runner->stopping) {
            break;
        }
        seen = runner->round;
        pthread_mutex_unlock(&runner->lock);
        share(runner, start->worker);
        pthread_mutex_lock(&runner->lock);
        if (--runner->running == 0) {
            pthread_cond_signal(&runner->work_done);
        }
    }
    pthread_mutex_unlock(&runner->lock);
    return NULL;
}

static void run(void *context, uint32_t count, cg_task task, void *argument) {
    sim_thread_runner *runner = context;
    pthread_mutex_lock(&runner->lock);
    runner->task = task;
    runner->argument = argument;
    runner->count = count;
    atomic_store_explicit(&runner->next, 0, memory_order_relaxed);
    runner->running = runner->started;
    runner->round++;
    pthread_cond_broadcast(&runner->work_ready);
    pthread_mutex_unlock(&runner->lock);
    share(runner, 0);
    pthread_mutex_lock(&runner->lock);
    while (runner->running > 0) {
        pthread_cond_wait(&runner->work_done, &runner->lock);
    }
    pthread_mutex_unlock(&runner->lock);
}

cg_status sim_thread_runner_alloc(uint32_t threads, sim_thread_runner **out, cg_error *error) {
    if (threads == 0 || threads > SIM_THREADS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID, "%u threads; use 1 to %d", threads,
                            SIM_THREADS_MAX);
    }
    sim_thread_runner *runner = calloc(1, sizeof *runner);
    if (!runner) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for %u threads", threads);
    }
    runner->threads = calloc(threads, sizeof *runner->threads);
    runner->starts = calloc(threads, sizeof *runner->starts);
    pthread_mutex_init(&runner->lock, NULL);
    pthread_cond_init(&runner->work_ready, NULL);
    pthread_cond_init(&runner->work_done, NULL);
    if (!runner->threads || !runner->starts) {
        sim_thread_runner_free(runner);
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for %u threads", threads);
    }
    /* A machine that gives fewer threads still gives the same results. */
    while (runner->started + 1 < threads) {
        worker_start *start = &runner->starts[runner->started];
        *start = (worker_start){runner, runner->started + 1};
        if (pthread_create(&runner->threads[runner->started], NULL, worker_main, start) != 0) {
            break;
        }
        runner->started++;
    }
    runner->workers = runner->started + 1;
    *out = runner;
    return CG_OK;
}

void sim_thread_runner_free(sim_thread_runner *runner) {
    if (!runner) {
        return;
    }
    pthread_mutex_lock(&runner->lock);
    runner->stopping = true;
    pthread_cond_broadcast(&runner->work_ready);
    pthread_mutex_unlock(&runner->lock);
    for (uint32_t i = 0; i < runner->started; ++i) {
        pthread_join(runner->threads[i], NULL);
    }
    pthread_cond_destroy(&runner->work_done);
    pthread_cond_destroy(&runner->work_ready);
    pthread_mutex_destroy(&runner->lock);
    free(runner->threads);
    free(runner->starts);
    free(runner);
}

cg_runner sim_thread_runner_view(sim_thread_runner *runner) {
    return (cg_runner){run, runner, runner->workers};
}
