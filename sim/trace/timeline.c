/* Listens. A step's slice is held back until its core takes the next step, something that it sent
 * is written, its host crashes or the run ends: only then is it known that it was not cut short. The disk's
 * slices are held back until they are over. */
#include "sim/trace/timeline.h"

#include <string.h>

#include "sim/trace/timeline_internal.h"

enum { HOSTS_MAX = 65536 };

/* --- life cycle ------------------------------------------------------------ */

cg_status sim_timeline_alloc(const sim_timeline_options *options, sim_timeline **out,
                             cg_error *error) {
    if (options->hosts == 0 || options->hosts > HOSTS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID, "a timeline of %u hosts; it takes 1 to %d",
                            options->hosts, HOSTS_MAX);
    }
    cg_allocator allocator = options->allocator;
    sim_timeline *timeline = cg_allocate(&allocator, 1, sizeof *timeline);
    sim_host_line *hosts = cg_allocate(&allocator, options->hosts, sizeof *hosts);
    if (!timeline || !hosts) {
        cg_deallocate(&allocator, timeline, 1, sizeof *timeline);
        cg_deallocate(&allocator, hosts, options->hosts, sizeof *hosts);
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a timeline of %u hosts",
                            options->hosts);
    }
    *timeline = (sim_timeline){.allocator = allocator,
                               .host_count = options->hosts,
                               .limit = options->limit,
                               .hosts = hosts};
    sim_chrome_begin(&timeline->chrome, options->sink);
    sim_timeline_write_head(timeline, options->title);
    *out = timeline;
    return CG_OK;
}

void sim_timeline_free(sim_timeline *timeline) {
    if (!timeline) {
        return;
    }
    cg_allocator allocator = timeline->allocator;
    for (uint32_t host = 0; host < timeline->host_count; host++) {
        sim_host_line *line = &timeline->hosts[host];
        cg_deallocate(&allocator, line->cores, line->core_capacity, sizeof *line->cores);
        cg_deallocate(&allocator, line->disk, line->disk_capacity, sizeof *line->disk);
    }
    cg_deallocate(&allocator, timeline->hosts, timeline->host_count, sizeof *timeline->hosts);
    cg_deallocate(&allocator, timeline, 1, sizeof *timeline);
}

bool sim_timeline_room(sim_timeline *timeline, uint64_t events) {
    /* Once something is left out, so is everything behind it. */
    if (timeline->left_out > 0 || events > timeline->limit - timeline->counted) {
        timeline->cut_ns = timeline->left_out > 0 ? timeline->cut_ns : timeline->last_ns;
        timeline->left_out += events;
        return false;
    }
    timeline->counted += events;
    return true;
}

static sim_host_line *line_of(sim_timeline *timeline, uint32_t host, uint64_t now_ns) {
    CG_ASSERT(host < timeline->host_count);
    timeline->last_ns = now_ns > timeline->last_ns ? now_ns : timeline->last_ns;
    return &timeline->hosts[host];
}

/* --- cores ----------------------------------------------------------------- */

static void close_slice(sim_timeline *timeline, uint32_t host, uint32_t core) {
    sim_core_slice *slice = &timeline->hosts[host].cores[core];
    if (slice->open) {
        sim_timeline_write_step(timeline, host, core, NULL);
        slice->open = false;
    }
}

/* The lowest core that is free at begin_ns; false: no memory. */
static bool take_core(sim_timeline *timeline, uint32_t host, uint64_t begin_ns,
                      uint32_t *core) {
    sim_host_line *line = &timeline->hosts[host];
    for (size_t i = 0; i < line->core_count; i++) {
        if (line->cores[i].end_ns <= begin_ns) {
            close_slice(timeline, host, (uint32_t)i);
            *core = (uint32_t)i;
            return true;
        }
    }
    void *cores = line->cores;
    if (cg_grow(&timeline->allocator, &cores, &line->core_capacity, line->core_count + 1,
                sizeof *line->cores, NULL) != CG_OK) {
        timeline->no_memory = true;
        return false;
    }
    line->cores = cores;
    *core = (uint32_t)line->core_count++;
    return true;
}

static uint32_t on_stepped(void *context, const sim_observed_step *step) {
    sim_timeline *timeline = context;
    uint64_t begin_ns = step->event->now_ns;
    sim_host_line *line = line_of(timeline, step->host, begin_ns);
    uint32_t core = 0;
    if (timeline->no_memory || !take_core(timeline, step->host, begin_ns, &core)) {
        return 0;
    }
    line->cores[core] = (sim_core_slice){
        .open = true,
        .begin_ns = begin_ns,
        .end_ns = begin_ns + step->core_ns,
        .kind = step->event->kind,
        .sender = step->sender,
        .sequence = step->sequence,
        .id = step->event->id,
        .size_bytes = step->event->size_bytes,
        .caused_ns = step->caused_ns,
        .due_ns = step->due_ns,
        .disk_ns = step->disk_ns,
        .request_id = step->ledger->request_id,
        .work = *step->work,
    };
    sim_timeline_name(step->event, line->cores[core].name);
    if (step->event->kind == CG_EVENT_MESSAGE && step->sender != step->host) {
        sim_timeline_write_flight(timeline, step);
    }
    return core;
}

static void on_released(void *context, uint32_t host, uint32_t tag, uint64_t began_ns,
                        uint64_t core_ns) {
    sim_timeline *timeline = context;
    sim_host_line *line = line_of(timeline, host, began_ns);
    line->released_tag = tag;
    line->released_began_ns = began_ns;
    line->released_core_ns = core_ns;
}

/* --- the disk -------------------------------------------------------------- */

