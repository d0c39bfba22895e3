/* --set PATH=VALUE on a command line. */
#ifndef SIM_CLI_SETTINGS_H
#define SIM_CLI_SETTINGS_H

#include "sim/cli/args.h"
#include "sim/scenario/scenario.h"

enum { SIM_SETTING_PATH_BYTES = 256 };

typedef struct sim_settings {
    sim_scenario_setting items[SIM_ARGS_VALUES_MAX]; /* borrow from paths and the arguments */
    char paths[SIM_ARGS_VALUES_MAX][SIM_SETTING_PATH_BYTES];
    uint32_t count;
} sim_settings;

/* Every --set of args, in order. CG_ERROR_INVALID for what is not PATH=VALUE. */
cg_status sim_settings_read(const sim_args *args, sim_settings *out, cg_error *error);

#endif
