/* Work items: who runs, who waits, who is shed; and the end of an item's work.
 *
 * A step runs to completion, so work is not spread over time here; it is paid outside, and the
 * timer "done", released when it is paid, says so. Between the two an item holds its permit and
 * its pins. An item that waits keeps a copy of its bytes. When a permit comes back one waiting
 * item starts, in the step of that timer.
 *
 * Without permits nothing waits, and an item whose work fits its step ends with it.
 */
#include <string.h>

#include "engine/node/node_internal.h"

enum { SHED_KEPT = 65536 };
enum { ITEM_BITS = 24, GENERATION_BITS = 16, PART_SHIFT = ITEM_BITS + GENERATION_BITS };
#define ITEMS_MAX       (UINT64_C(1) << ITEM_BITS)
#define GENERATION_MASK ((UINT64_C(1) << GENERATION_BITS) - 1)

/* --- items --- */

static size_t index_of(const cg_node *node, const cg_item *item) {
    return (size_t)(item - node->items);
}

/* A request that this host's client sent and that, by way of a message to itself, it also decides, is
 * two items. */
static uint64_t open_key(uint64_t work_id, uint16_t type) {
    return type ? work_id | CG_NODE_TIMER_OTHER : work_id;
}

static cg_status take_item(cg_node *node, uint64_t work_id, uint16_t type, cg_item **out,
                           cg_error *error) {
    bool reuses = node->items_free > 0;
    size_t index = reuses ? node->items_free - 1 : node->items_used;
    if (index >= ITEMS_MAX) {
        return cg_error_set(error, CG_ERROR_MEMORY, "%llu requests are open at host %u",
                            (unsigned long long)index, node->options.host);
    }
    cg_status status =
        CG_GROW(&node->allocator, node->items, node->items_capacity, index + 1, error);
    if (status == CG_OK) {
        status = cg_table_put(node->open_of, open_key(work_id, type), index, error);
    }
    if (status != CG_OK) {
        return status;
    }
    cg_item *item = &node->items[index];
    item->work_id = work_id;
    item->type = type;
    if (reuses) {
        node->items_free = item->next_free;
    } else {
        node->items_used++;
    }
    node->items_open++;
    item->generation = (item->generation + 1) & GENERATION_MASK;
    item->serial = ++node->serials;
    item->pin_count = 0;
    item->tries = 0;
    item->pending = false;
    item->recall.forecast_ns = 0;
    *out = item;
    return CG_OK;
}

static void give_item(cg_node *node, cg_item *item) {
    (void)cg_table_remove(node->open_of, open_key(item->work_id, item->type));
    item->state = CG_ITEM_FREE;
    item->next_free = node->items_free;
    node->items_free = index_of(node, item) + 1;
    node->items_open--;
}

void cg_items_free(cg_node *node) {
    for (size_t i = 0; i < node->items_used; i++) {
        cg_item *item = &node->items[i];
        cg_deallocate(&node->allocator, item->bytes, item->bytes_capacity, 1);
        cg_deallocate(&node->allocator, item->pins, item->pins_capacity, sizeof *item->pins);
        cg_deallocate(&node->allocator, item->recall.keys, item->recall.keys_capacity,
                      sizeof *item->recall.keys);
    }
    cg_deallocate(&node->allocator, node->items, node->items_capacity, sizeof *node->items);
}

uint64_t cg_items_bytes(const cg_node *node) {
    uint64_t bytes = node->items_capacity * sizeof *node->items;
    for (size_t i = 0; i < node->items_used; i++) {
        const cg_item *item = &node->items[i];
        bytes += item->bytes_capacity + item->pins_capacity * sizeof *item->pins +
                 item->recall.keys_capacity * sizeof *item->recall.keys;
    }
    return bytes;
}

uint64_t cg_item_token(const cg_node *node, const cg_item *item, cg_timer_kind kind,
                       uint32_t part) {
    return cg_timer_id(kind, (uint64_t)index_of(node, item) |
                                 (uint64_t)item->generation << ITEM_BITS |
                                 (uint64_t)part << PART_SHIFT);
}

