/* What can be said of a client's request before its words are read. */
#include "engine/base/bytes.h"
#include "engine/node/node_internal.h"

static cg_status check_recall(const cg_event *event, cg_error *error) {
    uint64_t keys = event->size_bytes / sizeof(uint64_t);
    if (event->size_bytes % sizeof(uint64_t) != 0 || keys < 1 || keys > CG_RECALL_KEYS_MAX) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "request %llu: %zu bytes of keys to recall; it takes 1 to %d keys of 8 bytes",
            (unsigned long long)event->id, event->size_bytes, CG_RECALL_KEYS_MAX);
    }
    if (event->hops > CG_RECALL_HOPS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "request %llu: a recall of %u hops; at most %d",
                            (unsigned long long)event->id, event->hops, CG_RECALL_HOPS_MAX);
    }
    return CG_OK;
}

static cg_status check_rows(const cg_event *event, cg_error *error) {
    uint64_t rows = event->size_bytes / sizeof(uint64_t);
    if (event->size_bytes % sizeof(uint64_t) != 0 || rows < 1 || rows > CG_SPREAD_ROWS_MAX) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "request %llu: %zu bytes of rows to spread from; it takes 1 to %d rows of 8 bytes",
            (unsigned long long)event->id, event->size_bytes, CG_SPREAD_ROWS_MAX);
    }
    return CG_OK;
}

static cg_status check_text(uint64_t id, uint64_t text_bytes, cg_error *error) {
    if (text_bytes > CG_NODE_FACT_BYTES_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "request %llu: a text of %llu bytes; at most %d fit a slot",
                            (unsigned long long)id, (unsigned long long)text_bytes,
                            CG_NODE_FACT_BYTES_MAX);
    }
    return CG_OK;
}

static cg_status check_spread(const cg_node *node, const cg_event *event, cg_error *error) {
    if (!node->corpus && !node->options.graph) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "request %llu: a spread without a graph; keys without content can "
                            "only be recalled",
                            (unsigned long long)event->id);
    }
    if (event->hops < 1 || event->hops > CG_SPREAD_HOPS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "request %llu: a spread of %u hops; it takes 1 to %d",
                            (unsigned long long)event->id, event->hops, CG_SPREAD_HOPS_MAX);
    }
    if (!(event->flags & CG_REQUEST_TEXT)) {
        return check_rows(event, error);
    }
    if (!node->corpus) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "request %llu: a spread from a text in a graph without texts; name "
                            "rows",
                            (unsigned long long)event->id);
    }
    return check_text(event->id, event->size_bytes, error);
}

/* Texts behind their lengths, up to the last byte. */
static cg_status check_batch(const cg_event *event, cg_error *error) {
    cg_reader reader = cg_reader_init(event->bytes, event->size_bytes);
    uint32_t facts = 0;
    for (; cg_reader_left(&reader) > 0 && facts <= CG_BATCH_FACTS_MAX; ++facts) {
        uint32_t text_bytes = cg_read_u32(&reader);
        cg_status status = check_text(event->id, text_bytes, error);
        if (status != CG_OK) {
            return status;
        }
        (void)cg_read_bytes(&reader, text_bytes);
        if (reader.failed) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "request %llu: fact %u of the batch is cut off by its end",
                                (unsigned long long)event->id, facts + 1);
        }
    }
    if (facts < 1 || facts > CG_BATCH_FACTS_MAX) {
        return cg_error_set(
            error, CG_ERROR_INVALID, "request %llu: a batch of %s facts; it takes 1 to %d",
            (unsigned long long)event->id, facts == 0 ? "no" : "more", CG_BATCH_FACTS_MAX);
    }
    return CG_OK;
}

static cg_status check_kind(const cg_node *node, const cg_event *event, cg_error *error) {
    if ((unsigned)event->request >= CG_REQUEST_KIND_COUNT ||
        event->priority >= CG_PRIORITY_COUNT) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "request %llu: kind %u of priority %u; kinds are 0..%d, priorities "
                            "0..%d",
                            (unsigned long long)event->id, (unsigned)event->request,
                            event->priority, CG_REQUEST_KIND_COUNT - 1, CG_PRIORITY_COUNT - 1);
    }
    if (event->request == CG_REQUEST_RECALL) {
        return check_recall(event, error);
    }
    if (event->request == CG_REQUEST_SPREAD) {
        return check_spread(node, event, error);
    }
    if (!node->corpus) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "request %llu: %s without texts; keys and graphs without texts can "
                            "only be recalled "
                            "and spread from",
                            (unsigned long long)event->id,
                            cg_request_kind_name(event->request));
    }
    if (event->request == CG_REQUEST_BATCH) {
        return check_batch(event, error);
    }
    if (event->request == CG_REQUEST_EDGE) {
        return cg_edges_check(node, event, error);
    }
    return event->request == CG_REQUEST_ALLOCATE || event->request == CG_REQUEST_SEARCH
               ? check_text(event->id, event->size_bytes, error)
               : CG_OK;
}

/* What can be said of a request before its words are read. */
cg_status cg_gateway_check(const cg_node *node, const cg_event *event, cg_error *error) {
    uint64_t known = 0;
    if (event->id > CG_NODE_REQUEST_ID_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID, "request id %llu has more than 48 bits",
                            (unsigned long long)event->id);
    }
    if (event->space >= node->options.spaces) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "request %llu: memory space %u does not exist; there are %u, from 0",
            (unsigned long long)event->id, event->space, node->options.spaces);
    }
    cg_status status = check_kind(node, event, error);
    if (status == CG_OK && (event->flags & CG_REQUEST_LABELLED) && node->corpus &&
        event->label >= cg_graph_concept_count(node->corpus->graph)) {
        status = cg_error_set(error, CG_ERROR_INVALID,
                              "request %llu: label %u is no concept; there are %u",
                              (unsigned long long)event->id, event->label,
                              cg_graph_concept_count(node->corpus->graph));
    }
    if (status == CG_OK && cg_table_get(node->pending_of, event->id, &known)) {
        status = cg_error_set(error, CG_ERROR_EXISTS, "request %llu is open at this host",
                              (unsigned long long)event->id);
    }
    return status;
}
