#include "sim/cli/sweep.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/cli/progress.h"
#include "sim/cli/worker.h"
#include "sim/point/ground.h"
#include "sim/point/thread_runner.h"
#include "sim/record/recorder.h"

enum { JOBS_MAX = SIM_JOBS_MAX, READ_BYTES = 65536, POLL_MS = 200, LABEL_BYTES = 256 };

typedef struct sweep_job {
    bool active;
    uint32_t point;
    pid_t process;
    int pipe; /* -1 after its end */
    char *rows;
    size_t rows_used;
    size_t rows_capacity;
} sweep_job;

typedef struct sweep {
    const sim_sweep_options *options;
    sim_sweep_result *result;
    sim_progress progress;
    sweep_job jobs[JOBS_MAX];
    cg_status status; /* of collecting: the database's failures stick */
    cg_error *error;
} sweep;

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number) {
    (void)signal_number;
    interrupted = 1;
}

static void label_of(const sim_plan *plan, uint32_t point, char label[LABEL_BYTES]) {
    size_t used = 0;
    for (uint32_t i = 0; i < plan->factor_count && used < LABEL_BYTES; ++i) {
        const sim_factor *factor = &plan->factors[i];
        used += (size_t)snprintf(label + used, LABEL_BYTES - used, "%s %s, ", factor->name,
                                 factor->values[plan->points[point].value_index[i]]);
    }
    if (used < LABEL_BYTES) {
        snprintf(label + used, LABEL_BYTES - used, "repetition %u",
                 plan->points[point].repetition);
    }
}

/* --- one worker ----------------------------------------------------------- */

static cg_status start_job(sweep *self, uint32_t point, const sim_ground *ground) {
    sweep_job *slot = self->jobs;
    while (slot->active) {
        slot++;
    }
    int ends[2];
    if (pipe(ends) != 0) {
        return cg_error_set(self->error, CG_ERROR_IO, "cannot make a pipe for a point: %s",
                            strerror(errno));
    }
    fflush(NULL);
    pid_t parent = getpid();
    pid_t process = fork();
    if (process < 0) {
        close(ends[0]);
        close(ends[1]);
        return cg_error_set(self->error, CG_ERROR_IO, "cannot start a process for a point: %s",
                            strerror(errno));
    }
    if (process == 0) {
        close(ends[0]);
        sim_worker_input input = {
            .plan = self->options->plan,
            .point = point,
            .library = self->options->library,
            .profile = &self->options->profiles[point],
            .ground = ground,
            .parent = parent,
        };
        _exit(sim_worker_run(&input, ends[1]));
    }
    close(ends[1]);
    *slot = (sweep_job){.active = true, .point = point, .process = process, .pipe = ends[0]};
    return CG_OK;
}

static void read_rows(sweep_job *job) {
    if (job->rows_used + READ_BYTES + 1 > job->rows_capacity) {
        size_t capacity = 2 * (job->rows_capacity + READ_BYTES);
        char *grown = realloc(job->rows, capacity);
        if (!grown) { /* the worker finds its pipe closed, and the point is recorded as cut off */
            close(job->pipe);
            job->pipe = -1;
            return;
        }
        job->rows = grown;
        job->rows_capacity = capacity;
    }
    ssize_t got = read(job->pipe, job->rows + job->rows_used, READ_BYTES);
    if (got > 0) {
        job->rows_used += (size_t)got;
    } else if (got == 0 || errno != EINTR) {
        close(job->pipe);
        job->pipe = -1;
    }
}

static void describe_death(int wait_status, char *text, size_t capacity_bytes) {
    text[0] = '\0';
    if (WIFSIGNALED(wait_status)) {
        snprintf(text, capacity_bytes, "the worker was killed by signal %d (%s)",
                 WTERMSIG(wait_status), strsignal(WTERMSIG(wait_status)));
    } else if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) != 0) {
        snprintf(text, capacity_bytes, "the worker ended with status %d",
                 WEXITSTATUS(wait_status));
    }
}

