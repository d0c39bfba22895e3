/* The end of a run: its claims are judged from the figures stored, then its fingerprint is taken.
 */
#ifndef SIM_CLI_JUDGE_H
#define SIM_CLI_JUDGE_H

#include "sim/scenario/scenario.h"

/* Both in the database, which nobody else may be writing. */
cg_status sim_cli_finish(const char *database, const sim_plan *plan, uint64_t *fingerprint,
                         cg_error *error);

#endif
