#include "sim/cli/alone.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/cli/progress.h"
#include "sim/cli/verbs.h"
#include "sim/point/point.h"
#include "sim/point/thread_runner.h"
#include "sim/trace/event_log.h"
#include "sim/trace/timeline.h"

typedef struct alone {
    const sim_alone_options *options;
    sim_ground *ground;
    sim_hooks *hooks;
    FILE *file;      /* of the trace or the events; or NULL */
    int write_errno; /* of the trace's last piece */
    FILE *nothing;
    sim_rows *rows; /* are not kept */
    sim_timeline *timeline;
    sim_event_log log;
    uint64_t fingerprint;
} alone;

/* --- files ------------------------------------------------------------------ */

static bool write_file(void *context, const char *bytes, size_t size_bytes) {
    alone *self = context;
    errno = 0;
    bool written = fwrite(bytes, 1, size_bytes, self->file) == size_bytes;
    self->write_errno = errno;
    return written;
}

static cg_status open_file(const char *option, const char *path, FILE **out, cg_error *error) {
    *out = strcmp(path, "-") == 0 ? stdout : fopen(path, "w");
    if (!*out) {
        return cg_error_set(error, CG_ERROR_INVALID, "%s: cannot write %s: %s", option, path,
                            strerror(errno));
    }
    return CG_OK;
}

static cg_status close_file(FILE *file, const char *path, cg_error *error) {
    if (file == stdout) {
        return CG_OK; /* main looks after it */
    }
    errno = 0;
    if (fclose(file) != 0) {
        return cg_error_set(error, CG_ERROR_IO, "cannot write %s: %s", path, strerror(errno));
    }
    return CG_OK;
}

/* --- before the run --------------------------------------------------------- */

static cg_status open_observer(alone *self, sim_observer *observer, cg_error *error) {
    const sim_alone_options *options = self->options;
    if (options->events) {
        cg_status status = open_file("--events", options->events, &self->file, error);
        if (status == CG_OK) {
            sim_event_log_begin(&self->log, self->file);
            (void)fflush(
                self->file); /* whoever reads it knows that the scenario is a good one */
            *observer = sim_event_log_observer(&self->log);
        }
        return status;
    }
    cg_status status = open_file("--trace", options->trace, &self->file, error);
    if (status != CG_OK) {
        return status;
    }
    sim_chrome_sink sink = {.write = write_file, .context = self};
    sim_timeline_options timeline = {.hosts = options->options->cluster.hosts,
                                     .limit = options->trace_limit,
                                     .title = options->plan->name,
                                     .sink = &sink,
                                     .allocator = cg_allocator_heap()};
    status = sim_timeline_alloc(&timeline, &self->timeline, error);
    if (status == CG_OK) {
        *observer = sim_timeline_observer(self->timeline);
    }
    return status;
}

static bool building(void *context, double share) {
    char what[64];
    (void)snprintf(what, sizeof what, "building the graph and its index: %.0f%%",
                   100.0 * share);
    sim_progress_now(context, what);
    return true;
}

static cg_status build(alone *self, cg_error *error) {
    const sim_alone_options *options = self->options;
    sim_thread_runner *runner = NULL;
    cg_status status = sim_thread_runner_alloc(options->threads, &runner, error);
    if (status != CG_OK) {
        return status;
    }
    sim_progress progress;
    sim_progress_init(&progress, 1, options->quiet);
    cg_runner view = sim_thread_runner_view(runner);
    status =
        sim_ground_build(options->options, &view, building, &progress, &self->ground, error);
    sim_progress_finish(&progress);
    sim_thread_runner_free(runner);
    if (status == CG_OK) {
        status = sim_hooks_open(options->plan, &options->plan->points[options->point],
                                options->library, &self->hooks, error);
    }
    if (status == CG_OK) {
        self->nothing = fopen("/dev/null", "w");
        status = self->nothing ? sim_rows_alloc(self->nothing, &self->rows, error)
                               : cg_error_set(error, CG_ERROR_IO, "cannot open /dev/null: %s",
                                              strerror(errno));
    }
    return status;
}

