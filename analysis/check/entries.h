/* What a database gives a baseline: a sheet's cells, and the claims (private to analysis/check).
 *
 * A claim has entries of its own behind those of the sheet, with "-" for every factor: its value
 * in its unit, "CL-33:value", compared as any other column; its bound, "CL-33:bound", so that
 * nobody loosens it unseen; its verdict, "CL-33:verdict", 1 with the unit "met", 0 with "missed"
 * or missing with "open"; and the verdict of its aim, "CL-33:aim", likewise. All but the value
 * are exact. Claims of wall time have none.
 */
#ifndef AN_CHECK_ENTRIES_H
#define AN_CHECK_ENTRIES_H

#include "analysis/check/baseline.h"

/* Factors and entries of into; they borrow from the database. */
cg_status an_entries_make(an_database *database, const an_sheet *sheet, an_baseline *into,
                          cg_error *error);

/* A column of a claim; those of sheets begin with small letters. */
bool an_entries_is_claim(const char *column);

/* The columns of a baseline that a sheet can hold, in the pool. */
cg_status an_entries_sheet_columns(an_pool *pool, const an_baseline *baseline,
                                   const char ***columns, uint32_t *count, cg_error *error);

/* Names the value of every claim's entries, and of no other claim, as a column, with the tolerance
 * that into has for it, or exact. */
cg_status an_entries_add_columns(an_pool *pool, an_baseline *into, cg_error *error);

/* Of a column in a baseline; exact when it does not say. */
const an_tolerance *an_entries_tolerance(const an_baseline *baseline, const char *column);

#endif
