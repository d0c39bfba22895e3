/* Linearizability of a history, register by register (Herlihy & Wing 1990).
 *
 * A register's history is linearizable when its operations can be put in one order, each at an
 * instant between its invocation and its answer, so that a sequential model explains every
 * answer. A history is linearizable exactly when each of its registers is (locality, theorem 1;
 * Horn & Kroening 2015), so each is searched alone.
 *
 * Unknown and open operations may take effect at any time after their invocation or never; failed
 * ones never do. Of two operations of one nanosecond neither is before the other.
 */
#ifndef SIM_CHECK_LINEARIZABLE_H
#define SIM_CHECK_LINEARIZABLE_H

#include "engine/base/map.h"
#include "sim/check/history.h"

/* What a register holds: compared word by word, so unused words are 0. */
typedef struct sim_register_state {
    uint64_t words[2];
} sim_register_state;

typedef enum sim_use {
    SIM_USE_NONE, /* says nothing about the register */
    SIM_USE_MAY,  /* may take effect after its invocation, at any time or never */
    SIM_USE_MUST  /* takes effect between its two times */
} sim_use;

/* A sequential specification. Deterministic: `step` gives one next state, or false when the
 * operation cannot happen, with that answer, in that state. `next` may be changed then too. */
typedef struct sim_model {
    const char *name;
    sim_register_state initial;
    sim_use (*use)(const sim_operation *operation);
    bool (*step)(const sim_register_state *state, const sim_operation *operation,
                 sim_register_state *next);
    /* Never changes what is there (it may show what was not known): what can be explained with it
     * can be explained without it. */
    bool (*only_reads)(const sim_operation *operation);
} sim_model;

/* A fact: absent, then present with one value, then removed, for good. allocate: once, so a
 * second one that was acknowledged has no place. deallocate: of what is present; one that was
 * refused with CG_ERROR_NOT_FOUND says that it was not. get: the value, or that there is none.
 * An allocation whose answer was never seen has any value, and the first get that shows one
 * binds it. Edge operations: none. */
const sim_model *sim_model_fact(void);
/* A read/write register that begins at 0: allocate writes `value`, get reads it (`found` is not
 * read, has_value must be set); all others: none. */
const sim_model *sim_model_register(void);

enum {
    SIM_LINEAR_OPERATIONS_MAX = 1024,    /* on one register; more are not searched: unknown */
    SIM_LINEAR_STATES_DEFAULT = 1 << 18, /* at most 70 MB */
    SIM_LINEAR_MODES_ALL = 0             /* whatever the mode of acknowledgement */
};

typedef struct sim_linear_options {
    const sim_model *model; /* NULL: sim_model_fact() */
    uint64_t states_max;    /* searched a register; 0: SIM_LINEAR_STATES_DEFAULT */
    /* Registers that are to be checked: bits (1 << sim_mode), where all that their
     * acknowledged changes say must be among them; 0: all registers. */
    uint32_t modes;
    bool promised_only;      /* reads without `promised` say nothing */
    const cg_table *excused; /* keys that are not checked (guarantees.h); NULL: none */
} sim_linear_options;

typedef struct sim_linear_report {
    uint64_t registers;  /* checked */
    uint64_t skipped;    /* by `modes`, or excused */
    uint64_t operations; /* searched */
    uint64_t violated;
    uint64_t unknown;        /* given up: too many states or operations */
    uint64_t states;         /* visited, of all registers */
    uint64_t states_peak;    /* of one register */
    uint64_t first_violated; /* key, when violated > 0 */
    uint64_t first_unknown;  /* key, when unknown > 0 */
} sim_linear_report;

/* CG_OK: every register is linearizable. CG_ERROR_CORRUPT: `error` names the lowest key that is
 * not, the shortest prefix of its history that cannot be explained (by the answer that ends it),
 * and the operations in it that matter, reads that do not left out. CG_ERROR_PARTIAL: none was
 * seen, but some key had too many states or operations to tell; it is named. In these three
 * cases *report is filled. CG_ERROR_MEMORY, CG_ERROR_INVALID (a bit of modes that is no mode). A
 * prefix is the shortest unless the budget ended before that was certain.
 *
 * Cost: about operations * concurrency for histories that are linearizable; never more than
 * states_max states a register, a few times over for one that is not. options: NULL gives the
 * defaults. */
cg_status sim_check_linearizable(cg_allocator allocator, const sim_history *history,
                                 const sim_linear_options *options, sim_linear_report *report,
                                 cg_error *error);

#endif
