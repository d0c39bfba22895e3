/* Counting violations, with the sentence of the first: what the checkers over histories share. */
#ifndef SIM_CHECK_TALLY_H
#define SIM_CHECK_TALLY_H

#include "engine/base/status.h"

typedef struct sim_tally {
    uint64_t violations;
    cg_error first;
} sim_tally;

/* Counts one more in *(count), a uint64_t, and in all. */
#define SIM_VIOLATION(tally, count, ...)                                                       \
    do {                                                                                       \
        ++*(count);                                                                            \
        if ((tally)->violations++ == 0) {                                                      \
            (void)cg_error_set(&(tally)->first, CG_ERROR_CORRUPT, __VA_ARGS__);                \
        }                                                                                      \
    } while (0)

/* CG_OK, or CG_ERROR_CORRUPT with the first sentence. */
static inline cg_status sim_tally_status(const sim_tally *tally, cg_error *error) {
    return tally->violations == 0
               ? CG_OK
               : cg_error_set(error, CG_ERROR_CORRUPT, "%s", tally->first.message);
}

#endif
