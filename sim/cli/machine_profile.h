/* This machine's profile, for the verbs that need one.
 */
#ifndef SIM_CLI_MACHINE_PROFILE_H
#define SIM_CLI_MACHINE_PROFILE_H

#include "sim/calibrate/calibrate.h"
#include "sim/cli/progress.h"

/* Threads of this machine, and progress, which must outlive the options. */
void sim_machine_options(sim_calibrate_options *options, sim_progress *progress);
/* The committed reference profile. */
cg_status sim_machine_reference(sim_profile *out, cg_error *error);
/* Calibrates; the profile's text in a heap block freed with free(). */
cg_status sim_machine_text(const sim_calibrate_options *options, char **text, cg_error *error);

#endif
