/* Command lines: a verb's options as a table, from which parsing and --help both come.
 */
#ifndef SIM_CLI_ARGS_H
#define SIM_CLI_ARGS_H

#include <stdio.h>

#include "engine/base/status.h"

enum { SIM_ARGS_VALUES_MAX = 64 };

typedef struct sim_arg {
    const char *name; /* "--jobs"; or "-o" */
    const char
        *value; /* what stands for its value in --help, "N"; NULL: the option is a switch */
    const char *help;
} sim_arg;

typedef struct sim_verb {
    const char *name;
    const char *operands; /* "FILE.lua", for the usage line */
    const char *summary;
    const sim_arg *args; /* ends with a NULL name */
    uint32_t operands_min;
    uint32_t operands_max;
    int (*run)(int argc, char **argv); /* argv[0] is the verb; returns the exit status */
} sim_verb;

typedef struct sim_args {
    const char *names[SIM_ARGS_VALUES_MAX]; /* options given, in order */
    const char *values[SIM_ARGS_VALUES_MAX];
    uint32_t count;
    const char *operands[SIM_ARGS_VALUES_MAX];
    uint32_t operand_count;
    bool help;
} sim_args;

/* "--name value" and "--name=value"; "--" ends the options. CG_ERROR_INVALID names what is
 * wrong. */
cg_status sim_args_parse(const sim_verb *verb, int argc, char **argv, sim_args *out,
                         cg_error *error);
bool sim_args_has(const sim_args *args, const char *name);
/* The last value given, or `fallback`. */
const char *sim_args_value(const sim_args *args, const char *name, const char *fallback);
/* All values of an option that may be repeated; values: room for SIM_ARGS_VALUES_MAX. Returns
 * how many. */
uint32_t sim_args_values(const sim_args *args, const char *name, const char **values);
/* A whole number in [least, greatest]; `out` holds the fallback beforehand. */
cg_status sim_args_number(const sim_args *args, const char *name, uint64_t least,
                          uint64_t greatest, uint64_t *out, cg_error *error);
void sim_args_help(const sim_verb *verb, FILE *file);

#endif
