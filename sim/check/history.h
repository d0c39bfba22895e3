/* Histories: what clients asked, when, and what they were told (spec G12).
 *
 * A history is a list of operations as clients see them, nothing of it from inside the cluster.
 * An operation is open until it is completed, once, and then:
 *   ok       it took effect (or read) at some instant between its two times;
 *   failed   it had no effect and never will;
 *   unknown  it may have taken effect, may yet at any time after its invocation, or never will
 *            (Jepsen's :info); so may an operation that stays open.
 *
 * Invariant: an id is there once; what is complete does not change again. In canonical order
 * operations go up by (invoke_ns, id). docs/histories.md has the form as JSON lines and says how
 * Porcupine, Knossos and Elle read it.
 */
#ifndef SIM_CHECK_HISTORY_H
#define SIM_CHECK_HISTORY_H

#include <stdio.h>

#include "engine/base/memory.h"
#include "engine/base/status.h"

#define SIM_TIME_NONE UINT64_MAX /* a time that has not come */

enum {
    SIM_BATCH_PLACE_SHIFT = 48,  /* fact k of a batch has the key (batch's key + k * 2^48) */
    SIM_BATCH_FACTS_MAX = 1024,  /* facts in one batch */
    SIM_HISTORY_LINE_BYTES = 640 /* no line is longer, with its newline and a NUL */
};

typedef enum sim_operation_kind {
    SIM_OPERATION_ALLOCATE,
    SIM_OPERATION_BATCH,
    SIM_OPERATION_DEALLOCATE,
    SIM_OPERATION_GET,
    SIM_OPERATION_EDGE_OBSERVE,
    SIM_OPERATION_EDGE_REMOVE,
    SIM_OPERATION_RECALL,
    SIM_OPERATION_SPREAD,
    SIM_OPERATION_KIND_COUNT
} sim_operation_kind;
const char *sim_operation_kind_name(sim_operation_kind kind); /* "allocate"; static storage */

typedef enum sim_effect {
    SIM_EFFECT_OPEN,
    SIM_EFFECT_OK,
    SIM_EFFECT_FAILED,
    SIM_EFFECT_UNKNOWN,
    SIM_EFFECT_COUNT
} sim_effect;
const char *sim_effect_name(sim_effect outcome); /* "open", "ok", "fail", "info" */

/* What a status that a client was given says about the effect: CG_OK and CG_ERROR_PARTIAL are
 * ok; a refusal (invalid, not_found, exists, full, version, overloaded, conflict) is failed; all
 * others, as a timeout, an unreachable host or a crash, are unknown. */
sim_effect sim_effect_of(cg_status status);

/* When a change was acknowledged: see docs/histories.md for what each mode promises. */
typedef enum sim_mode {
    SIM_MODE_NONE, /* not said, or nothing was changed */
    SIM_MODE_PRIMARY,
    SIM_MODE_QUORUM,
    SIM_MODE_ALL,
    SIM_MODE_COUNT
} sim_mode;
const char *sim_mode_name(sim_mode mode); /* "none", "primary", "quorum", "all" */

typedef struct sim_operation {
    uint64_t id;  /* one a call; unique in the history */
    uint64_t key; /* the register that it is about: of a fact, the id of the request that
                   * allocated it; of an edge, a hash or an index */
    uint64_t invoke_ns;
    uint64_t complete_ns; /* SIM_TIME_NONE while open */
    uint64_t value;       /* what the register was given or shows (fact id, or concept: the same
                           * for writers and readers); fact k of a batch has value + k */
    uint64_t fact_id;     /* allocate, batch (its first, the others follow it), deallocate: as
                           * answered; or 0 */
    uint64_t slot;        /* of the fact, when has_slot */
    uint64_t epoch;       /* that the host answered in; 0: not said */
    uint32_t client;
    uint32_t host_asked;
    uint32_t host_answered; /* when has_answer */
    uint32_t space;         /* memory space that it is about */
    uint32_t count; /* batch: facts asked for while open or unknown, then facts stored */
    sim_operation_kind kind;
    sim_effect outcome;
    cg_status status;
    sim_mode acknowledge;
    bool promised;  /* a get that promises the client's own writes and monotonic reads, and to
                     * be linearizable where the register's writes are */
    bool found;     /* a get that found the fact; false when it is absent or removed */
    bool has_value; /* value is known */
    bool has_slot;
    bool
        has_answer; /* a host answered: not so for a timeout that the client found out itself */
} sim_operation;

