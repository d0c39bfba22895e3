#include <stdio.h>
#include <string.h>

#include "engine/base/bytes.h"
#include "engine/node/message.h"
#include "engine/replica/wire.h"
#include "sim/trace/timeline_internal.h"

enum { ARGS_MAX = 16 + 2 * CG_WORK_KIND_COUNT, KEY_BYTES = 64 };
static const char flow_name[] = "message"; /* equal at both ends of an arrow */

typedef struct arg_list {
    sim_chrome_arg items[ARGS_MAX];
    size_t count;
} arg_list;

static void add_number(arg_list *args, const char *key, uint64_t number) {
    args->items[args->count++] = (sim_chrome_arg){.key = key, .number = number};
}

static void add_text(arg_list *args, const char *key, const char *text) {
    if (text) {
        args->items[args->count++] = (sim_chrome_arg){.key = key, .text = text};
    }
}

/* --- names ----------------------------------------------------------------- */

/* "unknown" without an envelope that can be read. */
static const char *message_name(const uint8_t *bytes, size_t size_bytes) {
    enum { TYPE_OFFSET = 6 };
    static const char magic[] = "CGW1";
    bool known = bytes && size_bytes >= CG_WIRE_HEADER_BYTES &&
                 memcmp(bytes, magic, sizeof magic - 1) == 0;
    if (!known) {
        return cg_message_name(0);
    }
    cg_reader reader = cg_reader_init(bytes + TYPE_OFFSET, 2);
    return cg_message_name(cg_read_u16(&reader));
}

void sim_timeline_name(const cg_event *event, char name[SIM_TIMELINE_NAME_BYTES]) {
    const char *kind = cg_event_kind_name(event->kind);
    if (event->kind == CG_EVENT_REQUEST) {
        (void)snprintf(name, SIM_TIMELINE_NAME_BYTES, "%s %s", kind,
                       cg_request_kind_name(event->request));
    } else if (event->kind == CG_EVENT_MESSAGE) {
        (void)snprintf(name, SIM_TIMELINE_NAME_BYTES, "%s %s", kind,
                       message_name(event->bytes, event->size_bytes));
    } else {
        (void)snprintf(name, SIM_TIMELINE_NAME_BYTES, "%s", kind);
    }
}

static void name_process(sim_timeline *timeline, uint32_t process, const char *name) {
    sim_chrome_arg named = {.key = "name", .text = name};
    sim_chrome_arg sorted = {.key = "sort_index", .number = process};
    sim_chrome_event event = {.phase = SIM_CHROME_METADATA, .process = process, .arg_count = 1};
    event.name = "process_name";
    event.args = &named;
    sim_chrome_write(&timeline->chrome, &event);
    event.name = "process_sort_index";
    event.args = &sorted;
    sim_chrome_write(&timeline->chrome, &event);
}

static void name_thread(sim_timeline *timeline, uint32_t process, uint32_t thread,
                        const char *name) {
    sim_chrome_arg named = {.key = "name", .text = name};
    sim_chrome_arg sorted = {.key = "sort_index", .number = thread};
    sim_chrome_event event = {
        .phase = SIM_CHROME_METADATA, .process = process, .thread = thread, .arg_count = 1};
    event.name = "thread_name";
    event.args = &named;
    sim_chrome_write(&timeline->chrome, &event);
    event.name = "thread_sort_index";
    event.args = &sorted;
    sim_chrome_write(&timeline->chrome, &event);
}

void sim_timeline_write_head(sim_timeline *timeline, const char *title) {
    char name[256];
    for (uint32_t host = 0; host < timeline->host_count; host++) {
        (void)snprintf(name, sizeof name, "host %u", (unsigned)host);
        name_process(timeline, host, name);
    }
    (void)snprintf(name, sizeof name, "cluster: %s", title);
    name_process(timeline, timeline->host_count, name);
    name_thread(timeline, timeline->host_count, SIM_TIMELINE_TID_CLUSTER, "faults and notes");
}

/* --- cores and disk -------------------------------------------------------- */

/* Of kinds that were counted: "distance_f32" operations, and units as "distance_f32.dimension". */
static void add_work(arg_list *args, const cg_work *work,
                     char keys[CG_WORK_KIND_COUNT][KEY_BYTES]) {
    for (int kind = 0; kind < CG_WORK_KIND_COUNT; kind++) {
        const char *name = cg_work_kind_name((cg_work_kind)kind);
        if (work->operations[kind] > 0) {
            add_number(args, name, work->operations[kind]);
        }
        if (work->units[kind] > 0) {
            (void)snprintf(keys[kind], KEY_BYTES, "%s.%s", name,
                           cg_work_kind_unit((cg_work_kind)kind));
            add_number(args, keys[kind], work->units[kind]);
        }
    }
}

