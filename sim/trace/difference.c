#include "sim/trace/difference.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* --- one run, in the order (time, host, the host's own order) --------------- */

typedef struct ordered {
    sim_event_line line;
    size_t place; /* among those read of the instant */
} ordered;

typedef struct run {
    sim_event_reader *reader;
    ordered *instant;
    size_t count;
    size_t next;
    size_t capacity;
    sim_event_line ahead; /* the first of the next instant */
    bool has_ahead;
    bool begun;
} run;

static int compare_places(const void *left, const void *right) {
    const ordered *a = left;
    const ordered *b = right;
    if (a->line.host != b->line.host) {
        return a->line.host < b->line.host ? -1 : 1;
    }
    return a->place < b->place ? -1 : a->place > b->place;
}

static cg_status read_instant(run *self, cg_error *error) {
    cg_status status = CG_OK;
    if (!self->begun) {
        self->begun = true;
        status = sim_event_reader_next(self->reader, &self->ahead, &self->has_ahead, error);
    }
    self->count = 0;
    self->next = 0;
    uint64_t time_ns = self->ahead.time_ns;
    while (status == CG_OK && self->has_ahead && self->ahead.time_ns == time_ns) {
        if (self->count == self->capacity) {
            size_t capacity = 2 * self->capacity + 64;
            ordered *grown = realloc(self->instant, capacity * sizeof *grown);
            if (!grown) {
                return cg_error_set(error, CG_ERROR_MEMORY,
                                    "no memory for an instant's events");
            }
            self->instant = grown;
            self->capacity = capacity;
        }
        self->instant[self->count] = (ordered){self->ahead, self->count};
        self->count++;
        status = sim_event_reader_next(self->reader, &self->ahead, &self->has_ahead, error);
    }
    if (status == CG_OK && self->has_ahead && self->ahead.time_ns < time_ns) {
        return cg_error_set(error, CG_ERROR_CORRUPT, "%.200s, line %llu: time goes back",
                            self->reader->name, (unsigned long long)self->reader->lines);
    }
    if (self->count > 0) {
        qsort(self->instant, self->count, sizeof *self->instant, compare_places);
    }
    return status;
}

/* NULL at the end; valid until the next call. */
static cg_status next_event(run *self, const sim_event_line **line, cg_error *error) {
    *line = NULL;
    if (self->next == self->count) {
        cg_status status = read_instant(self, error);
        if (status != CG_OK) {
            return status;
        }
    }
    if (self->next < self->count) {
        *line = &self->instant[self->next++].line;
    }
    return CG_OK;
}

/* --- the comparison -------------------------------------------------------- */

static bool is_same_event(const sim_event_line *left, const sim_event_line *right) {
    return left->host == right->host && strcmp(left->kind, right->kind) == 0 &&
           strcmp(left->what, right->what) == 0 && left->sender == right->sender &&
           left->sequence == right->sequence && left->id == right->id;
}

static bool is_equal(const sim_event_line *left, const sim_event_line *right) {
    return is_same_event(left, right) && left->time_ns == right->time_ns &&
           left->due_ns == right->due_ns && left->core_ns == right->core_ns &&
           left->disk_ns == right->disk_ns && left->size_bytes == right->size_bytes &&
           left->contents == right->contents;
}

/* The event in the other run, from `line` on, which is the other's event at this place. */
static void look_for(sim_difference *out, run *other, const sim_event_line *line) {
    int there = 1 - out->first;
    cg_error error;
    for (uint32_t ahead = 0; line && ahead < SIM_DIFFERENCE_AHEAD; ahead++) {
        if (is_same_event(&out->event[out->first], line)) {
            out->event[there] = *line;
            out->has[there] = true;
            return;
        }
        if (next_event(other, &line, &error) != CG_OK) {
            return;
        }
    }
}

static bool comes_first(const sim_event_line *left, const sim_event_line *right) {
    if (!left || !right) {
        return left != NULL;
    }
    return left->time_ns != right->time_ns ? left->time_ns < right->time_ns
                                           : left->host <= right->host;
}