typedef struct sim_history sim_history;

/* operations_max: bounds its memory (some 200 bytes an operation, with the index of ids, and twice
 * that just after it grew); 0 is invalid. */
cg_status sim_history_alloc(cg_allocator allocator, size_t operations_max, sim_history **out,
                            cg_error *error);
void sim_history_free(sim_history *history); /* NULL is fine */

/* Begins an operation: of `operation`, id, key, invoke_ns, client, host_asked, space, kind,
 * acknowledge, promised, count (batch: 1..SIM_BATCH_FACTS_MAX) and, where the caller gives it,
 * value are read. CG_ERROR_EXISTS when the id is there, CG_ERROR_FULL, CG_ERROR_INVALID,
 * CG_ERROR_MEMORY. */
cg_status sim_history_invoke(sim_history *history, const sim_operation *operation,
                             cg_error *error);

/* Ends operation answer->id with the answer's complete_ns, status, host_answered, epoch, fact_id,
 * slot, value, found, count and their has_ flags, and acknowledge unless NONE; its outcome is
 * sim_effect_of(answer->status), but a get with CG_ERROR_NOT_FOUND is ok and found nothing.
 * A value given at its invocation stays when the answer has none. CG_ERROR_NOT_FOUND for an id
 * that was never invoked, CG_ERROR_EXISTS for one that is complete: a late second answer changes
 * nothing. CG_ERROR_INVALID when it would end before it began, or store more than was asked. */
cg_status sim_history_complete(sim_history *history, const sim_operation *answer,
                               cg_error *error);

/* Adds a whole operation, complete or open, as it is; checked as by both above. */
cg_status sim_history_add(sim_history *history, const sim_operation *operation,
                          cg_error *error);

size_t sim_history_count(const sim_history *history);
bool sim_history_find(const sim_history *history, uint64_t id, sim_operation *out);

/* Brings the operations into canonical order; O(n log n), nothing to do when they came so.
 * CG_ERROR_MEMORY leaves all as it was. */
cg_status sim_history_sort(sim_history *history, cg_error *error);
/* [sim_history_count], in canonical order once sorted and until the next operation is added,
 * otherwise as added. Borrowed until then. */
const sim_operation *sim_history_operations(const sim_history *history);

/* Takes the operations back that were added last, down to `count`. */
void sim_history_truncate(sim_history *history, size_t count);

/* -- As JSON lines (docs/histories.md): one operation a line, fields in one order, integers
 * exact; the same history gives the same bytes. */

/* One line with its newline, and a NUL. Returns its length. */
size_t sim_history_line(const sim_operation *operation, char line[SIM_HISTORY_LINE_BYTES]);
/* All operations, in canonical order (sorts first). CG_ERROR_IO when the file cannot take them. */
cg_status sim_history_write(sim_history *history, FILE *file, cg_error *error);
/* Adds the lines' operations to `history`. Fields may stand in any order; all are required,
 * unknown and doubled ones are refused, and empty lines are passed over. CG_ERROR_CORRUPT names
 * line and field; it, CG_ERROR_EXISTS, CG_ERROR_FULL and CG_ERROR_MEMORY leave `history` as it
 * was before the first line. */
cg_status sim_history_read(sim_history *history, const char *bytes, size_t size_bytes,
                           cg_error *error);

#endif