/* Cores get their names in the order in which they are first busy. */
static void name_core(sim_timeline *timeline, uint32_t host, uint32_t core) {
    sim_host_line *line = &timeline->hosts[host];
    char name[SIM_TIMELINE_NAME_BYTES];
    for (; line->named_cores <= core; line->named_cores++) {
        (void)snprintf(name, sizeof name, "core %u", (unsigned)line->named_cores);
        name_thread(timeline, host, SIM_TIMELINE_TID_CORE + line->named_cores, name);
    }
}

void sim_timeline_write_step(sim_timeline *timeline, uint32_t host, uint32_t core,
                             const char *why) {
    const sim_core_slice *slice = &timeline->hosts[host].cores[core];
    bool arrives = slice->kind == CG_EVENT_MESSAGE;
    if (!sim_timeline_room(timeline, 1 + arrives)) {
        return;
    }
    name_core(timeline, host, core);
    char keys[CG_WORK_KIND_COUNT][KEY_BYTES];
    arg_list args = {.count = 0};
    add_number(&args, "request", slice->request_id);
    add_number(&args, "waited_ns", slice->begin_ns - slice->due_ns);
    if (arrives) {
        add_number(&args, "from", slice->sender);
        add_number(&args, "sequence", slice->sequence);
        add_number(&args, "sent_ns", slice->caused_ns);
    } else if (slice->kind != CG_EVENT_REQUEST) {
        add_number(&args, "id", slice->id);
    }
    if (slice->size_bytes > 0) {
        add_number(&args, "bytes", slice->size_bytes);
    }
    if (slice->disk_ns > 0) {
        add_number(&args, "disk_ns", slice->disk_ns);
    }
    add_work(&args, &slice->work, keys);
    add_text(&args, "cut_by", why);
    sim_chrome_event event = {.phase = SIM_CHROME_COMPLETE,
                              .name = slice->name,
                              .category = "step",
                              .process = host,
                              .thread = SIM_TIMELINE_TID_CORE + core,
                              .time_ns = slice->begin_ns,
                              .duration_ns = slice->end_ns - slice->begin_ns,
                              .args = args.items,
                              .arg_count = args.count};
    sim_chrome_write(&timeline->chrome, &event);
    if (arrives) {
        sim_chrome_event end = {.phase = SIM_CHROME_FLOW_END,
                                .name = flow_name,
                                .category = "message",
                                .process = host,
                                .thread = event.thread,
                                .time_ns = slice->begin_ns,
                                .id = sim_timeline_flow(slice->sender, host, slice->sequence)};
        sim_chrome_write(&timeline->chrome, &end);
    }
}

void sim_timeline_write_disk(sim_timeline *timeline, uint32_t host, const sim_disk_slice *slice,
                             const char *why) {
    static const char *const names[] = {"step", "write", "read"};
    sim_host_line *line = &timeline->hosts[host];
    if (!sim_timeline_room(timeline, 1)) {
        return;
    }
    if (!line->has_disk) {
        line->has_disk = true;
        name_thread(timeline, host, SIM_TIMELINE_TID_DISK, "disk");
    }
    arg_list args = {.count = 0};
    add_number(&args, "request", slice->request_id);
    if (slice->size_bytes > 0) {
        add_number(&args, "bytes", slice->size_bytes);
    }
    add_text(&args, "cut_by", why);
    sim_chrome_event event = {.phase = SIM_CHROME_COMPLETE,
                              .name = names[slice->use],
                              .category = "disk",
                              .process = host,
                              .thread = SIM_TIMELINE_TID_DISK,
                              .time_ns = slice->begin_ns,
                              .duration_ns = slice->end_ns - slice->begin_ns,
                              .args = args.items,
                              .arg_count = args.count};
    sim_chrome_write(&timeline->chrome, &event);
}

/* --- messages -------------------------------------------------------------- */

