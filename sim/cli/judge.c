#include "sim/cli/judge.h"

#include <stdlib.h>

#include "analysis/table/claim.h"
#include "sim/record/recorder.h"

static cg_status judge(const char *database, const sim_plan *plan, cg_error *error) {
    cg_claim_outcome *outcomes = calloc(plan->claim_count, sizeof *outcomes);
    if (!outcomes) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for %u claims",
                            plan->claim_count);
    }
    cg_status status =
        an_claims_judge(database, plan->name, outcomes, plan->claim_count, error);
    if (status == CG_OK) {
        status = sim_recorder_claims(database, plan, outcomes, error);
    }
    free(outcomes);
    return status;
}

cg_status sim_cli_finish(const char *database, const sim_plan *plan, uint64_t *fingerprint,
                         cg_error *error) {
    cg_status status = plan->claim_count > 0 ? judge(database, plan, error) : CG_OK;
    return status == CG_OK ? sim_recorder_finish(database, plan, fingerprint, error) : status;
}
