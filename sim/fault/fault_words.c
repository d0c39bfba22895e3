#include "sim/fault/fault_words.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "sim/fault/schedule.h"

void sim_fault_say(sim_fault_line *line, const char *format, ...) {
    bool has_room = line->length < line->capacity_bytes;
    char *place = has_room ? line->text + line->length : NULL;
    size_t room_bytes = has_room ? line->capacity_bytes - line->length : 0;
    va_list arguments;
    va_start(arguments, format);
    int added = vsnprintf(place, room_bytes, format, arguments);
    va_end(arguments);
    line->length += added > 0 ? (size_t)added : 0;
}

void sim_fault_say_hosts(sim_fault_line *line, const sim_fault *fault) {
    sim_fault_say(line, ": %s", fault->host_count == 1 ? "host" : "hosts");
    for (uint32_t i = 0; i < fault->host_count; i++) {
        sim_fault_say(line, "%s %" PRIu32, i > 0 ? "," : "", fault->hosts[i]);
    }
}

cg_status sim_fault_blame(cg_status status, const sim_fault *fault, uint32_t index,
                          cg_error *error) {
    (void)cg_error_prefix(error, "faults[%" PRIu32 "] (%s): ", index + 1,
                          sim_fault_name(fault->action));
    return status;
}
