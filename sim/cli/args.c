#include "sim/cli/args.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const sim_arg *find_arg(const sim_verb *verb, const char *name, size_t length) {
    for (const sim_arg *arg = verb->args; arg->name; ++arg) {
        if (strlen(arg->name) == length && strncmp(arg->name, name, length) == 0) {
            return arg;
        }
    }
    return NULL;
}

static cg_status take_option(const sim_verb *verb, int argc, char **argv, int *at,
                             sim_args *args, cg_error *error) {
    const char *text = argv[*at];
    const char *equals = strchr(text, '=');
    size_t length = equals ? (size_t)(equals - text) : strlen(text);
    const sim_arg *arg = find_arg(verb, text, length);
    if (!arg) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%s: unknown option %.*s; see cortigrid %s --help", verb->name,
                            (int)length, text, verb->name);
    }
    const char *value = equals ? equals + 1 : NULL;
    if (!arg->value && value) {
        return cg_error_set(error, CG_ERROR_INVALID, "%s: %s takes no value", verb->name,
                            arg->name);
    }
    if (arg->value && !value) {
        if (*at + 1 >= argc) {
            return cg_error_set(error, CG_ERROR_INVALID, "%s: %s needs a value: %s %s",
                                verb->name, arg->name, arg->name, arg->value);
        }
        value = argv[++*at];
    }
    if (args->count == SIM_ARGS_VALUES_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID, "%s: more than %d options", verb->name,
                            SIM_ARGS_VALUES_MAX);
    }
    args->names[args->count] = arg->name;
    args->values[args->count++] = value;
    return CG_OK;
}

cg_status sim_args_parse(const sim_verb *verb, int argc, char **argv, sim_args *out,
                         cg_error *error) {
    sim_args args = {0};
    bool options = true;
    for (int i = 1; i < argc; ++i) {
        const char *text = argv[i];
        if (options && (strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0)) {
            args.help = true;
        } else if (options && strcmp(text, "--") == 0) {
            options = false;
        } else if (options && text[0] == '-' && text[1] != '\0') {
            cg_status status = take_option(verb, argc, argv, &i, &args, error);
            if (status != CG_OK) {
                return status;
            }
        } else if (args.operand_count < SIM_ARGS_VALUES_MAX) {
            args.operands[args.operand_count++] = text;
        }
    }
    if (!args.help &&
        (args.operand_count < verb->operands_min || args.operand_count > verb->operands_max)) {
        const char *problem = args.operand_count > verb->operands_max ? "too many operands"
                                                                      : "an operand is missing";
        return cg_error_set(error, CG_ERROR_INVALID, "%s: %s; usage: cortigrid %s [options] %s",
                            verb->name, problem, verb->name, verb->operands);
    }
    *out = args;
    return CG_OK;
}

bool sim_args_has(const sim_args *args, const char *name) {
    for (uint32_t i = 0; i < args->count; ++i) {
        if (strcmp(args->names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

const char *sim_args_value(const sim_args *args, const char *name, const char *fallback) {
    const char *value = fallback;
    for (uint32_t i = 0; i < args->count; ++i) {
        if (strcmp(args->names[i], name) == 0) {
            value = args->values[i];
        }
    }
    return value;
}

uint32_t sim_args_values(const sim_args *args, const char *name, const char **values) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < args->count; ++i) {
        if (strcmp(args->names[i], name) == 0) {
            values[count++] = args->values[i];
        }
    }
    return count;
}

cg_status sim_args_number(const sim_args *args, const char *name, uint64_t least,
                          uint64_t greatest, uint64_t *out, cg_error *error) {
    const char *text = sim_args_value(args, name, NULL);
    if (!text) {
        return CG_OK;
    }
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || value < least ||
        value > greatest) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%s: \"%s\" is not a whole number from %llu to %llu", name, text,
                            (unsigned long long)least, (unsigned long long)greatest);
    }
    *out = value;
    return CG_OK;
}

void sim_args_help(const sim_verb *verb, FILE *file) {
    fprintf(file, "usage: cortigrid %s [options] %s\n\n%s\n\n", verb->name, verb->operands,
            verb->summary);
    for (const sim_arg *arg = verb->args; arg->name; ++arg) {
        char left[64];
        snprintf(left, sizeof left, "%s %s", arg->name, arg->value ? arg->value : "");
        fprintf(file, "  %-22s %s\n", left, arg->help);
    }
    fprintf(file, "  %-22s %s\n", "--help", "this text");
}
