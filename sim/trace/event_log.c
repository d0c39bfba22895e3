#include "sim/trace/event_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/hash.h"
#include "engine/replica/wire.h"

enum { LINE_BYTES = 4096, FIELDS_MAX = 13, STEP_FIELDS = 13, END_FIELDS = 3 };
static const char head[] = "cortigrid events ";
static const char version[] = "1";

/* --- writing --------------------------------------------------------------- */

void sim_event_log_begin(sim_event_log *log, FILE *file) {
    *log = (sim_event_log){.file = file};
    (void)fprintf(file, "%s%s\n", head, version);
}

/* All that the node is told, but the time. */
static uint64_t contents_of(const cg_event *event) {
    cg_hasher hasher = cg_hasher_init();
    cg_hasher_add_bytes(&hasher, event->bytes, event->size_bytes);
    cg_hasher_add_u64(&hasher, event->flags);
    cg_hasher_add_u64(&hasher, event->label);
    cg_hasher_add_u64(&hasher, event->wall_ns - event->now_ns); /* how wrong its clock is */
    if (event->kind == CG_EVENT_REQUEST) {
        cg_hasher_add_u64(&hasher, (uint64_t)event->request << 32 | event->client);
        cg_hasher_add_u64(&hasher, (uint64_t)event->space << 32 | event->hops);
        cg_hasher_add_u64(&hasher, event->priority);
        cg_hasher_add_u64(&hasher, event->target);
    }
    cg_hasher_add_u64(&hasher, event->core_busy_ns);
    cg_hasher_add_u64(&hasher, event->disk_busy_ns);
    return cg_hasher_value(&hasher);
}

static void what_of(const cg_event *event, char what[SIM_EVENT_WORD_BYTES]) {
    (void)snprintf(what, SIM_EVENT_WORD_BYTES, "-");
    if (event->kind == CG_EVENT_REQUEST) {
        (void)snprintf(what, SIM_EVENT_WORD_BYTES, "%s", cg_request_kind_name(event->request));
    } else if (event->kind == CG_EVENT_MESSAGE && event->size_bytes >= CG_WIRE_HEADER_BYTES) {
        (void)snprintf(what, SIM_EVENT_WORD_BYTES, "%u",
                       (unsigned)(event->bytes[6] | event->bytes[7] << 8));
    }
}

static uint32_t on_stepped(void *context, const sim_observed_step *step) {
    sim_event_log *log = context;
    const cg_event *event = step->event;
    char what[SIM_EVENT_WORD_BYTES];
    what_of(event, what);
    log->events++;
    (void)fprintf(log->file,
                  "step\t%" PRIu64 "\t%" PRIu32 "\t%s\t%s\t%" PRIu32 "\t%" PRIu64 "\t%" PRIu64
                  "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%zu\t%016" PRIx64 "\n",
                  event->now_ns, step->host, cg_event_kind_name(event->kind), what,
                  step->sender, step->sequence, event->id, step->due_ns, step->core_ns,
                  step->disk_ns, event->size_bytes, contents_of(event));
    return 0;
}

sim_observer sim_event_log_observer(sim_event_log *log) {
    return (sim_observer){.stepped = on_stepped, .context = log};
}

static cg_status finish(sim_event_log *log, cg_error *error) {
    errno = 0;
    if (fflush(log->file) != 0 || ferror(log->file)) {
        return cg_error_set(error, CG_ERROR_IO, "cannot write the events: %s",
                            errno ? strerror(errno) : "the file failed");
    }
    return CG_OK;
}

cg_status sim_event_log_end(sim_event_log *log, uint64_t fingerprint, cg_error *error) {
    (void)fprintf(log->file, "end\t%" PRIu64 "\t%016" PRIx64 "\n", log->events, fingerprint);
    return finish(log, error);
}

cg_status sim_event_log_fail(sim_event_log *log, const char *sentence, cg_error *error) {
    (void)fputs("error\t", log->file);
    for (; *sentence; sentence++) {
        (void)fputc((unsigned char)*sentence < 0x20 ? ' ' : *sentence, log->file);
    }
    (void)fputc('\n', log->file);
    return finish(log, error);
}

/* --- reading --------------------------------------------------------------- */

static cg_status bad(const sim_event_reader *reader, const char *what, cg_error *error) {
    return cg_error_set(error, CG_ERROR_CORRUPT, "%.200s, line %llu: %s", reader->name,
                        (unsigned long long)reader->lines, what);
}