cg_status cg_item_timer(const cg_node *node, const cg_item *item, cg_timer_kind kind,
                        uint32_t part, uint64_t at_ns, cg_outputs *outputs, cg_error *error) {
    return cg_node_set_timer(outputs, cg_item_token(node, item, kind, part), at_ns, error);
}

cg_status cg_item_pin(cg_node *node, cg_item *item, uint64_t slot, cg_error *error) {
    const cg_partition *home = cg_space_home(cg_item_space(node, item));
    cg_pools *pools = home->pools;
    if (item->pins_builds != home->builds) { /* what it held are no slots any more */
        item->pin_count = 0;
        item->pins_builds = home->builds;
    }
    if (cg_pools_pins(pools, slot) == CG_POOL_PINS_MAX) {
        return CG_OK; /* as many items hold it as can be counted: it stays while most of them run */
    }
    cg_status status =
        CG_GROW(&node->allocator, item->pins, item->pins_capacity, item->pin_count + 1, error);
    if (status == CG_OK) {
        status = cg_pools_pin(pools, slot, error);
    }
    if (status == CG_OK) {
        item->pins[item->pin_count++] = slot;
    }
    return status;
}

/* --- the end --- */

static void finish(cg_node *node, cg_item *item, uint64_t now_ns) {
    const cg_partition *home = cg_space_home(cg_item_space(node, item));
    for (size_t i = 0; item->pins_builds == home->builds && i < item->pin_count; i++) {
        CG_ASSERT(cg_pools_unpin(home->pools, item->pins[i], NULL) == CG_OK);
    }
    if (item->event.kind == CG_EVENT_REQUEST && (item->event.request == CG_REQUEST_RECALL ||
                                                 item->event.request == CG_REQUEST_SPREAD)) {
        cg_recall_end(node, item, now_ns);
    }
    node->tune.waited_ns += item->started_ns - item->arrived_ns;
    node->tune.served_ns += now_ns - item->started_ns;
    if (node->admission) {
        cg_admission_done(node->admission, now_ns, now_ns - item->started_ns);
    }
    give_item(node, item);
}

/* --- the beginning --- */

cg_holding *cg_item_holding(const cg_node *node, const cg_item *item) {
    return cg_node_holding(node, cg_node_partition_about(node, &item->event, item->work_id));
}

static cg_status run_message(cg_node *node, cg_item *item, uint64_t now_ns, cg_outputs *outputs,
                             cg_error *error) {
    const cg_event *event = &item->event;
    cg_holding *holding = cg_item_holding(node, item);
    cg_message_allocate allocate;
    cg_message_about about;
    cg_status status = CG_OK;
    CG_ASSERT(holding);
    if (!cg_holding_serves(holding)) { /* not any more */
        return cg_groups_redirect(holding, item->work_id, item->from, error);
    }
    switch ((cg_message_type)item->type) {
    case CG_MESSAGE_ALLOCATE: /* was decoded before it was let in */
        status = cg_message_allocate_decode(event->bytes, event->size_bytes, node->buffers,
                                            &allocate, error);
        return status == CG_OK
                   ? cg_primary_allocate(holding, &allocate, item->from, now_ns, outputs, error)
                   : status;
    case CG_MESSAGE_BATCH:
        return cg_primary_batch(holding, event->bytes, event->size_bytes, item->from, now_ns,
                                outputs, error);
    case CG_MESSAGE_REMOVE:
    case CG_MESSAGE_GET:
        status = cg_message_about_decode(event->bytes, event->size_bytes, &about, error);
        if (status != CG_OK) {
            return status;
        }
        if (item->type == CG_MESSAGE_REMOVE) {
            return cg_remove_begin(node, item, &about, now_ns, outputs, error);
        }
        item->removal = about;
        return cg_primary_get(holding, item, error);
    default:
        CG_ASSERT(item->type == CG_MESSAGE_ALLOCATE);
        return CG_ERROR_INVALID;
    }
}

