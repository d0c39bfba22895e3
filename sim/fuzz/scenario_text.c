#include "sim/fuzz/scenario_text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/scenario/fault_text.h"
#include "sim/scenario/option_table.h"

enum { DEPTH_MAX = 8 };
static const char seed_words[] = "-- Run with --seed ";

/* --- options as nested tables ------------------------------------------------------------ */

typedef struct nesting {
    char open[SIM_PATH_BYTES]; /* "engine.tiers": the tables that are open */
    uint32_t depth;
} nesting;

static void indent(FILE *file, uint32_t depth) {
    fprintf(file, "%*s", (int)(4 + 2 * depth), "");
}

/* Closes tables until those that are open are a prefix of the groups of `path`. */
static void close_tables(nesting *self, const char *path, FILE *file) {
    while (self->depth > 0) {
        size_t length = strlen(self->open);
        if (strncmp(self->open, path, length) == 0 && path[length] == '.') {
            return;
        }
        char *last = strrchr(self->open, '.');
        *(last ? last : self->open) = '\0';
        self->depth--;
        indent(file, self->depth);
        fprintf(file, "},\n");
    }
}

static void open_tables(nesting *self, const char *path, FILE *file) {
    for (;;) {
        size_t used = strlen(self->open);
        const char *rest = self->depth > 0 ? path + used + 1 : path;
        const char *dot = strchr(rest, '.');
        if (!dot) {
            return;
        }
        indent(file, self->depth);
        fprintf(file, "%.*s = {\n", (int)(dot - rest), rest);
        snprintf(self->open, sizeof self->open, "%.*s", (int)(dot - path), path);
        self->depth++;
    }
}

static void write_options(const sim_options *options, const sim_options *usual, FILE *file) {
    nesting self = {{0}, 0};
    for (size_t i = 0; i < sim_option_count; ++i) {
        const sim_option *option = &sim_option_table[i];
        char text[SIM_PATH_BYTES];
        char other[SIM_PATH_BYTES];
        sim_option_format(option, options, text);
        sim_option_format(option, usual, other);
        if ((option->flags & SIM_OPTION_OWN) || strcmp(text, other) == 0) {
            continue;
        }
        close_tables(&self, option->path, file);
        open_tables(&self, option->path, file);
        const char *last = strrchr(option->path, '.');
        const char *key = last ? last + 1 : option->path;
        indent(file, self.depth);
        fprintf(file, strcmp(key, "repeat") == 0 ? "[\"%s\"] = \"%s\",\n" : "%s = \"%s\",\n",
                key, text);
    }
    close_tables(&self, "", file);
}

/* --- faults ------------------------------------------------------------------------------- */

static void write_fault(const sim_fault *fault, FILE *file) {
    fprintf(file, "      {");
    for (int i = 0; i < SIM_FAULT_FIELDS; ++i) {
        const char *field = sim_fault_fields[i];
        char text[SIM_FAULT_VALUE_BYTES];
        if (!sim_fault_shows(fault, field)) {
            continue;
        }
        sim_fault_format(fault, field, text);
        if (strcmp(field, "hosts") == 0) {
            for (char *blank = text; (blank = strchr(blank, ' ')) != NULL;) {
                *blank = ',';
            }
            fprintf(file, " hosts = { %s },", text);
        } else if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
            fprintf(file, " %s = %s,", field, text);
        } else {
            fprintf(file, " %s = \"%s\",", field, text);
        }
    }
    fprintf(file, " },\n");
}

cg_status sim_scenario_write(const sim_scenario_text *text, const sim_options *options,
                             FILE *file, cg_error *error) {
    sim_options *usual = calloc(1, sizeof *usual);
    if (!usual) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a scenario's options");
    }
    sim_options_default(usual);
    fprintf(file, "-- %s\n--\n%s%" PRIu64 ".\n", text->question, seed_words, text->seed);
    fprintf(file, "return {\n  name = \"%s\",\n  point = function()\n    return {\n",
            text->name);
    write_options(options, usual, file);
    fprintf(file, "    faults = {\n");
    for (uint32_t i = 0; i < options->fault_count; ++i) {
        write_fault(&options->faults[i], file);
    }
    fprintf(file, "    },\n    }\n  end,\n}\n");
    free(usual);
    return fflush(file) == 0 && !ferror(file)
               ? CG_OK
               : cg_error_set(error, CG_ERROR_IO, "the scenario cannot be written");
}

bool sim_scenario_stated_seed(const char *source, uint64_t *seed) {
    const char *place = strstr(source, seed_words);
    if (!place) {
        return false;
    }
    char *end = NULL;
    unsigned long long number = strtoull(place + strlen(seed_words), &end, 10);
    if (end == place + strlen(seed_words)) {
        return false;
    }
    *seed = number;
    return true;
}
