/* The program's verbs, and how statuses become exit statuses.
 *
 * Exit status: 0 fine; 1 a check failed; 2 wrong use or bad input; 3 a run or the world failed;
 * 130 interrupted. Messages go to stderr, results to stdout.
 */
#ifndef SIM_CLI_VERBS_H
#define SIM_CLI_VERBS_H

#include "sim/cli/args.h"
#include "sim/scenario/options.h"

enum {
    SIM_EXIT_OK = 0,
    SIM_EXIT_CHECK = 1,
    SIM_EXIT_USE = 2,
    SIM_EXIT_FAILED = 3,
    SIM_EXIT_INTERRUPTED = 130
};

extern const sim_verb sim_verb_run;
extern const sim_verb sim_verb_table;
extern const sim_verb sim_verb_plot;
extern const sim_verb sim_verb_bisect;
extern const sim_verb sim_verb_check;
extern const sim_verb sim_verb_bless;
extern const sim_verb sim_verb_explain;
extern const sim_verb sim_verb_graph;
extern const sim_verb sim_verb_fuzz;
extern const sim_verb sim_verb_calibrate;
extern const sim_verb sim_verb_validate;

/* Prints "cortigrid: SENTENCE" on stderr and gives the exit status that fits. */
int sim_cli_fail(const cg_error *error);

/* The project's root: where scenarios, profiles and results lie. */
const char *sim_cli_root(void);
/* `path` below the root when it is relative and exists only there, otherwise itself. Returns
 * buffer. */
const char *sim_cli_find(const char *path, char *buffer, size_t capacity_bytes);

/* The same for the files that a point's topology names. */
void sim_cli_find_files(sim_options *options);

/* Where figures of a database go: `given`, which must exist, or (NULL) the folder "figures"
 * beside the database, which is made. */
cg_status sim_cli_figure_folder(const char *database, const char *given, char *folder,
                                size_t capacity_bytes, cg_error *error);

#endif
