#include "sim/workload/period.h"

#include "sim/scenario/load_phase.h"

void sim_periods_init(sim_periods *periods, const sim_workload_input *input) {
    CG_ASSERT(input->phase_count <= SIM_PHASES_MAX);
    periods->list[0] = (sim_period){.load = *input->load};
    periods->count = 1;
    for (uint32_t i = 0; i < input->phase_count; i++) {
        sim_period *period = &periods->list[periods->count++];
        *period = period[-1];
        period->from_ns = input->phases[i].at_ns;
        sim_load_phase_apply(&input->phases[i], &period->load, &period->rotate);
    }
}

uint32_t sim_periods_find(const sim_periods *periods, uint32_t from, uint64_t at_ns) {
    while (from + 1 < periods->count && periods->list[from + 1].from_ns <= at_ns) {
        from++;
    }
    return from;
}