static void finish_job(sweep *self, sweep_job *job) {
    int wait_status = 0;
    while (waitpid(job->process, &wait_status, 0) < 0 && errno == EINTR) {
    }
    char death[128];
    describe_death(wait_status, death, sizeof death);
    if (job->rows) {
        job->rows[job->rows_used] = '\0';
    }
    /* The signal that interrupts the sweep may have ended the worker too: no failure of its
     * point. */
    if (self->status == CG_OK && !(interrupted && death[0])) {
        bool failed = false;
        self->status = sim_recorder_point(self->options->database, self->options->plan,
                                          job->point, job->rows ? job->rows : "",
                                          death[0] ? death : NULL, &failed, self->error);
        char label[LABEL_BYTES];
        label_of(self->options->plan, job->point, label);
        if (self->status == CG_OK && failed) {
            self->result->failed++;
            char note[LABEL_BYTES + CG_ERROR_MESSAGE_BYTES + 32];
            snprintf(note, sizeof note, "the point %s failed: %s", label, self->error->message);
            sim_progress_note(&self->progress, true, note);
        }
        if (self->status == CG_OK) {
            self->result->done += !failed;
            sim_progress_ended(&self->progress, label);
        }
    }
    free(job->rows);
    memset(job, 0, sizeof *job);
}

/* Reads what workers have written, for at most wait_ms, and finishes those that are done.
 * Returns whether there was anything. */
static bool collect(sweep *self, int wait_ms) {
    struct pollfd pipes[JOBS_MAX];
    sweep_job *owners[JOBS_MAX];
    nfds_t count = 0;
    for (uint32_t i = 0; i < self->options->jobs; ++i) {
        if (self->jobs[i].active && self->jobs[i].pipe >= 0) {
            owners[count] = &self->jobs[i];
            pipes[count++] = (struct pollfd){.fd = self->jobs[i].pipe, .events = POLLIN};
        }
    }
    bool any = count > 0 && poll(pipes, count, wait_ms) > 0;
    if (any) {
        for (nfds_t i = 0; i < count; ++i) {
            if (pipes[i].revents) {
                read_rows(owners[i]);
            }
        }
    }
    for (uint32_t i = 0; i < self->options->jobs; ++i) {
        if (self->jobs[i].active && self->jobs[i].pipe < 0) {
            finish_job(self, &self->jobs[i]);
        }
    }
    return any;
}

static uint32_t active_jobs(const sweep *self) {
    uint32_t active = 0;
    for (uint32_t i = 0; i < self->options->jobs; ++i) {
        active += self->jobs[i].active;
    }
    return active;
}

static bool can_go_on(const sweep *self) {
    return self->status == CG_OK && !interrupted;
}

/* --- groups of points that share a graph ---------------------------------- */

static bool building(void *context, double share) {
    sweep *self = context;
    char what[64];
    snprintf(what, sizeof what, "building the graph and its index: %.0f%%", 100.0 * share);
    sim_progress_now(&self->progress, what);
    collect(self, 0);
    return can_go_on(self);
}

static void fail_group(sweep *self, const uint32_t *points, uint32_t count,
                       const cg_error *why) {
    for (uint32_t i = 0; i < count && self->status == CG_OK; ++i) {
        bool failed = false;
        self->status = sim_recorder_point(self->options->database, self->options->plan,
                                          points[i], "", why->message, &failed, self->error);
        if (self->status == CG_OK) {
            char label[LABEL_BYTES];
            label_of(self->options->plan, points[i], label);
            self->result->failed++;
            sim_progress_ended(&self->progress, label);
        }
    }
    char note[CG_ERROR_MESSAGE_BYTES + 64];
    snprintf(note, sizeof note, "%u points failed, because their graph could not be built: %s",
             count, why->message);
    sim_progress_note(&self->progress, true, note);
}

