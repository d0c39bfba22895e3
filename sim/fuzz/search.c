#include "sim/fuzz/search.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/hash.h"
#include "sim/fuzz/draw.h"
#include "sim/scenario/plan.h"

enum { POLL_MS = 200 };

/* What a process says of a seed: first that it begins, then what came of it. */
typedef struct report {
    uint64_t seed;
    uint64_t fingerprint;
    bool begins;
    bool failed;
    char sentence[SIM_SEARCH_SENTENCE_BYTES];
    sim_fuzz_counts counts;
} report;

typedef struct worker {
    pid_t process; /* 0: none */
    int pipe;
    uint64_t next; /* seed that it began, or will begin with */
    bool is_in;    /* a seed has begun and is not over */
    report partial;
    size_t partial_bytes;
} worker;

typedef struct search {
    const sim_fuzz_options *options;
    sim_search_result *result;
    worker workers[SIM_SEARCH_JOBS_MAX];
    uint64_t deadline_ns;
    bool stops;
} search;

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number) {
    (void)number;
    interrupted = 1;
}

static uint64_t wall_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void sim_search_point(const sim_fuzz_options *options, uint64_t seed, sim_options *out) {
    if (options->draws) {
        sim_fuzz_draw(options->base, seed, out);
    } else {
        *out = *options->base;
        out->seed = sim_plan_seed(seed, 1);
    }
}

/* --- in the process of a worker ------------------------------------------------------ */

static void limit_seconds(void) {
    struct itimerval limit = {.it_value = {.tv_sec = SIM_SEARCH_SECONDS}};
    setitimer(ITIMER_PROF, &limit, NULL); /* SIGPROF ends the process */
}

static void run_point(const sim_fuzz_options *options, const sim_options *point, bool twice,
                      report *out) {
    cg_error error = {.status = CG_OK};
    sim_fuzz_input input = {point, options->ground, options->profile};
    limit_seconds();
    cg_status status = sim_options_check(point, &error);
    if (status == CG_OK) {
        status = sim_fuzz_trial(&input, &out->counts, &out->fingerprint, &error);
    }
    if (status == CG_OK && twice) {
        uint64_t again = 0;
        limit_seconds();
        status = sim_fuzz_trial(&input, &out->counts, &again, &error);
        out->counts.of[SIM_COUNT_REPEATED]++;
        if (status == CG_OK && again != out->fingerprint) {
            status =
                cg_error_set(&error, CG_ERROR_CORRUPT,
                             "the same run again has fingerprint %016llx, not %016llx",
                             (unsigned long long)again, (unsigned long long)out->fingerprint);
        }
    }
    out->failed = status != CG_OK;
    if (out->failed) {
        snprintf(out->sentence, sizeof out->sentence, "%.*s", SIM_SEARCH_SENTENCE_BYTES - 1,
                 error.message);
    }
}

static bool tell(int descriptor, const report *said) {
    const char *bytes = (const char *)said;
    size_t left = sizeof *said;
    while (left > 0) {
        ssize_t wrote = write(descriptor, bytes, left);
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote <= 0) {
            return false;
        }
        bytes += wrote;
        left -= (size_t)wrote;
    }
    return true;
}

static void become_worker(pid_t parent) {
    signal(SIGINT, SIG_IGN); /* the parent decides what an interrupt means */
    static const int deadly[] = {SIGTERM, SIGILL, SIGABRT, SIGSEGV, SIGBUS, SIGFPE};
    for (size_t i = 0; i < sizeof deadly / sizeof *deadly; ++i) {
        signal(deadly[i], SIG_DFL); /* whoever started this may handle them, to go on */
    }
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) {
        _exit(EXIT_FAILURE);
    }
}

static void work(const search *self, uint64_t seed, int descriptor) {
    const sim_fuzz_options *options = self->options;
    sim_options *point = calloc(1, sizeof *point);
    report *said = calloc(1, sizeof *said);
    bool goes_on = point && said;
    while (goes_on && seed <= options->last &&
           (self->deadline_ns == 0 || wall_ns() < self->deadline_ns)) {
        memset(said, 0, sizeof *said);
        said->seed = seed;
        said->begins = true;
        goes_on = tell(descriptor, said);
        said->begins = false;
        sim_search_point(options, seed, point);
        run_point(options, point, options->twice || seed % SIM_SEARCH_AGAIN == 0, said);
        goes_on = goes_on && tell(descriptor, said);
        if (options->last - seed < options->jobs) {
            break;
        }
        seed += options->jobs;
    }
    free(point);
    free(said);
}

