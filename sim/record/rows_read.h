/* The reading side of the worker's protocol (rows.h): one line at a time, trusting nothing.
 *
 * A worker can die in the middle of a line, be killed, or be a program of another version on
 * another host, so every field is checked before it is used, and bytes of free text that are no
 * UTF-8 become '?'.
 */
#ifndef SIM_RECORD_ROWS_READ_H
#define SIM_RECORD_ROWS_READ_H

#include "engine/base/status.h"

typedef enum sim_row_kind {
    SIM_ROW_METRIC,
    SIM_ROW_WALL,
    SIM_ROW_HISTOGRAM,
    SIM_ROW_SERIES,
    SIM_ROW_EVENT,
    SIM_ROW_ALERT,
    SIM_ROW_ERROR,
    SIM_ROW_DONE
} sim_row_kind;

typedef struct sim_row {
    sim_row_kind kind;
    const char *name; /* metric, wall, histogram, series; kind of event; severity of alert */
    const char *statistic;   /* metric, wall, series */
    const char *unit;        /* metric, wall, histogram, series */
    const char *text;        /* histogram, event, alert, error; origin of done */
    const char *fingerprint; /* done: 16 hex digits */
    double value;            /* finite */
    uint64_t time_ns;        /* at most 2^63 - 1 */
} sim_row;

typedef struct sim_rows_reader {
    char *next; /* in the text given, which the reader changes */
    uint32_t line;
} sim_rows_reader;

/* text: the worker's whole output, which is cut up in place and must outlive the rows. */
sim_rows_reader sim_rows_reader_init(char *text);

/* The next row, its strings borrowed from the text. *more is false at the end. CG_ERROR_CORRUPT
 * names the line; a last line without its newline is one (it was cut off). */
cg_status sim_rows_reader_next(sim_rows_reader *reader, sim_row *row, bool *more,
                               cg_error *error);

/* Makes '?', in place, of what is no UTF-8 and of control characters other than tab and line
 * ends. */
void sim_rows_clean(char *text);

bool sim_rows_name_fits(const char *name, bool may_be_empty);
bool sim_rows_origin_fits(const char *origin);

#endif
