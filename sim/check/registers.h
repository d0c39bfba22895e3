/* A history by register: the operations on each key, in canonical order, with every batch
 * replaced by the allocations of its facts. What the checkers walk over.
 */
#ifndef SIM_CHECK_REGISTERS_H
#define SIM_CHECK_REGISTERS_H

#include "sim/check/history.h"

typedef struct sim_registers {
    sim_operation *operations; /* by (key, invoke_ns, id); none is a batch, recall or spread */
    size_t count;
    size_t capacity;
    cg_allocator allocator;
} sim_registers;

/* Copies what is in `history` (sorted or not). Edge operations have keys of their own kind and
 * are left out. Deinit also after a failure, CG_ERROR_MEMORY, is fine. */
cg_status sim_registers_init(sim_registers *registers, cg_allocator allocator,
                             const sim_history *history, cg_error *error);
void sim_registers_deinit(sim_registers *registers);

/* The operations of one key from `from` on: their number, 0 at the end. */
size_t sim_registers_next(const sim_registers *registers, size_t from);

/* "allocate 7 (client 1, host 2, 10..20 ns, ok)": an operation in a sentence; returns `text`. */
enum { SIM_OPERATION_TEXT_BYTES = 176 };
const char *sim_operation_text(const sim_operation *operation,
                               char text[SIM_OPERATION_TEXT_BYTES]);

#endif
