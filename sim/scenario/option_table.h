/* The table of options: every option's path, kind, limits, default and one line of
 * documentation.
 *
 * Invariants, asserted by options_test: paths are unique, options of one group stand together,
 * and every default lies within its limits.
 */
#ifndef SIM_SCENARIO_OPTION_TABLE_H
#define SIM_SCENARIO_OPTION_TABLE_H

#include "sim/scenario/options.h"
#include "sim/scenario/units.h"

/* How an option lies in sim_options. */
typedef enum sim_store {
    SIM_STORE_U32,
    SIM_STORE_U64,
    SIM_STORE_DOUBLE,
    SIM_STORE_BOOL,
    SIM_STORE_CHOICE, /* an enum that counts from 0 */
    SIM_STORE_TEXT    /* char[SIM_PATH_BYTES] */
} sim_store;

typedef enum sim_option_flag {
    SIM_OPTION_GRAPH = 1, /* the prepared graph depends on it */
    SIM_OPTION_ALL = 2,   /* "all" is accepted and stored as 0 */
    SIM_OPTION_OWN = 4    /* set by the program itself, never by a scenario or --set */
} sim_option_flag;

enum { SIM_CHOICES_MAX = 8 };

typedef struct sim_option {
    const char *path;
    size_t offset; /* in sim_options */
    sim_store store;
    unsigned flags;        /* of sim_option_flag */
    sim_quantity quantity; /* of numbers: unit and limits */
    const char *choices[SIM_CHOICES_MAX];
    const char *default_text;
    const char *doc;
} sim_option;

extern const sim_option sim_option_table[];
extern const size_t sim_option_count;

/* NULL when there is none of that path. */
const sim_option *sim_option_find(const char *path);

/* Sets, checks the limits of, and formats one option. The error does not name the path: the
 * caller does. */
cg_status sim_option_set_text(const sim_option *option, sim_options *options, const char *value,
                              cg_error *error);
/* Canonical text, at most SIM_PATH_BYTES with its NUL. */
void sim_option_format(const sim_option *option, const sim_options *options,
                       char text[SIM_PATH_BYTES]);

/* "a, b and c" into text; fills at most `capacity`. */
void sim_choices_join(const char *const *choices, size_t count, char *text, size_t capacity);
/* The place of `value` among the choices (ended by NULL or `capacity`). */
cg_status sim_choices_find(const char *const *choices, size_t capacity, const char *value,
                           size_t *out, cg_error *error);

#endif