/* --- in the parent ---------------------------------------------------------------------- */

static cg_status start(search *self, worker *one, cg_error *error) {
    int ends[2];
    if (pipe(ends) != 0) {
        return cg_error_set(error, CG_ERROR_IO, "cannot make a pipe for the search: %s",
                            strerror(errno));
    }
    fflush(NULL);
    pid_t parent = getpid();
    pid_t process = fork();
    if (process < 0) {
        close(ends[0]);
        close(ends[1]);
        return cg_error_set(error, CG_ERROR_IO, "cannot start a process for the search: %s",
                            strerror(errno));
    }
    if (process == 0) {
        close(ends[0]);
        become_worker(parent);
        work(self, one->next, ends[1]);
        _exit(EXIT_SUCCESS);
    }
    close(ends[1]);
    one->process = process;
    one->pipe = ends[0];
    one->is_in = false;
    one->partial_bytes = 0;
    return CG_OK;
}

static void keep_failure(sim_search_result *result, uint64_t seed, const char *sentence) {
    result->failed++;
    uint32_t place = result->failure_count;
    if (place == SIM_SEARCH_FAILURES_MAX) {
        if (result->failures[place - 1].seed < seed) {
            return;
        }
        place--; /* the largest seed makes room */
    } else {
        result->failure_count++;
    }
    while (place > 0 && result->failures[place - 1].seed > seed) {
        result->failures[place] = result->failures[place - 1];
        place--;
    }
    result->failures[place].seed = seed;
    snprintf(result->failures[place].sentence, SIM_SEARCH_SENTENCE_BYTES, "%s", sentence);
}

static void take(search *self, worker *one) {
    const report *said = &one->partial;
    one->is_in = said->begins;
    one->next = said->seed;
    if (said->begins) {
        return;
    }
    sim_search_result *result = self->result;
    sim_fuzz_counts_add(&result->counts, &said->counts);
    result->fingerprint += cg_hash_u64(said->fingerprint, said->seed);
    result->done++;
    if (said->failed) {
        keep_failure(result, said->seed, said->sentence);
    }
}

static void describe_death(int wait_status, char *text, size_t capacity_bytes) {
    if (WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGPROF) {
        snprintf(text, capacity_bytes, "the run took more than %d s", SIM_SEARCH_SECONDS);
    } else if (WIFSIGNALED(wait_status)) {
        snprintf(text, capacity_bytes, "the run died of signal %d (%s)", WTERMSIG(wait_status),
                 strsignal(WTERMSIG(wait_status)));
    } else {
        snprintf(text, capacity_bytes, "the run ended with status %d",
                 WEXITSTATUS(wait_status));
    }
}

/* The worker's pipe is at its end: it is through, or died in a run. */
static cg_status end(search *self, worker *one, cg_error *error) {
    int wait_status = 0;
    close(one->pipe);
    while (waitpid(one->process, &wait_status, 0) < 0 && errno == EINTR) {
    }
    one->process = 0;
    if (!one->is_in || self->stops) {
        return CG_OK;
    }
    char text[SIM_SEARCH_SENTENCE_BYTES];
    describe_death(wait_status, text, sizeof text);
    keep_failure(self->result, one->next, text);
    self->result->done++;
    if (self->options->last - one->next < self->options->jobs) {
        return CG_OK;
    }
    one->next += self->options->jobs;
    return start(self, one, error);
}

static cg_status hear(search *self, worker *one, cg_error *error) {
    char *place = (char *)&one->partial + one->partial_bytes;
    ssize_t got = read(one->pipe, place, sizeof one->partial - one->partial_bytes);
    if (got < 0 && errno == EINTR) {
        return CG_OK;
    }
    if (got <= 0) {
        return end(self, one, error);
    }
    one->partial_bytes += (size_t)got;
    if (one->partial_bytes == sizeof one->partial) {
        one->partial_bytes = 0;
        take(self, one);
    }
    return CG_OK;
}