static void differ(sim_difference *out, run runs[2], const sim_event_line *const lines[2]) {
    out->kind = SIM_DIFFERENCE_EVENT;
    out->first = comes_first(lines[0], lines[1]) ? 0 : 1;
    out->has[out->first] = true;
    out->event[out->first] = *lines[out->first];
    const sim_event_line *other = lines[1 - out->first];
    if (other && !is_same_event(lines[out->first], other)) {
        out->has_instead = true;
        out->instead = *other;
    }
    look_for(out, &runs[1 - out->first], other);
}

static void end(sim_difference *out, const run runs[2]) {
    for (int i = 0; i < 2; i++) {
        out->fingerprints[i] = runs[i].reader->fingerprint;
        memcpy(out->failures[i], runs[i].reader->failure, sizeof out->failures[i]);
    }
    bool same = out->fingerprints[0] == out->fingerprints[1] &&
                strcmp(out->failures[0], out->failures[1]) == 0;
    out->kind = same ? SIM_DIFFERENCE_NONE : SIM_DIFFERENCE_STATE;
}

cg_status sim_difference_find(sim_event_reader *left, sim_event_reader *right,
                              sim_difference *out, cg_error *error) {
    run runs[2] = {{.reader = left}, {.reader = right}};
    sim_difference found = {0};
    cg_status status = CG_OK;
    for (;;) {
        const sim_event_line *lines[2];
        status = next_event(&runs[0], &lines[0], error);
        if (status == CG_OK) {
            status = next_event(&runs[1], &lines[1], error);
        }
        if (status != CG_OK || (!lines[0] && !lines[1])) {
            break;
        }
        if (!lines[0] || !lines[1] || !is_equal(lines[0], lines[1])) {
            differ(&found, runs, lines);
            break;
        }
        found.same++;
        found.has_last = true;
        found.last = *lines[0];
    }
    if (status == CG_OK && found.kind == SIM_DIFFERENCE_NONE) {
        end(&found, runs);
    }
    free(runs[0].instant);
    free(runs[1].instant);
    if (status == CG_OK) {
        *out = found;
    }
    return status;
}

/* --- in words -------------------------------------------------------------- */

enum { CELL_BYTES = 64, COLUMN = 26 };

/* "12.345678 ms", exact. */
static void print_time(char cell[CELL_BYTES], uint64_t time_ns) {
    (void)snprintf(cell, CELL_BYTES, "%" PRIu64 ".%06" PRIu64 " ms", time_ns / 1000000,
                   time_ns % 1000000);
}

static void print_name(char cell[CELL_BYTES], const sim_event_line *line) {
    (void)snprintf(cell, CELL_BYTES, "%s%s%s", line->kind,
                   strcmp(line->what, "-") == 0 ? "" : " ",
                   strcmp(line->what, "-") == 0 ? "" : line->what);
}

static void print_row(FILE *file, const char *key, const sim_difference *difference,
                      char cells[2][CELL_BYTES]) {
    bool both = difference->has[0] && difference->has[1];
    bool same = !both || strcmp(cells[0], cells[1]) == 0;
    for (int i = 0; i < 2; i++) {
        if (!difference->has[i]) {
            (void)snprintf(cells[i], CELL_BYTES, "-");
        }
    }
    if (same) {
        (void)fprintf(file, "  %-10s %-*s %s\n", key, COLUMN, cells[0], cells[1]);
    } else {
        (void)fprintf(file, "  %-10s %-*s %-*s differs\n", key, COLUMN, cells[0], COLUMN,
                      cells[1]);
    }
}

static void print_number(FILE *file, const char *key, const sim_difference *difference,
                         uint64_t left, uint64_t right) {
    char cells[2][CELL_BYTES];
    (void)snprintf(cells[0], CELL_BYTES, "%" PRIu64, left);
    (void)snprintf(cells[1], CELL_BYTES, "%" PRIu64, right);
    print_row(file, key, difference, cells);
}

static void print_times(FILE *file, const char *key, const sim_difference *difference,
                        uint64_t left_ns, uint64_t right_ns) {
    char cells[2][CELL_BYTES];
    print_time(cells[0], left_ns);
    print_time(cells[1], right_ns);
    print_row(file, key, difference, cells);
}

