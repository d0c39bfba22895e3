/* A figure's files, its gnuplot script, and running gnuplot (private to analysis/plot). */
#ifndef AN_PLOT_CANVAS_H
#define AN_PLOT_CANVAS_H

#include <stdio.h>

#include "engine/base/status.h"

enum { AN_CANVAS_PATH_BYTES = 4096, AN_CANVAS_NAME_BYTES = 200 };

typedef struct an_canvas {
    char folder[AN_CANVAS_PATH_BYTES];
    char name[AN_CANVAS_NAME_BYTES]; /* "quickstart-latency": files without their ending */
    FILE *script;
    FILE *data;
} an_canvas;

/* Opens FOLDER/NAME.gp and .dat and writes the settings that all figures share. */
cg_status an_canvas_open(an_canvas *canvas, const char *folder, const char *experiment,
                         const char *view, cg_error *error);

/* A text in gnuplot's single quotes. */
void an_canvas_quote(FILE *file, const char *text);
/* Title, axis labels; empty texts are left out. has_key: lines have names, above which the
 * title stands. */
void an_canvas_axes(an_canvas *canvas, const char *title, const char *x_label,
                    const char *y_label, bool has_key);
/* A logarithmic y axis around (0 <) least to greatest: marks at 1, 2 and 5, or finer. */
void an_canvas_log_y(an_canvas *canvas, double least, double greatest);

/* Begins the command `plot`, which an_canvas_element fills and an_canvas_draw ends. */
void an_canvas_begin_plot(an_canvas *canvas);
/* Line number `index` of the data file: "using ... with ..." is `how`. */
void an_canvas_element(an_canvas *canvas, uint32_t index, const char *how, const char *label);
/* The same in the colours of line `style`, where a line has several blocks of data. */
void an_canvas_element_styled(an_canvas *canvas, uint32_t index, uint32_t style,
                              const char *how, const char *label);

/* Closes the files, runs gnuplot on them, removes its log. Without a call, an_canvas_close. */
cg_status an_canvas_draw(an_canvas *canvas, const char *program, cg_error *error);
void an_canvas_close(an_canvas *canvas);

#endif
