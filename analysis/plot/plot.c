/* Figures from a result database: which views, one canvas each. */
#include "analysis/plot/plot.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "analysis/plot/figure.h"
#include "engine/base/nearest.h"

static cg_status draw_view(an_database *database, const an_view *view,
                           const an_plot_options *options, FILE *out, cg_error *error) {
    an_plot_spec spec;
    an_canvas canvas;
    cg_status status = an_plot_spec_parse(database, view, options, &spec, error);
    if (status == CG_OK) {
        status =
            an_canvas_open(&canvas, options->folder, database->experiment, view->name, error);
    }
    if (status != CG_OK) {
        return status;
    }
    status = spec.kind == AN_PLOT_TIMELINE ? an_timeline(database, &spec, &canvas, error)
             : spec.kind == AN_PLOT_RELIABILITY
                 ? an_reliability(database, &spec, &canvas, error)
                 : an_curve(database, &spec, &canvas, error);
    if (status == CG_OK) {
        status = an_canvas_draw(&canvas, options->program, error);
    }
    if (status == CG_OK) {
        fprintf(out, "%s/%s.svg\n%s/%s.png\n", canvas.folder, canvas.name, canvas.folder,
                canvas.name);
    }
    an_canvas_close(&canvas);
    return status;
}

static cg_status no_such_plot(an_database *database, const char *wanted, cg_error *error) {
    const char **names = an_pool_take(&database->pool, database->view_count, sizeof *names);
    uint32_t count = 0;
    if (!names) {
        return an_out_of_memory(error);
    }
    for (uint32_t i = 0; i < database->view_count; i++) {
        if (database->views[i].is_plot) {
            names[count++] = database->views[i].name;
        }
    }
    if (count == 0) {
        return cg_error_set(error, CG_ERROR_NOT_FOUND,
                            "experiment %s has no plots: its scenario names none",
                            database->experiment);
    }
    return cg_error_set(error, CG_ERROR_NOT_FOUND,
                        "experiment %s has no plot \"%.80s\"; the nearest is \"%s\"",
                        database->experiment, wanted, cg_nearest_name(wanted, names, count));
}

static cg_status check_folder(const char *folder, cg_error *error) {
    struct stat about;
    if (stat(folder, &about) != 0) {
        return cg_error_set(error, CG_ERROR_IO, "cannot write figures to %s: %s", folder,
                            strerror(errno));
    }
    if (!S_ISDIR(about.st_mode)) {
        return cg_error_set(error, CG_ERROR_IO, "cannot write figures to %s: it is no folder",
                            folder);
    }
    return CG_OK;
}

cg_status an_plot_draw(const char *path, const an_plot_options *options, FILE *out,
                       cg_error *error) {
    an_database database;
    cg_status status = an_database_open(path, options->experiment, &database, error);
    if (status != CG_OK) {
        return status;
    }
    status = check_folder(options->folder, error);
    uint32_t drawn = 0;
    for (uint32_t i = 0; i < database.view_count && status == CG_OK; i++) {
        const an_view *view = &database.views[i];
        if (view->is_plot && (!options->view || strcmp(view->name, options->view) == 0)) {
            status = draw_view(&database, view, options, out, error);
            drawn++;
        }
    }
    if (status == CG_OK && drawn == 0) {
        status = no_such_plot(&database, options->view ? options->view : "", error);
    }
    an_database_close(&database);
    if (status == CG_OK && (fflush(out) != 0 || ferror(out))) {
        status =
            cg_error_set(error, CG_ERROR_IO, "cannot write the names: %s", strerror(errno));
    }
    return status;
}