static cg_status run_request(cg_node *node, cg_item *item, uint64_t now_ns, cg_outputs *outputs,
                             cg_error *error) {
    item->event.now_ns = now_ns;
    switch (item->event.request) {
    case CG_REQUEST_ALLOCATE:
        return cg_gateway_allocate(node, item, outputs, error);
    case CG_REQUEST_BATCH:
        return cg_gateway_batch(node, &item->event, outputs, error);
    case CG_REQUEST_DEALLOCATE:
    case CG_REQUEST_GET:
        return cg_gateway_about(node, item, outputs, error);
    case CG_REQUEST_RECALL:
        return cg_recall_begin(node, item, outputs, error);
    case CG_REQUEST_SPREAD:
        return cg_associate(node, item, outputs, error);
    case CG_REQUEST_EDGE:
        return cg_edges_change(node, item, error);
    case CG_REQUEST_SEARCH:
        return cg_gather_search(node, item, outputs, error);
    case CG_REQUEST_KIND_COUNT:
        break;
    }
    CG_ASSERT(item->event.request < CG_REQUEST_KIND_COUNT);
    return CG_OK;
}

/* Whether nobody has to know when the item's work is paid: no permit, no pin, no forecast hangs on
 * it. */
static bool ends_with_its_step(const cg_node *node, const cg_item *item) {
    bool reads = item->type == 0 && (item->event.request == CG_REQUEST_RECALL ||
                                     item->event.request == CG_REQUEST_SPREAD);
    return !node->admission && item->pin_count == 0 && !(reads && node->forecast);
}

static cg_status settle(cg_node *node, cg_item *item, uint64_t now_ns, cg_outputs *outputs,
                        cg_error *error) {
    if (item->pending) {
        return CG_OK;
    }
    if (ends_with_its_step(node, item)) {
        finish(node, item, now_ns);
        return CG_OK;
    }
    return cg_item_timer(node, item, CG_TIMER_DONE, 0, now_ns, outputs, error);
}

cg_status cg_item_settle(cg_node *node, cg_item *item, cg_error *error) {
    return settle(node, item, node->now_ns, node->outputs, error);
}

static cg_status run(cg_node *node, cg_item *item, uint64_t now_ns, cg_outputs *outputs,
                     cg_error *error) {
    item->state = CG_ITEM_RUNNING;
    item->started_ns = now_ns;
    node->began_ns = item->arrived_ns;
    cg_status status = item->type ? run_message(node, item, now_ns, outputs, error)
                                  : run_request(node, item, now_ns, outputs, error);
    item->event.bytes = NULL; /* the step's, or no longer needed */
    return status == CG_OK ? settle(node, item, now_ns, outputs, error) : status;
}

static cg_status start_next(cg_node *node, uint64_t now_ns, cg_outputs *outputs,
                            cg_error *error) {
    uint64_t index = 0;
    if (!node->admission || !cg_admission_next(node->admission, now_ns, &index)) {
        return CG_OK;
    }
    return run(node, &node->items[index], now_ns, outputs, error);
}

cg_status cg_admit_permits(cg_node *node, uint32_t permits, uint64_t now_ns,
                           cg_outputs *outputs, cg_error *error) {
    cg_status status = cg_admission_set_permits(node->admission, permits, error);
    cg_admission_statistics load = cg_admission_statistics_of(node->admission);
    uint64_t free_permits = load.permits > load.running ? load.permits - load.running : 0;
    uint64_t starts = load.waiting < free_permits ? load.waiting : free_permits;
    for (uint64_t i = 0; status == CG_OK && i < starts; ++i) {
        status = cg_node_set_timer(outputs, cg_timer_id(CG_TIMER_START, 0), now_ns, error);
    }
    return status;
}

/* --- the door --- */

static cg_status keep_bytes(cg_node *node, cg_item *item, cg_error *error) {
    cg_event *event = &item->event;
    cg_status status = CG_OK;
    if (event->size_bytes > 0) {
        status = CG_GROW(&node->allocator, item->bytes, item->bytes_capacity, event->size_bytes,
                         error);
    }
    if (status == CG_OK && event->size_bytes > 0) {
        memcpy(item->bytes, event->bytes, event->size_bytes);
    }
    event->bytes = item->bytes;
    return status;
}

/* Of others' requests shed lately all are known, so that copies on their way stay shed; of older
 * ones nothing is kept. */
