#include "sim/cli/progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

static double now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void sim_progress_init(sim_progress *progress, uint32_t total, bool quiet) {
    *progress = (sim_progress){.quiet = quiet,
                               .terminal = isatty(STDERR_FILENO) != 0,
                               .total = total,
                               .started_s = now_s()};
}

static void close_line(sim_progress *progress) {
    if (progress->line_open) {
        fputs("\r\033[K", stderr);
        progress->line_open = false;
    }
}

static void print_line(sim_progress *progress, const char *what) {
    double elapsed_s = now_s() - progress->started_s;
    fprintf(stderr, "[%u/%u] %s · %.0f s", progress->ended, progress->total, what, elapsed_s);
    if (progress->ended > 0 && progress->ended < progress->total) {
        double left_s = elapsed_s / progress->ended * (progress->total - progress->ended);
        fprintf(stderr, " · about %.0f s left", left_s);
    }
}

void sim_progress_now(sim_progress *progress, const char *what) {
    if (progress->quiet || !progress->terminal) {
        return;
    }
    close_line(progress);
    print_line(progress, what);
    progress->line_open = true;
    fflush(stderr);
}

void sim_progress_ended(sim_progress *progress, const char *what) {
    progress->ended++;
    if (progress->quiet) {
        return;
    }
    close_line(progress);
    print_line(progress, what);
    if (progress->terminal) {
        progress->line_open = true;
        fflush(stderr);
    } else {
        fputc('\n', stderr);
    }
}

void sim_progress_note(sim_progress *progress, bool important, const char *text) {
    if (progress->quiet && !important) {
        return;
    }
    close_line(progress);
    fprintf(stderr, "cortigrid: %s\n", text);
}

void sim_progress_finish(sim_progress *progress) {
    close_line(progress);
}
