#include "engine/node/event.h"

#include <string.h>

#include "engine/base/bytes.h"

const char *cg_event_kind_name(cg_event_kind kind) {
    static const char *const names[CG_EVENT_KIND_COUNT] = {
        "request", "message", "timer", "storage_done", "read_done", "start"};
    CG_ASSERT((unsigned)kind < CG_EVENT_KIND_COUNT);
    return names[kind];
}

const char *cg_request_kind_name(cg_request_kind kind) {
    static const char *const names[CG_REQUEST_KIND_COUNT] = {
        "allocate", "batch", "deallocate", "recall", "spread", "get", "edge", "search"};
    CG_ASSERT((unsigned)kind < CG_REQUEST_KIND_COUNT);
    return names[kind];
}

size_t cg_edge_change_write(const cg_edge_change *change,
                            uint8_t bytes[CG_EDGE_OBSERVE_BYTES]) {
    cg_writer writer = cg_writer_init(bytes, CG_EDGE_OBSERVE_BYTES);
    cg_write_u64(&writer, change->from);
    cg_write_u16(&writer, change->type);
    cg_write_u64(&writer, change->to);
    if (!change->removes) {
        cg_write_u8(&writer, change->weight);
        cg_write_u32(&writer, change->confidence_q16);
    }
    return writer.used_bytes;
}

bool cg_edge_change_read(const uint8_t *bytes, size_t size_bytes, cg_edge_change *change) {
    cg_reader reader = cg_reader_init(bytes, size_bytes);
    cg_edge_change read = {.from = cg_read_u64(&reader)};
    read.type = cg_read_u16(&reader);
    read.to = cg_read_u64(&reader);
    read.removes = size_bytes == CG_EDGE_REMOVE_BYTES;
    if (!read.removes) {
        read.weight = cg_read_u8(&reader);
        read.confidence_q16 = cg_read_u32(&reader);
    }
    if (reader.failed || cg_reader_left(&reader) != 0) {
        return false;
    }
    *change = read;
    return true;
}

void cg_answer_hit_write(uint8_t bytes[CG_SPREAD_HIT_BYTES], const cg_answer_hit *hit) {
    cg_writer writer = cg_writer_init(bytes, CG_SPREAD_HIT_BYTES);
    cg_write_u32(&writer, hit->row);
    cg_write_u32(&writer, hit->predecessor);
    cg_write_u32(&writer, hit->activation_q32);
    cg_write_u32(&writer, hit->confidence_q32);
    cg_write_u32(&writer, hit->hops);
}

cg_answer_hit cg_answer_hit_read(const uint8_t bytes[CG_SPREAD_HIT_BYTES]) {
    cg_reader reader = cg_reader_init(bytes, CG_SPREAD_HIT_BYTES);
    cg_answer_hit hit = {0};
    hit.row = cg_read_u32(&reader);
    hit.predecessor = cg_read_u32(&reader);
    hit.activation_q32 = cg_read_u32(&reader);
    hit.confidence_q32 = cg_read_u32(&reader);
    hit.hops = cg_read_u32(&reader);
    return hit;
}

void cg_outputs_init(cg_outputs *outputs, cg_allocator allocator) {
    memset(outputs, 0, sizeof *outputs);
    outputs->allocator = allocator;
}

void cg_outputs_deinit(cg_outputs *outputs) {
    cg_deallocate(&outputs->allocator, outputs->items, outputs->capacity,
                  sizeof *outputs->items);
    cg_deallocate(&outputs->allocator, outputs->bytes, outputs->bytes_capacity, 1);
    cg_outputs_init(outputs, outputs->allocator);
}

void cg_outputs_reset(cg_outputs *outputs) {
    outputs->count = 0;
    outputs->bytes_used = 0;
    memset(&outputs->work, 0, sizeof outputs->work);
}

cg_status cg_outputs_add(cg_outputs *outputs, const cg_output *output, size_t size_bytes,
                         uint8_t **bytes, cg_error *error) {
    cg_status status = CG_GROW(&outputs->allocator, outputs->items, outputs->capacity,
                               outputs->count + 1, error);
    if (status == CG_OK && size_bytes > 0) {
        status = CG_GROW(&outputs->allocator, outputs->bytes, outputs->bytes_capacity,
                         outputs->bytes_used + size_bytes, error);
    }
    if (status != CG_OK) {
        return status;
    }
    cg_output *item = &outputs->items[outputs->count++];
    *item = *output;
    item->offset = outputs->bytes_used;
    item->size_bytes = size_bytes;
    if (bytes) {
        *bytes = outputs->bytes + outputs->bytes_used;
    }
    outputs->bytes_used += size_bytes;
    return CG_OK;
}
