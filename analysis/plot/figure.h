/* The kinds of figure: each fills a canvas, which the caller draws.
 * Private to analysis/plot. */
#ifndef AN_PLOT_FIGURE_H
#define AN_PLOT_FIGURE_H

#include "analysis/plot/canvas.h"
#include "analysis/plot/spec.h"

cg_status an_curve(an_database *database, const an_plot_spec *spec, an_canvas *canvas,
                   cg_error *error);
cg_status an_timeline(an_database *database, const an_plot_spec *spec, an_canvas *canvas,
                      cg_error *error);

cg_status an_reliability(an_database *database, const an_plot_spec *spec, an_canvas *canvas,
                         cg_error *error);

/* Wilson's 95% interval of a share: right of count > 0. */
void an_reliability_interval(double right, double count, double *low, double *high);

/* The number that a factor's value stands for: of "10K" 10000, of "50us" 5e-5. False for other
 * words. */
bool an_curve_number(const char *text, double *out);

#endif