static cg_status note_shed(cg_holding *holding, uint64_t newest, cg_error *error) {
    size_t place = holding->shed_count % SHED_KEPT;
    cg_status status = CG_GROW(&holding->space->node->allocator, holding->shed,
                               holding->shed_capacity, place + 1, error);
    if (status == CG_OK) {
        if (holding->shed_count >= SHED_KEPT) {
            (void)cg_table_remove(holding->rejected, holding->shed[place]);
        }
        holding->shed[place] = newest;
        holding->shed_count++;
    }
    return status;
}

static cg_status shed(cg_node *node, const cg_item *item, cg_outputs *outputs,
                      cg_error *error) {
    cg_admission_statistics load = cg_admission_statistics_of(node->admission);
    node->statistics.shed++;
    (void)cg_error_set(error, CG_ERROR_OVERLOADED,
                       "request %llu: host %u is overloaded: %llu requests run and %llu wait",
                       (unsigned long long)item->work_id, node->options.host,
                       (unsigned long long)load.running, (unsigned long long)load.waiting);
    if (item->type) { /* another copy, or a later try, may be under way: it stays shed */
        cg_holding *holding = cg_item_holding(node, item);
        cg_status status = note_shed(holding, item->work_id, error);
        if (status != CG_OK) {
            return status;
        }
        return cg_primary_reject(holding, item->work_id, item->event.request,
                                 CG_ERROR_OVERLOADED, item->from, item->event.now_ns, outputs,
                                 error);
    }
    return cg_node_refuse(node, &item->event, CG_ERROR_OVERLOADED, outputs, error);
}

/* Someone was told to wait though a permit is free, for others wait who have not started yet. */
static cg_status start_if_free(const cg_node *node, uint64_t now_ns, cg_outputs *outputs,
                               cg_error *error) {
    cg_admission_statistics load = cg_admission_statistics_of(node->admission);
    return load.running < load.permits
               ? cg_node_set_timer(outputs, cg_timer_id(CG_TIMER_START, 0), now_ns, error)
               : CG_OK;
}

/* What a request takes of its client's share, in reads of a key: a fact takes about as long as a
 * thousand of them. */
static uint32_t cost_of(const cg_item *item) {
    enum { FACT = 1000, FACT_BYTES = 128, MESSAGE_FACT_BYTES = 1024 };
    const cg_event *event = &item->event;
    size_t bytes = event->size_bytes;
    switch (event->request) {
    case CG_REQUEST_RECALL:
        return (uint32_t)(bytes / sizeof(uint64_t)) * (event->hops + 1);
    case CG_REQUEST_BATCH: /* by its size: its facts have not been counted yet */
        return FACT * (uint32_t)(1 + bytes / (item->type ? MESSAGE_FACT_BYTES : FACT_BYTES));
    default:
        return FACT;
    }
}

static cg_status offer(cg_node *node, cg_item *item, cg_outputs *outputs, cg_error *error) {
    const cg_event *event = &item->event;
    cg_admission_verdict verdict = CG_ADMISSION_RUN;
    cg_ticket ticket = {.id = index_of(node, item),
                        .client = event->client,
                        .priority = event->priority,
                        .cost = cost_of(item)};
    cg_status status = CG_OK;
    if (node->admission) {
        status = cg_admission_offer(node->admission, &ticket, event->now_ns, &verdict, error);
    }
    if (status != CG_OK) {
        give_item(node, item);
        return status;
    }
    switch (verdict) {
    case CG_ADMISSION_RUN:
        return run(node, item, event->now_ns, outputs, error);
    case CG_ADMISSION_WAIT:
        item->state = CG_ITEM_WAITING;
        status = keep_bytes(node, item, error);
        return status == CG_OK ? start_if_free(node, event->now_ns, outputs, error) : status;
    case CG_ADMISSION_SHED:
        break;
    }
    status = shed(node, item, outputs, error);
    give_item(node, item);
    return status;
}

