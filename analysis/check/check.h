/* Comparing a result database with a committed baseline (spec I5).
 *
 * Exact by default, tolerance by column (baseline.h). Wall figures never enter. A figure that
 * only one side has differs. Claims are compared too, their verdicts exactly (entries.h), so a claim
 * that was met and is now missed differs, and so does one that only one side has.
 */
#ifndef AN_CHECK_CHECK_H
#define AN_CHECK_CHECK_H

#include <stdio.h>

#include "engine/base/status.h"

typedef enum an_verdict { AN_VERDICT_SAME, AN_VERDICT_DIFFER } an_verdict;

/* Compares the experiment that the baseline names and writes one line that says so, or the
 * differences: row, column, baseline's value, value now, change. A baseline that matches no row
 * of the database, has other factors or names unknown columns is an error, not a difference. */
cg_status an_check(const char *database_path, const char *baseline_path, FILE *out,
                   an_verdict *verdict, cg_error *error);

/* Makes the database's figures the baseline, in one step (an_baseline_write), and says so on
 * out. An existing baseline keeps its columns and tolerances; a new one has the columns of the
 * experiment's table views without wall figures, or all figures when it has no views. Refused
 * when points have failed or are pending. experiment NULL: the one that the existing baseline
 * names, or the database's only one. */
cg_status an_bless(const char *database_path, const char *baseline_path, const char *experiment,
                   FILE *out, cg_error *error);

#endif