/* --- the run, and after it -------------------------------------------------- */

static cg_status end_observer(alone *self, cg_status ran, const cg_error *why,
                              cg_error *error) {
    cg_status status = CG_OK;
    if (self->timeline) {
        status = sim_timeline_finish(self->timeline, error);
        if (status == CG_ERROR_IO) {
            status = cg_error_set(error, CG_ERROR_IO, "--trace: cannot write %s: %s",
                                  self->options->trace, strerror(self->write_errno));
        }
    } else if (self->options->events && ran == CG_OK) {
        status = sim_event_log_end(&self->log, self->fingerprint, error);
    } else if (self->options->events) {
        status = sim_event_log_fail(&self->log, why->message, error);
    }
    return status;
}

static void print_summary(const alone *self) {
    const sim_alone_options *options = self->options;
    const sim_plan *plan = options->plan;
    const sim_point_plan *point = &plan->points[options->point];
    FILE *file = self->file == stdout ? stderr : stdout;
    (void)fprintf(file, "point        %" PRIu32 ":", point->index);
    for (uint32_t i = 0; i < plan->factor_count; ++i) {
        (void)fprintf(file, " %s %s,", plan->factors[i].name,
                      plan->factors[i].values[point->value_index[i]]);
    }
    (void)fprintf(file, " repetition %" PRIu32 "\nfingerprint  %016" PRIx64 "\n",
                  point->repetition, self->fingerprint);
    if (self->timeline) {
        (void)fprintf(file, "trace        %s, %" PRIu64 " events; open it at ui.perfetto.dev\n",
                      options->trace, sim_timeline_written(self->timeline));
        if (sim_timeline_left_out(self->timeline) > 0) {
            (void)fprintf(file, "             %" PRIu64 " more are left out: --trace-limit\n",
                          sim_timeline_left_out(self->timeline));
        }
    } else if (options->events) {
        (void)fprintf(file, "events       %s, %" PRIu64 "\n", options->events,
                      self->log.events);
    }
}

static void release(alone *self) {
    sim_timeline_free(self->timeline);
    sim_rows_free(self->rows);
    sim_hooks_close(self->hooks);
    sim_ground_free(self->ground);
    if (self->nothing) {
        (void)fclose(self->nothing);
    }
}

int sim_alone_run(const sim_alone_options *options) {
    alone self = {.options = options};
    sim_observer observer = {0};
    bool observed = options->events || options->trace;
    cg_error error;
    cg_error end_error;
    cg_status opened = observed ? open_observer(&self, &observer, &error) : CG_OK;
    cg_status status = opened;
    if (status == CG_OK) {
        status = build(&self, &error);
    }
    bool built = status == CG_OK;
    if (built) {
        sim_point_input input = {.options = options->options,
                                 .ground = self.ground,
                                 .profile = options->profile,
                                 .hooks = self.hooks,
                                 .loop = SIM_LOOP_SIMGRID,
                                 .observer = observed ? &observer : NULL};
        status = sim_point_run(&input, self.rows, &self.fingerprint, &error);
    }
    cg_status ended = CG_OK;
    if (opened == CG_OK && observed) {
        ended = end_observer(&self, status, &error, &end_error);
    }
    if (self.file && close_file(self.file, options->trace ? options->trace : options->events,
                                &error) != CG_OK) {
        status = status == CG_OK ? CG_ERROR_IO : status;
    }
    if (status == CG_OK && ended == CG_OK && !options->quiet) {
        print_summary(&self);
    }
    release(&self);
    if (status != CG_OK) {
        int failed = sim_cli_fail(&error);
        return built ? SIM_EXIT_FAILED : failed; /* a run that failed is no wrong use */
    }
    return ended == CG_OK ? SIM_EXIT_OK : sim_cli_fail(&end_error);
}
