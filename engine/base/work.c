/* Names, units and sums of work. */
#include "engine/base/work.h"

#include <stddef.h>

static const char *const kind_names[CG_WORK_KIND_COUNT] = {
#define KIND_NAME(id, name, unit) [id] = (name),
    CG_WORK_KINDS(KIND_NAME)
#undef KIND_NAME
};

static const char *const kind_units[CG_WORK_KIND_COUNT] = {
#define KIND_UNIT(id, name, unit) [id] = (unit),
    CG_WORK_KINDS(KIND_UNIT)
#undef KIND_UNIT
};

const char *cg_work_kind_name(cg_work_kind kind) {
    return (unsigned)kind < CG_WORK_KIND_COUNT ? kind_names[kind] : "unknown";
}

const char *cg_work_kind_unit(cg_work_kind kind) {
    return (unsigned)kind < CG_WORK_KIND_COUNT ? kind_units[kind] : "unknown";
}

void cg_work_add(cg_work *into, const cg_work *from) {
    if (!into || !from) {
        return;
    }
    for (size_t kind = 0; kind < CG_WORK_KIND_COUNT; kind++) {
        into->operations[kind] += from->operations[kind];
        into->units[kind] += from->units[kind];
    }
}

uint64_t cg_work_distances(const cg_work *work) {
    uint64_t distances = 0;
    for (int kind = CG_WORK_DISTANCE_F32; kind <= CG_WORK_DISTANCE_I1; kind++) {
        distances += work->operations[kind];
    }
    return distances;
}
