#include "sim/workload/warm.h"

cg_status sim_warm_init(sim_warm *warm, const sim_workload_input *input, uint64_t draws,
                        cg_allocator allocator, cg_error *error) {
    *warm = (sim_warm){.weights = {.allocator = allocator}};
    sim_periods_init(&warm->periods, input);
    if (input->load->popularity == SIM_LAW_FILE) {
        cg_status status =
            sim_weights_read(input->load->popularity_file, allocator, &warm->weights, error);
        if (status != CG_OK) {
            return status;
        }
    }
    sim_laws_init(&warm->laws, &warm->periods, input->keys, &warm->weights, draws);
    warm->ranks =
        sim_permutation_init(input->keys, sim_workload_rank_seed(input), "workload.rank");
    warm->stream = cg_stream_init(input->seed, "workload.warm", 0);
    return CG_OK;
}

void sim_warm_deinit(sim_warm *warm) {
    sim_weights_deinit(&warm->weights);
}

uint64_t sim_warm_next(sim_warm *warm) {
    return sim_permutation_at(&warm->ranks,
                              sim_laws_draw(&warm->laws, &warm->periods, 0, &warm->stream));
}
