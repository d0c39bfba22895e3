#include "sim/calibrate/probe.h"

#include "sim/calibrate/stopwatch.h"

static const uint64_t turn_ns = 2000000;

static double operations_of(const cg_work *work) {
    double sum = 0.0;
    for (int kind = 0; kind < CG_WORK_KIND_COUNT; kind++) {
        sum += (double)work->operations[kind];
    }
    return sum;
}

static cg_status one_turn(const sim_probe *probe, sim_fit_work *out, cg_error *error) {
    *out = (sim_fit_work){.ns = 0.0};
    uint64_t from = sim_stopwatch_ns();
    uint64_t passed = 0;
    cg_status status = CG_OK;
    while (status == CG_OK && passed < turn_ns) {
        status = probe->run(probe->context, &out->work, error);
        passed = sim_stopwatch_ns() - from;
    }
    out->ns = (double)passed;
    return status;
}

cg_status sim_probe_time(const sim_probe *probe, sim_fit_work *out, cg_error *error) {
    sim_fit_work best = {.ns = 0.0};
    double least = 0.0;
    cg_status status = CG_OK;
    for (int turn = 0; status == CG_OK && turn <= SIM_PROBE_TURNS; turn++) {
        sim_fit_work now;
        status = one_turn(probe, &now, error);
        double operations = operations_of(&now.work);
        if (status == CG_OK && !(operations > 0.0)) {
            return cg_error_set(error, CG_ERROR_INVALID, "a probe counted no work");
        }
        double each = now.ns / operations;
        if (status == CG_OK && turn > 0 && (turn == 1 || each < least)) {
            best = now;
            least = each;
        }
    }
    if (status == CG_OK) {
        *out = best;
    }
    return status;
}