void sim_timeline_write_sent(sim_timeline *timeline, const sim_observed_message *message) {
    const sim_host_line *line = &timeline->hosts[message->from];
    if (!sim_timeline_room(timeline, 1)) {
        return;
    }
    uint64_t inside_ns = line->released_core_ns > 0 ? line->released_core_ns - 1 : 0;
    arg_list args = {.count = 0};
    add_number(&args, "to", message->to);
    add_number(&args, "sequence", message->sequence);
    add_number(&args, "bytes", message->size_bytes);
    add_number(&args, "request", message->request_id);
    add_number(&args, "sent_ns", message->time_ns);
    sim_chrome_event event = {
        .phase = SIM_CHROME_FLOW_START,
        .name = flow_name,
        .category = "message",
        .process = message->from,
        .thread = SIM_TIMELINE_TID_CORE + line->released_tag,
        .time_ns = line->released_began_ns + inside_ns,
        .id = sim_timeline_flow(message->from, message->to, message->sequence),
        .args = args.items,
        .arg_count = args.count};
    sim_chrome_write(&timeline->chrome, &event);
}

static void name_network(sim_timeline *timeline, uint32_t host) {
    sim_host_line *line = &timeline->hosts[host];
    if (!line->has_network) {
        line->has_network = true;
        name_thread(timeline, host, SIM_TIMELINE_TID_NETWORK, "network");
    }
}

void sim_timeline_write_flight(sim_timeline *timeline, const sim_observed_step *step) {
    char name[SIM_TIMELINE_NAME_BYTES];
    if (!sim_timeline_room(timeline, 2)) {
        return;
    }
    name_network(timeline, step->host);
    sim_timeline_name(step->event, name);
    arg_list args = {.count = 0};
    add_number(&args, "from", step->sender);
    add_number(&args, "sequence", step->sequence);
    add_number(&args, "bytes", step->event->size_bytes);
    add_number(&args, "request", step->ledger->request_id);
    add_number(&args, "flight_ns", step->due_ns - step->caused_ns);
    sim_chrome_event event = {.phase = SIM_CHROME_ASYNC_BEGIN,
                              .name = name,
                              .category = "flight",
                              .process = step->host,
                              .thread = SIM_TIMELINE_TID_NETWORK,
                              .time_ns = step->caused_ns,
                              .id = sim_timeline_flow(step->sender, step->host, step->sequence),
                              .args = args.items,
                              .arg_count = args.count};
    sim_chrome_write(&timeline->chrome, &event);
    event.phase = SIM_CHROME_ASYNC_END;
    event.time_ns = step->due_ns;
    event.arg_count = 0;
    sim_chrome_write(&timeline->chrome, &event);
}

void sim_timeline_write_dropped(sim_timeline *timeline, const sim_observed_message *message,
                                const char *reason) {
    if (!sim_timeline_room(timeline, 1)) {
        return;
    }
    name_network(timeline, message->from);
    char name[SIM_TIMELINE_NAME_BYTES];
    (void)snprintf(name, sizeof name, "message %s %s",
                   message_name(message->bytes, message->size_bytes), reason);
    arg_list args = {.count = 0};
    add_number(&args, "to", message->to);
    add_number(&args, "sequence", message->sequence);
    add_number(&args, "bytes", message->size_bytes);
    add_number(&args, "request", message->request_id);
    sim_chrome_event event = {.phase = SIM_CHROME_INSTANT,
                              .name = name,
                              .category = "dropped",
                              .process = message->from,
                              .thread = SIM_TIMELINE_TID_NETWORK,
                              .time_ns = message->time_ns,
                              .scope = 't',
                              .args = args.items,
                              .arg_count = args.count};
    sim_chrome_write(&timeline->chrome, &event);
}

/* --- requests -------------------------------------------------------------- */

/* The parts one behind the other, from the request's start to its answer. */
static void write_parts(sim_timeline *timeline, sim_chrome_event event,
                        const sim_ledger *ledger) {
    static const sim_ledger_part order[SIM_LEDGER_PART_COUNT] = {
        SIM_LEDGER_QUEUE, SIM_LEDGER_WIRE, SIM_LEDGER_COMPUTE,
        SIM_LEDGER_TIER,  SIM_LEDGER_DISK, SIM_LEDGER_RETRY};
    event.arg_count = 0;
    for (size_t i = 0; i < SIM_LEDGER_PART_COUNT; i++) {
        uint64_t part_ns = sim_ledger_part_ns(ledger, order[i]);
        if (part_ns == 0) {
            continue;
        }
        event.name = sim_ledger_part_name(order[i]);
        event.phase = SIM_CHROME_ASYNC_BEGIN;
        sim_chrome_write(&timeline->chrome, &event);
        event.phase = SIM_CHROME_ASYNC_END;
        event.time_ns += part_ns;
        sim_chrome_write(&timeline->chrome, &event);
    }
}

