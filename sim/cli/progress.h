/* Progress of a sweep on stderr: one line rewritten on a terminal, plain lines otherwise.
 */
#ifndef SIM_CLI_PROGRESS_H
#define SIM_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct sim_progress {
    bool quiet;
    bool terminal;
    bool line_open; /* a rewritten line stands without its newline */
    uint32_t total;
    uint32_t ended;
    double started_s;
} sim_progress;

void sim_progress_init(sim_progress *progress, uint32_t total, bool quiet);
/* What is going on now; only shown on a terminal. */
void sim_progress_now(sim_progress *progress, const char *what);
/* A point has ended. */
void sim_progress_ended(sim_progress *progress, const char *what);
/* A message that stays. Always shown when important. */
void sim_progress_note(sim_progress *progress, bool important, const char *text);
void sim_progress_finish(sim_progress *progress);

#endif
