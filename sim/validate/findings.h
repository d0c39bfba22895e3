/* What a validation found: a row a check, and whether it is met.
 */
#ifndef SIM_VALIDATE_FINDINGS_H
#define SIM_VALIDATE_FINDINGS_H

#include <stdio.h>

#include "engine/base/status.h"

enum { SIM_FINDINGS_MAX = 256, SIM_FINDING_BYTES = 64 };

typedef enum sim_verdict {
    SIM_VERDICT_MET,
    SIM_VERDICT_MISSED,
    SIM_VERDICT_NONE /* said beside the others, not judged */
} sim_verdict;

typedef struct sim_finding {
    char check[SIM_FINDING_BYTES];    /* "M/M/1" */
    char set[SIM_FINDING_BYTES];      /* "load 0.5" */
    char expected[SIM_FINDING_BYTES]; /* the closed form, or the wall's time */
    char found[SIM_FINDING_BYTES];
    char error[SIM_FINDING_BYTES];
    char coverage[SIM_FINDING_BYTES]; /* of the intervals, or "-" */
    sim_verdict verdict;
} sim_finding;

typedef struct sim_findings {
    sim_finding rows[SIM_FINDINGS_MAX];
    uint32_t count;
    uint32_t missed;
} sim_findings;

/* A new row, all "-", to be filled in; the last one again when there is no room (a limit that no validation
 * comes near). */
sim_finding *sim_findings_add(sim_findings *findings, const char *check);
void sim_findings_judge(sim_findings *findings, sim_finding *finding, bool is_met);
/* Aligned columns, or with is_markdown a table of Markdown. */
void sim_findings_print(const sim_findings *findings, bool is_markdown, FILE *file);

#endif