static void print_rows(const sim_difference *difference, FILE *file) {
    const sim_event_line *left = &difference->event[0];
    const sim_event_line *right = &difference->event[1];
    char cells[2][CELL_BYTES];
    print_times(file, "time", difference, left->time_ns, right->time_ns);
    print_times(file, "due", difference, left->due_ns, right->due_ns);
    print_number(file, "host", difference, left->host, right->host);
    print_name(cells[0], left);
    print_name(cells[1], right);
    print_row(file, "kind", difference, cells);
    print_number(file, "sender", difference, left->sender, right->sender);
    print_number(file, "sequence", difference, left->sequence, right->sequence);
    print_number(file, "id", difference, left->id, right->id);
    print_number(file, "bytes", difference, left->size_bytes, right->size_bytes);
    (void)snprintf(cells[0], CELL_BYTES, "%016" PRIx64, left->contents);
    (void)snprintf(cells[1], CELL_BYTES, "%016" PRIx64, right->contents);
    print_row(file, "contents", difference, cells);
    print_times(file, "core time", difference, left->core_ns, right->core_ns);
    print_times(file, "disk time", difference, left->disk_ns, right->disk_ns);
}

static void print_event(const sim_difference *difference, FILE *file) {
    const sim_event_line *event = &difference->event[difference->first];
    int there = 1 - difference->first;
    char name[CELL_BYTES];
    char time[CELL_BYTES];
    print_name(name, event);
    print_time(time, event->time_ns);
    (void)fprintf(file,
                  "the runs differ from event %" PRIu64 " on: %s at host %" PRIu32 ", %s\n",
                  difference->same + 1, name, event->host, time);
    if (difference->has_last) {
        print_name(name, &difference->last);
        print_time(time, difference->last.time_ns);
        (void)fprintf(file,
                      "  %" PRIu64 " events before it are the same; the last: %s at host "
                      "%" PRIu32 ", %s\n",
                      difference->same, name, difference->last.host, time);
    }
    (void)fprintf(file, "\n  %-10s %-*s %s\n", "", COLUMN, "A", "B");
    print_rows(difference, file);
    if (difference->has_instead) {
        print_name(name, &difference->instead);
        print_time(time, difference->instead.time_ns);
        (void)fprintf(file, "\n  in its place %c has: %s at host %" PRIu32 ", %s\n",
                      'A' + there, name, difference->instead.host, time);
    } else if (!difference->has[there]) {
        (void)fprintf(file, "\n  %c has no more events\n", 'A' + there);
    }
    if (difference->has_instead && !difference->has[there]) {
        (void)fprintf(file, "  and no such event among its next %d, or to its end\n",
                      SIM_DIFFERENCE_AHEAD);
    }
}

static void print_end(const sim_difference *difference, FILE *file) {
    for (int i = 0; i < 2; i++) {
        if (difference->failures[i][0]) {
            (void)fprintf(file, "  %c failed: %s\n", 'A' + i, difference->failures[i]);
        } else {
            (void)fprintf(file, "  %c ended with fingerprint %016" PRIx64 "\n", 'A' + i,
                          difference->fingerprints[i]);
        }
    }
}

void sim_difference_print(const sim_difference *difference, const char *const labels[2],
                          FILE *file) {
    (void)fprintf(file, "A: %s\nB: %s\n\n", labels[0], labels[1]);
    switch (difference->kind) {
    case SIM_DIFFERENCE_NONE:
        (void)fprintf(file, "no difference: %" PRIu64 " events, fingerprint %016" PRIx64 "\n",
                      difference->same, difference->fingerprints[0]);
        if (difference->failures[0][0]) {
            print_end(difference, file);
        }
        break;
    case SIM_DIFFERENCE_EVENT:
        print_event(difference, file);
        break;
    case SIM_DIFFERENCE_STATE:
        (void)fprintf(file, "the same %" PRIu64 " events, but not the same end:\n",
                      difference->same);
        print_end(difference, file);
        break;
    }
}
