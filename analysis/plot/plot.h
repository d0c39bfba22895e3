/* Figures from a result database, drawn by gnuplot (spec I4).
 *
 * Each plot view becomes four files in a folder:
 *
 *   EXPERIMENT-VIEW.gp    the script, which can be edited and run again in its folder
 *   EXPERIMENT-VIEW.dat   the data behind the figure: base units, intervals in columns of their
 *                         own, which its comments name
 *   EXPERIMENT-VIEW.svg, EXPERIMENT-VIEW.png
 *
 * A figure is one column (86 mm) wide, in colours that colour-blind readers can tell apart
 * (Okabe and Ito 2008) and with a point shape for each line.
 *
 * A curve shows a column of a table (analysis/table/column.h) over a factor, with its 95%
 * intervals; a line for each combination of the other factors. A time line shows a series of
 * the first finished repetition of each combination over simulated time, with the faults
 * marked: a partition shades the time until it heals.
 */
#ifndef AN_PLOT_PLOT_H
#define AN_PLOT_PLOT_H

#include <stdio.h>

#include "engine/base/status.h"

typedef struct an_plot_options {
    const char *experiment;   /* NULL: the database's only one */
    const char *view;         /* name of a plot view; NULL: all of them */
    const char *const *where; /* "factor=value"; replaces the view's condition on that factor */
    uint32_t where_count;
    const char *folder;  /* must exist */
    const char *program; /* NULL: gnuplot, found in the path */
} an_plot_options;

/* Draws the plots and writes the path of each SVG and PNG to out, one a line. Errors: the
 * database, an unknown view or column (with the nearest), a folder that cannot be written,
 * gnuplot missing or failing; script and data are then kept. */
cg_status an_plot_draw(const char *path, const an_plot_options *options, FILE *out,
                       cg_error *error);

#endif
