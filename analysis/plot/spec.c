/* Plot views: parsing, and names of their lines. */
#include "analysis/plot/spec.h"

#include <string.h>

#include "engine/base/nearest.h"

enum { LABEL_BYTES = 256 };

static cg_status bad_view(const an_database *database, const an_view *view, const char *problem,
                          cg_error *error) {
    return cg_error_set(error, CG_ERROR_INVALID, "plot %s of experiment %s %s", view->name,
                        database->experiment, problem);
}

static const char *const kind_names[AN_PLOT_KINDS] = {
    [AN_PLOT_CURVE] = "curve",
    [AN_PLOT_TIMELINE] = "timeline",
    [AN_PLOT_RELIABILITY] = "reliability",
};

static bool has_prefix(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static cg_status take_line(const an_database *database, const an_view *view, char *line,
                           an_plot_spec *into, cg_error *error) {
    char *value = strchr(line, '=');
    if (!value) {
        return bad_view(database, view, "has a line that is not key=value", error);
    }
    if (has_prefix(line, "where.")) {
        into->where[into->where_count++] = line + strlen("where.");
        return CG_OK;
    }
    *value++ = '\0';
    if (strcmp(line, "x") == 0) {
        into->x = *value ? value : NULL;
    } else if (strcmp(line, "y") == 0) {
        into->y = value;
    } else if (strcmp(line, "series") == 0) {
        into->series = *value ? value : NULL;
    } else if (strcmp(line, "log") == 0) {
        into->log_x = strchr(value, 'x') != NULL;
        into->log_y = strchr(value, 'y') != NULL;
    } else if (strcmp(line, "kind") == 0) {
        int kind = 0;
        while (kind < AN_PLOT_KINDS && strcmp(value, kind_names[kind]) != 0) {
            kind++;
        }
        if (kind == AN_PLOT_KINDS) {
            return bad_view(database, view,
                            "has a kind that is not curve, timeline or reliability", error);
        }
        into->kind = (an_plot_kind)kind;
    } else {
        return bad_view(database, view,
                        "has a line that is none of x, y, series, log, kind, "
                        "where.FACTOR",
                        error);
    }
    return CG_OK;
}

static bool same_factor(const char *left, const char *right) {
    size_t length = strcspn(left, "=");
    return strncmp(left, right, length + 1) == 0;
}

/* The command's conditions replace the view's on the same factor. */
static void join_conditions(an_plot_spec *spec, const an_plot_options *options) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < spec->where_count; i++) {
        bool replaced = false;
        for (uint32_t j = 0; j < options->where_count; j++) {
            replaced = replaced || same_factor(spec->where[i], options->where[j]);
        }
        if (!replaced) {
            spec->where[kept++] = spec->where[i];
        }
    }
    for (uint32_t j = 0; j < options->where_count; j++) {
        spec->where[kept++] = options->where[j];
    }
    spec->where_count = kept;
}

cg_status an_plot_spec_parse(an_database *database, const an_view *view,
                             const an_plot_options *options, an_plot_spec *out,
                             cg_error *error) {
    an_plot_spec spec = {.name = view->name, .title = view->title};
    char *text = an_pool_text(&database->pool, view->text);
    spec.where = an_pool_take(&database->pool, strlen(view->text) + options->where_count + 1,
                              sizeof *spec.where);
    if (!text || !spec.where) {
        return an_out_of_memory(error);
    }
    for (char *line = text; line && *line;) {
        char *end = strchr(line, '\n');
        if (end) {
            *end++ = '\0';
        }
        cg_status status = *line ? take_line(database, view, line, &spec, error) : CG_OK;
        if (status != CG_OK) {
            return status;
        }
        line = end;
    }
    bool lacks_y = !spec.y && spec.kind != AN_PLOT_RELIABILITY;
    if (lacks_y || (!spec.x && spec.kind == AN_PLOT_CURVE)) {
        return bad_view(database, view, lacks_y ? "lacks its y" : "lacks its x", error);
    }
    join_conditions(&spec, options);
    *out = spec;
    return CG_OK;
}

cg_status an_plot_factor(an_database *database, const an_plot_spec *spec, const char *name,
                         uint32_t *out, cg_error *error) {
    const char **names = an_pool_take(&database->pool, database->factor_count, sizeof *names);
    if (!names) {
        return an_out_of_memory(error);
    }
    for (uint32_t i = 0; i < database->factor_count; i++) {
        names[i] = database->factors[i].name;
        if (strcmp(names[i], name) == 0) {
            *out = i;
            return CG_OK;
        }
    }
    return cg_error_set(error, CG_ERROR_NOT_FOUND,
                        "plot %s: experiment %s has no factor \"%.80s\"; the nearest is \"%s\"",
                        spec->name, database->experiment, name,
                        names[0] ? cg_nearest_name(name, names, database->factor_count) : "");
}

const char *an_plot_label(an_database *database, const an_plot_spec *spec, const bool *varies,
                          const uint32_t *value_index) {
    char text[LABEL_BYTES] = "";
    size_t used = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < database->factor_count && used < sizeof text; i++) {
            const an_factor *factor = &database->factors[i];
            bool is_series = spec->series && strcmp(factor->name, spec->series) == 0;
            if (varies[i] && is_series == (pass == 0)) {
                int length =
                    snprintf(text + used, sizeof text - used, "%s%s %s", used > 0 ? ", " : "",
                             factor->name, factor->values[value_index[i]]);
                used += length > 0 ? (size_t)length : 0;
            }
        }
    }
    return an_pool_text(&database->pool, text);
}