/* Writes what is over at now_ns. */
static void pass_disk(sim_timeline *timeline, uint32_t host, uint64_t now_ns) {
    sim_host_line *line = &timeline->hosts[host];
    while (line->disk_first < line->disk_count &&
           line->disk[line->disk_first].end_ns <= now_ns) {
        sim_timeline_write_disk(timeline, host, &line->disk[line->disk_first], NULL);
        line->disk_first++;
    }
    if (2 * line->disk_first >
        line->disk_count) { /* moves each slice once at most, on average */
        line->disk_count -= line->disk_first;
        memmove(line->disk, line->disk + line->disk_first,
                line->disk_count * sizeof *line->disk);
        line->disk_first = 0;
    }
}

static void on_disk(void *context, const sim_observed_disk *use) {
    sim_timeline *timeline = context;
    sim_host_line *line = line_of(timeline, use->host, use->told_ns);
    if (timeline->no_memory || use->begin_ns == use->end_ns) {
        return; /* it took no time */
    }
    pass_disk(timeline, use->host, use->told_ns);
    void *disk = line->disk;
    if (cg_grow(&timeline->allocator, &disk, &line->disk_capacity, line->disk_count + 1,
                sizeof *line->disk, NULL) != CG_OK) {
        timeline->no_memory = true;
        return;
    }
    line->disk = disk;
    line->disk[line->disk_count++] = (sim_disk_slice){use->use, use->begin_ns, use->end_ns,
                                                      use->size_bytes, use->request_id};
}

/* --- what ends early ------------------------------------------------------- */

/* Everything that the host does ends at now_ns, and what has not begun never happens. */
static void end_host(sim_timeline *timeline, uint32_t host, uint64_t now_ns, const char *why) {
    sim_host_line *line = &timeline->hosts[host];
    for (size_t core = 0; core < line->core_count; core++) {
        sim_core_slice *slice = &line->cores[core];
        bool cut = slice->end_ns > now_ns;
        slice->end_ns = cut ? now_ns : slice->end_ns;
        if (slice->open) {
            sim_timeline_write_step(timeline, host, (uint32_t)core, cut ? why : NULL);
            slice->open = false;
        }
    }
    pass_disk(timeline, host, now_ns);
    if (line->disk_first < line->disk_count && line->disk[line->disk_first].begin_ns < now_ns) {
        line->disk[line->disk_first].end_ns = now_ns;
        sim_timeline_write_disk(timeline, host, &line->disk[line->disk_first], why);
    }
    line->disk_first = 0;
    line->disk_count = 0;
}

static void on_crashed(void *context, uint32_t host, uint64_t now_ns) {
    sim_timeline *timeline = context;
    (void)line_of(timeline, host, now_ns);
    end_host(timeline, host, now_ns, "crash");
    sim_timeline_write_instant(timeline, host, now_ns, "crash", NULL);
}

static void on_restarted(void *context, uint32_t host, uint64_t now_ns) {
    sim_timeline *timeline = context;
    (void)line_of(timeline, host, now_ns);
    sim_timeline_write_instant(timeline, host, now_ns, "restart", NULL);
}

cg_status sim_timeline_finish(sim_timeline *timeline, cg_error *error) {
    for (uint32_t host = 0; host < timeline->host_count; host++) {
        end_host(timeline, host, timeline->last_ns, "end of the run");
    }
    sim_timeline_write_cut(timeline);
    if (!sim_chrome_end(&timeline->chrome)) {
        return cg_error_set(error, CG_ERROR_IO, "the trace could not be written");
    }
    if (timeline->no_memory) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for the trace");
    }
    return CG_OK;
}

/* --- the rest is written at once ------------------------------------------- */

static void on_sent(void *context, const sim_observed_message *message) {
    sim_timeline *timeline = context;
    sim_host_line *line = line_of(timeline, message->from, message->time_ns);
    if (line->released_tag < line->core_count &&
        line->cores[line->released_tag].begin_ns == line->released_began_ns) {
        close_slice(timeline, message->from, line->released_tag); /* stands before its arrows */
    }
    sim_timeline_write_sent(timeline, message);
}

static void on_dropped(void *context, const sim_observed_message *message, const char *reason) {
    sim_timeline *timeline = context;
    (void)line_of(timeline, message->from, message->time_ns);
    sim_timeline_write_dropped(timeline, message, reason);
}

static void on_replied(void *context, uint32_t host, uint64_t now_ns, const cg_reply *reply,
                       const sim_ledger *ledger) {
    sim_timeline *timeline = context;
    (void)line_of(timeline, host, now_ns);
    sim_timeline_write_request(timeline, host, now_ns, reply, ledger);
}

static void on_alerted(void *context, uint32_t host, uint64_t now_ns, cg_severity severity,
                       const char *text) {
    sim_timeline *timeline = context;
    (void)line_of(timeline, host, now_ns);
    sim_timeline_write_instant(timeline, host, now_ns, cg_severity_name(severity), text);
}

static void on_marked(void *context, uint64_t now_ns, const char *kind, const char *text) {
    sim_timeline_write_mark(context, now_ns, kind, text);
}

sim_observer sim_timeline_observer(sim_timeline *timeline) {
    return (sim_observer){.stepped = on_stepped,
                          .released = on_released,
                          .disk = on_disk,
                          .sent = on_sent,
                          .dropped = on_dropped,
                          .replied = on_replied,
                          .alerted = on_alerted,
                          .marked = on_marked,
                          .crashed = on_crashed,
                          .restarted = on_restarted,
                          .context = timeline};
}

uint64_t sim_timeline_written(const sim_timeline *timeline) {
    return timeline->chrome.written;
}

uint64_t sim_timeline_left_out(const sim_timeline *timeline) {
    return timeline->left_out;
}
