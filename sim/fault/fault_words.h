/* The words for a fault, whether of the network or of hosts: the line that the time line of results
 * has of it, said piece by piece, and how an error names it. For sim/fault alone. */
#ifndef SIM_FAULT_FAULT_WORDS_H
#define SIM_FAULT_FAULT_WORDS_H

#include <stddef.h>

#include "sim/scenario/options.h"

/* The caller's text, which always ends in NUL where it has any room; length counts on when the room
 * is used up, so that in the end it is what snprintf would return. */
typedef struct sim_fault_line {
    char *text;
    size_t capacity_bytes;
    size_t length;
} sim_fault_line;

/* snprintf at the end of what there is. */
__attribute__((format(printf, 2, 3))) void sim_fault_say(sim_fault_line *line,
                                                         const char *format, ...);
/* ": host 1" or ": hosts 1, 2": those of the fault. */
void sim_fault_say_hosts(sim_fault_line *line, const sim_fault *fault);

/* Says in front of the error which of the scenario's faults it is of: "faults[1] (crash): ", with
 * index 0. Returns the status. */
cg_status sim_fault_blame(cg_status status, const sim_fault *fault, uint32_t index,
                          cg_error *error);

#endif
