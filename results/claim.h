/* Claims: what those who write them (sim) and those who judge them (analysis) must agree on.
 *
 * A claim holds a figure to a bound, "tier.l12:share > 80 %". The figure is in its metric's base
 * unit, the bound in the unit that the claim is stated in. They are compared in whichever of the
 * two the conversion is a division: a division is rounded correctly, so 0.07 and 7 % are equal,
 * which 0.07 * 100 and 7 are not. Nothing else is rounded before a comparison.
 */
#ifndef CG_RESULTS_CLAIM_H
#define CG_RESULTS_CLAIM_H

#include "engine/base/status.h"

typedef enum cg_claim_operator {
    CG_CLAIM_LESS,
    CG_CLAIM_AT_MOST,
    CG_CLAIM_MORE,
    CG_CLAIM_AT_LEAST,
    CG_CLAIM_EQUAL,
    CG_CLAIM_OPERATORS
} cg_claim_operator;

typedef enum cg_claim_verdict {
    CG_CLAIM_OPEN, /* not measured */
    CG_CLAIM_MET,
    CG_CLAIM_MISSED,
    CG_CLAIM_VERDICTS
} cg_claim_verdict;

/* As they are written in scenarios and databases: "<", "<=", ">", ">=", "=". */
extern const char *const cg_claim_operator_names[CG_CLAIM_OPERATORS];
/* "open", "met", "missed". */
extern const char *const cg_claim_verdict_names[CG_CLAIM_VERDICTS];
/* False, and *out untouched, for any other text. */
bool cg_claim_operator_parse(const char *text, cg_claim_operator *out);
bool cg_claim_verdict_parse(const char *text, cg_claim_verdict *out);

/* "CL-33", "CL-33-faster": capital letters, a dash, digits; then as many words of a-z and 0-9, each
 * behind a dash, as the parts of a claim need. CG_CLAIM_NAME_BYTES with its NUL at most. */
bool cg_claim_name_is_valid(const char *text);

/* A unit that claims may be stated in: of time (ns to h), bytes (B, MB = 10^6 B, MiB ...), their
 * and bits' rates, events a second ("1/s", "requests/s", "operations/s"), energy, power, and
 * plain numbers ("1", "x", "iterations"; "%" is a hundredth of them). */
bool cg_claim_unit_is_known(const char *unit);
/* What a ratio of two figures can be stated in. */
bool cg_claim_unit_is_plain(const char *unit);
/* For suggestions. */
const char *cg_claim_unit_nearest(const char *text);

/* A figure of a base unit beside a bound of another: figure / figure_divisor and bound /
 * bound_divisor can be compared; one of the divisors is 1. */
typedef struct cg_claim_scale {
    double figure_divisor;
    double bound_divisor;
} cg_claim_scale;

/* False, and *out untouched, when one unit does not measure what the other does. The same unknown
 * unit twice fits. */
bool cg_claim_scale_of(const char *figure_unit, const char *bound_unit, cg_claim_scale *out);
/* The figure in the bound's unit, for showing. */
double cg_claim_in_bound_unit(cg_claim_scale scale, double figure);
bool cg_claim_holds(cg_claim_operator op, cg_claim_scale scale, double figure, double bound);

enum { CG_CLAIM_NAME_BYTES = 33, CG_CLAIM_PLACE_BYTES = 4096 };

/* What became of a claim. Figures are in the claim's unit. */
typedef struct cg_claim_outcome {
    cg_claim_verdict verdict;
    cg_claim_verdict aim_verdict; /* open without an aim */
    double value;                 /* unless open */
    bool has_interval;
    double low;
    double high;
    bool wall;                        /* of wall time or real memory */
    char place[CG_CLAIM_PLACE_BYTES]; /* of several combinations the one that gave the value,
                                            "nodes=1K, hosts=4"; "" when there was one only */
    char reason
        [CG_ERROR_MESSAGE_BYTES]; /* why it is open; "" otherwise, or before a judgement */
} cg_claim_outcome;

#endif
