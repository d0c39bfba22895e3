/* Claims of an experiment: judging them from its figures, and reading what was judged.
 *
 * A claim's figure is a cell of the table with its column: repetitions joined, quantiles from
 * merged histograms (sheet.h). It is held to its bound at every combination of factor values that
 * its selector takes, so a selector that leaves a factor open claims the bound for all its values;
 * the figure nearest to missing is the one that is shown. Combinations are never joined: their
 * mean would hide the one that misses. With an over-selector the figure is the ratio to the
 * cell at the same combination with these values, without an interval.
 *
 * A claim is open when it cannot be judged: a point that it needs has failed, or states no such
 * figure; the figure it is divided by is 0; its unit does not measure the figure. Some of the
 * repetitions are not enough, because those that failed might be the ones that miss.
 */
#ifndef AN_TABLE_CLAIM_H
#define AN_TABLE_CLAIM_H

#include "analysis/table/database.h"
#include "results/claim.h"

typedef struct an_claim {
    const char *name; /* "CL-33" */
    const char *metric;
    const char *statistic;
    const char *selector; /* lines "factor=value"; "" for all combinations */
    const char *over;     /* as selector; NULL: no ratio */
    cg_claim_operator op;
    double bound;
    const char *unit; /* of bound, aim and the outcome */
    bool has_aim;
    double aim;
    const char *note;
    cg_claim_outcome outcome; /* as stored */
} an_claim;

/* The experiment's claims in their order, in the database's pool. */
cg_status an_claims_read(an_database *database, an_claim **out, uint32_t *count,
                         cg_error *error);

/* Judges every claim of the experiment, whose stored outcomes it does not look at, into
 * outcomes[count]; count must be the number of its claims. What makes a claim open is no error;
 * a damaged database is. */
cg_status an_claims_judge(const char *path, const char *experiment, cg_claim_outcome *outcomes,
                          uint32_t count, cg_error *error);

/* How many have each verdict. */
void an_claims_count(const an_claim *claims, uint32_t count,
                     uint32_t verdicts[CG_CLAIM_VERDICTS]);

#endif
