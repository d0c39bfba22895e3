/* What a plot view asks for, parsed from its "key=value" lines (private to analysis/plot). */
#ifndef AN_PLOT_SPEC_H
#define AN_PLOT_SPEC_H

#include "analysis/plot/plot.h"
#include "analysis/table/database.h"

typedef enum an_plot_kind {
    AN_PLOT_CURVE,
    AN_PLOT_TIMELINE,
    AN_PLOT_RELIABILITY,
    AN_PLOT_KINDS
} an_plot_kind;

typedef struct an_plot_spec {
    const char *name;
    const char *title;
    an_plot_kind kind;
    const char *x;      /* factor; NULL but for a curve */
    const char *y;      /* "metric:statistic"; NULL for a reliability diagram */
    const char *series; /* factor or NULL */
    bool log_x;
    bool log_y;
    const char **where; /* "factor=value", the command's first */
    uint32_t where_count;
} an_plot_spec;

cg_status an_plot_spec_parse(an_database *database, const an_view *view,
                             const an_plot_options *options, an_plot_spec *out,
                             cg_error *error);

/* Index of a factor, or an error naming the nearest. */
cg_status an_plot_factor(an_database *database, const an_plot_spec *spec, const char *name,
                         uint32_t *out, cg_error *error);

/* "hosts 4, index hnsw" for the factors that `varies` marks; the series' factor first; "" when
 * none does. */
const char *an_plot_label(an_database *database, const an_plot_spec *spec, const bool *varies,
                          const uint32_t *value_index);

#endif