/* Without its newline. */
static cg_status read_line(sim_event_reader *reader, char line[LINE_BYTES], cg_error *error) {
    reader->lines++;
    errno = 0;
    if (!fgets(line, LINE_BYTES, reader->file)) {
        if (ferror(reader->file)) {
            return cg_error_set(error, CG_ERROR_IO, "%.200s: %s", reader->name,
                                strerror(errno));
        }
        return bad(reader, "the events end here, without a last line: the run died", error);
    }
    size_t length = strlen(line);
    if (length == 0 || line[length - 1] != '\n') {
        return bad(reader, "the line is cut off, or no text", error);
    }
    line[length - 1] = '\0';
    return CG_OK;
}

cg_status sim_event_reader_init(sim_event_reader *reader, FILE *file, const char *name,
                                cg_error *error) {
    char line[LINE_BYTES];
    *reader = (sim_event_reader){.file = file, .name = name};
    cg_status status = read_line(reader, line, error);
    if (status != CG_OK) {
        return status;
    }
    if (strncmp(line, head, sizeof head - 1) != 0) {
        return bad(reader, "these are no events: the first line is not \"cortigrid events 1\"",
                   error);
    }
    if (strcmp(line + sizeof head - 1, version) != 0) {
        return cg_error_set(error, CG_ERROR_VERSION,
                            "%.200s: events of version %.20s; this program reads version %s",
                            reader->name, line + sizeof head - 1, version);
    }
    return CG_OK;
}

static size_t split(char *line, char *fields[FIELDS_MAX]) {
    size_t count = 0;
    for (char *at = line; at; count++) {
        char *tab = strchr(at, '\t');
        if (count < FIELDS_MAX) {
            fields[count] = at;
        }
        if (tab) {
            *tab++ = '\0';
        }
        at = tab;
    }
    return count;
}

static bool read_number(const char *text, int base, uint64_t greatest, uint64_t *out) {
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, base);
    if (*text == '-' || *text == '+' || *text == ' ' || end == text || *end || errno != 0 ||
        value > greatest) {
        return false;
    }
    *out = value;
    return true;
}

static bool read_step(char *fields[FIELDS_MAX], sim_event_line *line) {
    uint64_t host = 0;
    uint64_t sender = 0;
    bool good = strlen(fields[3]) < SIM_EVENT_WORD_BYTES &&
                strlen(fields[4]) < SIM_EVENT_WORD_BYTES &&
                read_number(fields[1], 10, UINT64_MAX, &line->time_ns) &&
                read_number(fields[2], 10, UINT32_MAX, &host) &&
                read_number(fields[5], 10, UINT32_MAX, &sender) &&
                read_number(fields[6], 10, UINT64_MAX, &line->sequence) &&
                read_number(fields[7], 10, UINT64_MAX, &line->id) &&
                read_number(fields[8], 10, UINT64_MAX, &line->due_ns) &&
                read_number(fields[9], 10, UINT64_MAX, &line->core_ns) &&
                read_number(fields[10], 10, UINT64_MAX, &line->disk_ns) &&
                read_number(fields[11], 10, UINT64_MAX, &line->size_bytes) &&
                read_number(fields[12], 16, UINT64_MAX, &line->contents);
    if (good) {
        line->host = (uint32_t)host;
        line->sender = (uint32_t)sender;
        memcpy(line->kind, fields[3], strlen(fields[3]) + 1);
        memcpy(line->what, fields[4], strlen(fields[4]) + 1);
    }
    return good;
}

cg_status sim_event_reader_next(sim_event_reader *reader, sim_event_line *line, bool *more,
                                cg_error *error) {
    char text[LINE_BYTES];
    char *fields[FIELDS_MAX];
    if (reader->ended) {
        *more = false;
        return CG_OK;
    }
    cg_status status = read_line(reader, text, error);
    if (status != CG_OK) {
        return status;
    }
    size_t count = split(text, fields);
    sim_event_line read = {0};
    uint64_t events = 0;
    if (count == STEP_FIELDS && strcmp(fields[0], "step") == 0 && read_step(fields, &read)) {
        *line = read;
        *more = true;
        return CG_OK;
    }
    if (count == 2 && strcmp(fields[0], "error") == 0) {
        (void)snprintf(reader->failure, sizeof reader->failure, "%s", fields[1]);
        reader->ended = true;
        *more = false;
        return CG_OK;
    }
    if (count == END_FIELDS && strcmp(fields[0], "end") == 0 &&
        read_number(fields[1], 10, UINT64_MAX, &events) &&
        read_number(fields[2], 16, UINT64_MAX, &reader->fingerprint)) {
        if (events != reader->lines - 2) {
            return bad(reader, "the number of events is not that of the lines", error);
        }
        reader->ended = true;
        *more = false;
        return CG_OK;
    }
    return bad(reader, "this is no line of events", error);
}