void sim_timeline_write_request(sim_timeline *timeline, uint32_t host, uint64_t now_ns,
                                const cg_reply *reply, const sim_ledger *ledger) {
    static const char *const keys[SIM_LEDGER_PART_COUNT] = {"queue_ns", "wire_ns", "compute_ns",
                                                            "disk_ns",  "tier_ns", "retry_ns"};
    uint64_t parts = 0;
    for (int part = 0; part < SIM_LEDGER_PART_COUNT; part++) {
        parts += sim_ledger_part_ns(ledger, (sim_ledger_part)part) > 0;
    }
    if (!sim_timeline_room(timeline, 2 + 2 * parts)) {
        return;
    }
    arg_list args = {.count = 0};
    add_number(&args, "request", reply->request_id);
    add_text(&args, "status", cg_status_name(reply->status));
    add_number(&args, "decided_by_host", reply->host);
    add_number(&args, "tries", reply->tries);
    add_number(&args, "latency_ns", now_ns - ledger->start_ns);
    for (int part = 0; part < SIM_LEDGER_PART_COUNT; part++) {
        add_number(&args, keys[part], sim_ledger_part_ns(ledger, (sim_ledger_part)part));
    }
    sim_chrome_event event = {.phase = SIM_CHROME_ASYNC_BEGIN,
                              .name = cg_request_kind_name((cg_request_kind)reply->request),
                              .category = "request",
                              .process = host,
                              .thread = SIM_TIMELINE_TID_REQUESTS,
                              .time_ns = ledger->start_ns,
                              .id = reply->request_id,
                              .args = args.items,
                              .arg_count = args.count};
    sim_chrome_write(&timeline->chrome, &event);
    write_parts(timeline, event, ledger);
    event.phase = SIM_CHROME_ASYNC_END;
    event.time_ns = now_ns;
    event.arg_count = 0;
    sim_chrome_write(&timeline->chrome, &event);
}

/* --- instants, and the end ------------------------------------------------- */

void sim_timeline_write_instant(sim_timeline *timeline, uint32_t host, uint64_t now_ns,
                                const char *name, const char *text) {
    if (!sim_timeline_room(timeline, 1)) {
        return;
    }
    arg_list args = {.count = 0};
    add_text(&args, "text", text);
    sim_chrome_event event = {.phase = SIM_CHROME_INSTANT,
                              .name = name,
                              .category = "host",
                              .process = host,
                              .thread = SIM_TIMELINE_TID_NETWORK,
                              .time_ns = now_ns,
                              .scope = 'p',
                              .args = args.items,
                              .arg_count = args.count};
    sim_chrome_write(&timeline->chrome, &event);
}

static void write_cluster(sim_timeline *timeline, uint64_t now_ns, const char *name,
                          const char *text, char scope) {
    sim_chrome_arg arg = {.key = "text", .text = text};
    sim_chrome_event event = {.phase = SIM_CHROME_INSTANT,
                              .name = name,
                              .category = "cluster",
                              .process = timeline->host_count,
                              .thread = SIM_TIMELINE_TID_CLUSTER,
                              .time_ns = now_ns,
                              .scope = scope,
                              .args = &arg,
                              .arg_count = 1};
    sim_chrome_write(&timeline->chrome, &event);
}

void sim_timeline_write_mark(sim_timeline *timeline, uint64_t now_ns, const char *kind,
                             const char *text) {
    write_cluster(timeline, now_ns, kind, text, 't');
}

/* What was written and what was not, in a metadata entry that is always the last. */
void sim_timeline_write_cut(sim_timeline *timeline) {
    char text[160];
    arg_list args = {.count = 0};
    if (timeline->left_out > 0) {
        (void)snprintf(
            text, sizeof text, "from here on %llu events are left out: the limit is %llu",
            (unsigned long long)timeline->left_out, (unsigned long long)timeline->limit);
        write_cluster(timeline, timeline->cut_ns, "the trace is cut", text, 'g');
    }
    add_number(&args, "events", timeline->counted);
    add_number(&args, "left_out", timeline->left_out);
    sim_chrome_event event = {.phase = SIM_CHROME_METADATA,
                              .name = timeline->left_out > 0 ? "trace_cut" : "trace_whole",
                              .process = timeline->host_count,
                              .args = args.items,
                              .arg_count = args.count};
    sim_chrome_write(&timeline->chrome, &event);
}