/* Where it can be known now whether the request was decided before; otherwise NULL. */
static cg_holding *decider(const cg_node *node, const cg_event *event, uint64_t work_id,
                           uint16_t type) {
    if (cg_request_only_reads(event->request) || (!type && node->options.fails_over)) {
        return NULL;
    }
    cg_holding *holding = cg_node_holding(node, cg_node_partition_about(node, event, work_id));
    return holding && cg_holding_serves(holding) ? holding : NULL;
}

cg_status cg_admit(cg_node *node, const cg_event *event, uint64_t work_id, uint16_t type,
                   uint32_t from, cg_outputs *outputs, cg_error *error) {
    uint64_t known = 0;
    /* Whether it came from a client of this host or, as work, from another host. But where others may
     * take over, a client's request comes as work too, by a message of this host to itself. */
    const uint16_t other = type ? 0 : CG_MESSAGE_ALLOCATE;
    bool is_one = !type || !node->options.fails_over;
    if (cg_table_get(node->open_of, open_key(work_id, type), &known) ||
        (is_one && cg_table_get(node->open_of, open_key(work_id, other), &known))) {
        node->statistics.duplicates++; /* the first one will be answered */
        if (type) {
            return CG_OK;
        }
        (void)cg_error_set(error, CG_ERROR_EXISTS, "request %llu is open at this host",
                           (unsigned long long)work_id);
        return cg_node_refuse(node, event, CG_ERROR_EXISTS, outputs, error);
    }
    cg_item *item = NULL;
    cg_status status = CG_OK;
    /* Whoever was decided is not shed afterwards: his client would be told that nothing was done. */
    cg_holding *holding = decider(node, event, work_id, type);
    if (holding && cg_primary_decided(holding, work_id, event->request, from, event->now_ns,
                                      outputs, &status, error)) {
        return status;
    }
    status = cg_tune_begin(node, event, outputs, error);
    if (status == CG_OK) {
        status = take_item(node, work_id, type, &item, error);
    }
    if (status != CG_OK) {
        return status;
    }
    item->from = from;
    item->event = *event;
    item->arrived_ns = event->now_ns;
    node->tune.active++;
    node->work_of_others += type != 0;
    return offer(node, item, outputs, error);
}

/* --- timers --- */

uint64_t cg_item_ticket(cg_node *node, cg_item *item) {
    item->serial = ++node->serials;
    return item->serial << ITEM_BITS | index_of(node, item);
}

cg_item *cg_item_of_ticket(cg_node *node, uint64_t ticket) {
    cg_item *item = &node->items[ticket & (ITEMS_MAX - 1)];
    return item->state == CG_ITEM_RUNNING && item->serial == ticket >> ITEM_BITS ? item : NULL;
}

static cg_item *item_of(const cg_node *node, uint64_t id) {
    uint64_t index = id & (ITEMS_MAX - 1);
    if (index >= node->items_used) {
        return NULL;
    }
    cg_item *item = &node->items[index];
    bool current = item->state == CG_ITEM_RUNNING &&
                   item->generation == (id >> ITEM_BITS & GENERATION_MASK);
    return current ? item : NULL;
}

cg_status cg_admit_timer(cg_node *node, const cg_event *event, cg_outputs *outputs,
                         cg_error *error) {
    cg_timer_kind kind = cg_timer_kind_of(event->id);
    if (kind == CG_TIMER_START) {
        return start_next(node, event->now_ns, outputs, error);
    }
    cg_item *item = item_of(node, event->id);
    if (!item) {
        return CG_OK; /* of an item that is no more */
    }
    uint32_t part =
        (uint32_t)(event->id >> PART_SHIFT & ((1u << (CG_TIMER_KIND_SHIFT - PART_SHIFT)) - 1));
    cg_status status = CG_OK;
    if (kind == CG_TIMER_DONE) {
        finish(node, item, event->now_ns);
        return start_next(node, event->now_ns, outputs, error);
    }
    if (!item->pending) {
        return CG_OK; /* its work is done, and its end is on the way */
    }
    status = kind == CG_TIMER_AGAIN
                 ? cg_remove_again(node, item, event->now_ns, outputs, error)
                 : cg_batches_step(node, item, kind, part, event->now_ns, outputs, error);
    return status == CG_OK ? settle(node, item, event->now_ns, outputs, error) : status;
}