static void stop_all(search *self) {
    self->stops = true;
    for (uint32_t i = 0; i < self->options->jobs; ++i) {
        if (self->workers[i].process > 0) {
            kill(self->workers[i].process, SIGKILL);
        }
    }
}

static cg_status gather(search *self, cg_error *error) {
    const sim_fuzz_options *options = self->options;
    cg_status status = CG_OK;
    for (;;) {
        struct pollfd polled[SIM_SEARCH_JOBS_MAX];
        worker *of[SIM_SEARCH_JOBS_MAX];
        nfds_t count = 0;
        for (uint32_t i = 0; i < options->jobs; ++i) {
            if (self->workers[i].process > 0) {
                of[count] = &self->workers[i];
                polled[count++] =
                    (struct pollfd){.fd = self->workers[i].pipe, .events = POLLIN};
            }
        }
        if (count == 0) {
            return status;
        }
        (void)poll(polled, count, POLL_MS);
        for (nfds_t i = 0; i < count; ++i) {
            if (polled[i].revents == 0) {
                continue;
            }
            cg_status heard = hear(self, of[i], error);
            status = status == CG_OK ? heard : status;
        }
        bool is_enough =
            options->failures_max > 0 && self->result->failed >= options->failures_max;
        if (!self->stops && (interrupted || is_enough || status != CG_OK)) {
            self->result->interrupted = interrupted != 0;
            stop_all(self);
        }
        if (options->progress) {
            options->progress(options->progress_context, self->result->done,
                              self->result->failed);
        }
    }
}

cg_status sim_search(const sim_fuzz_options *options, sim_search_result *result,
                     cg_error *error) {
    search *self = calloc(1, sizeof *self);
    if (!self) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a search");
    }
    memset(result, 0, sizeof *result);
    self->options = options;
    self->result = result;
    self->deadline_ns =
        options->seconds_max > 0 ? wall_ns() + options->seconds_max * 1000000000u : 0;
    struct sigaction before;
    struct sigaction action = {.sa_handler = on_interrupt};
    interrupted = 0;
    sigaction(SIGINT, &action, &before);
    cg_status status = CG_OK;
    for (uint32_t i = 0; status == CG_OK && i < options->jobs; ++i) {
        self->workers[i].next = options->first + i;
        if (i <= options->last - options->first) {
            status = start(self, &self->workers[i], error);
        }
    }
    if (status != CG_OK) {
        stop_all(self);
    }
    cg_status gathered = gather(self, error);
    sigaction(SIGINT, &before, NULL);
    free(self);
    return status == CG_OK ? gathered : status;
}

cg_status sim_search_try(const sim_fuzz_options *options, const sim_options *point, bool twice,
                         cg_error *error) {
    int ends[2];
    report said = {.seed = 0};
    if (pipe(ends) != 0) {
        return cg_error_set(error, CG_ERROR_IO, "cannot make a pipe for a run: %s",
                            strerror(errno));
    }
    fflush(NULL);
    pid_t parent = getpid();
    pid_t process = fork();
    if (process == 0) {
        close(ends[0]);
        become_worker(parent);
        run_point(options, point, twice, &said);
        _exit(tell(ends[1], &said) ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    close(ends[1]);
    size_t used = 0;
    ssize_t got = process > 0 ? 1 : 0;
    while (got > 0 && used < sizeof said) {
        got = read(ends[0], (char *)&said + used, sizeof said - used);
        got = got < 0 && errno == EINTR ? 1 : got;
        used += got > 0 ? (size_t)got : 0;
    }
    close(ends[0]);
    int wait_status = 0;
    while (process > 0 && waitpid(process, &wait_status, 0) < 0 && errno == EINTR) {
    }
    if (process < 0) {
        return cg_error_set(error, CG_ERROR_IO, "cannot start a process for a run: %s",
                            strerror(errno));
    }
    if (used == sizeof said) {
        return said.failed ? cg_error_set(error, CG_ERROR_CORRUPT, "%s", said.sentence) : CG_OK;
    }
    char text[SIM_SEARCH_SENTENCE_BYTES];
    describe_death(wait_status, text, sizeof text);
    return cg_error_set(error, CG_ERROR_CORRUPT, "%s", text);
}