static void run_group(sweep *self, const uint32_t *points, uint32_t count,
                      const cg_runner *runner) {
    sim_ground *ground = NULL;
    cg_error why;
    cg_status status = sim_ground_build(&self->options->points[points[0]], runner, building,
                                        self, &ground, &why);
    if (status != CG_OK) {
        if (can_go_on(self)) {
            fail_group(self, points, count, &why);
        }
        return;
    }
    for (uint32_t i = 0; i < count && can_go_on(self); ++i) {
        while (active_jobs(self) == self->options->jobs && can_go_on(self)) {
            collect(self, POLL_MS);
        }
        if (can_go_on(self)) {
            self->status = start_job(self, points[i], ground);
        }
    }
    sim_ground_free(ground); /* workers keep their own view of it */
}

static cg_status run_groups(sweep *self, const cg_runner *runner) {
    uint32_t total = self->options->plan->point_count;
    uint32_t *points = calloc(total, sizeof *points);
    bool *taken = calloc(total, sizeof *taken);
    if (!points || !taken) {
        free(points);
        free(taken);
        return cg_error_set(self->error, CG_ERROR_MEMORY, "no memory for %u points", total);
    }
    for (uint32_t first = 0; first < total && can_go_on(self); ++first) {
        if (taken[first]) {
            continue;
        }
        uint32_t count = 0;
        uint64_t key = sim_options_graph_key(&self->options->points[first]);
        for (uint32_t i = first; i < total; ++i) {
            if (!taken[i] && sim_options_graph_key(&self->options->points[i]) == key) {
                taken[i] = true;
                points[count++] = i;
            }
        }
        run_group(self, points, count, runner);
    }
    while (active_jobs(self) > 0 && can_go_on(self)) {
        collect(self, POLL_MS);
    }
    /* Interrupted: points that have ended are kept. */
    while (self->status == CG_OK && active_jobs(self) > 0 && collect(self, 0)) {
    }
    free(points);
    free(taken);
    return self->status;
}

static void end_workers(sweep *self) {
    for (uint32_t i = 0; i < self->options->jobs; ++i) {
        sweep_job *job = &self->jobs[i];
        if (job->active) {
            kill(job->process, SIGKILL);
            if (job->pipe >= 0) {
                close(job->pipe);
            }
            waitpid(job->process, NULL, 0);
            free(job->rows);
            memset(job, 0, sizeof *job);
        }
    }
}

cg_status sim_sweep(const sim_sweep_options *options, sim_sweep_result *result,
                    cg_error *error) {
    if (options->jobs == 0 || options->jobs > JOBS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID, "--jobs: %u; use 1 to %d", options->jobs,
                            JOBS_MAX);
    }
    *result = (sim_sweep_result){0};
    sweep *self = calloc(1, sizeof *self);
    if (!self) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a sweep");
    }
    self->options = options;
    self->result = result;
    self->error = error;
    interrupted = 0;
    struct sigaction action = {.sa_handler = on_interrupt};
    struct sigaction old_int;
    struct sigaction old_term;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, &old_int);
    sigaction(SIGTERM, &action, &old_term);
    sim_progress_init(&self->progress, options->plan->point_count, options->quiet);

    sim_thread_runner *threads = NULL;
    self->status = sim_thread_runner_alloc(options->jobs, &threads, error);
    if (self->status == CG_OK) {
        cg_runner runner = sim_thread_runner_view(threads);
        run_groups(self, &runner);
    }
    end_workers(self);
    sim_thread_runner_free(threads);
    sim_progress_finish(&self->progress);
    sigaction(SIGINT, &old_int, NULL);
    sigaction(SIGTERM, &old_term, NULL);
    result->interrupted =
        interrupted != 0 && result->done + result->failed < options->plan->point_count;
    cg_status status = self->status;
    free(self);
    return status;
}
