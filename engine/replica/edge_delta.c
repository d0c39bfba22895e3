/* Deltas of edges as bytes: strict reading, and writing. The format is in the header. */
#include "engine/replica/edge_delta.h"

int cg_edge_key_compare(const cg_edge_key *left, const cg_edge_key *right) {
    if (left->from != right->from) {
        return left->from < right->from ? -1 : 1;
    }
    if (left->type != right->type) {
        return left->type < right->type ? -1 : 1;
    }
    if (left->to != right->to) {
        return left->to < right->to ? -1 : 1;
    }
    return 0;
}

cg_edge_range cg_edge_delta_range(const cg_edge_delta *delta, uint32_t index) {
    cg_reader reader = cg_reader_init(delta->bytes + CG_EDGE_DELTA_HEADER_BYTES +
                                          (size_t)index * CG_EDGE_DELTA_RANGE_BYTES,
                                      CG_EDGE_DELTA_RANGE_BYTES);
    cg_edge_range range = {.replica = cg_read_u64(&reader)};
    range.after = cg_read_u64(&reader);
    range.upto = cg_read_u64(&reader);
    return range;
}

cg_edge_entry cg_edge_delta_entry(const cg_edge_delta *delta, uint32_t index) {
    cg_reader reader =
        cg_reader_init(delta->bytes + CG_EDGE_DELTA_HEADER_BYTES +
                           (size_t)delta->range_count * CG_EDGE_DELTA_RANGE_BYTES +
                           (size_t)index * CG_EDGE_DELTA_ENTRY_BYTES,
                       CG_EDGE_DELTA_ENTRY_BYTES);
    cg_edge_entry entry = {.kind = cg_read_u8(&reader)};
    entry.origin = cg_read_u16(&reader);
    entry.about = cg_read_u16(&reader);
    entry.edge.type = cg_read_u16(&reader);
    entry.edge.from = cg_read_u64(&reader);
    entry.edge.to = cg_read_u64(&reader);
    entry.counter = cg_read_u64(&reader);
    entry.mark = cg_read_u64(&reader);
    entry.weighted = cg_read_u64(&reader);
    entry.confidence = cg_read_u64(&reader);
    return entry;
}

static cg_status open_header(cg_reader *reader, cg_edge_delta *delta, cg_error *error) {
    uint8_t version = cg_read_u8(reader);
    delta->flags = cg_read_u8(reader);
    delta->range_count = cg_read_u16(reader);
    delta->entry_count = cg_read_u32(reader);
    delta->transfer = cg_read_u64(reader);
    delta->part = cg_read_u32(reader);
    if (reader->failed) {
        return cg_error_set(error, CG_ERROR_CORRUPT, "a delta of %zu bytes, at least %d",
                            reader->size_bytes, CG_EDGE_DELTA_HEADER_BYTES);
    }
    if (version != CG_EDGE_DELTA_VERSION) {
        return cg_error_set(error, CG_ERROR_VERSION, "a delta of version %u, not %d", version,
                            CG_EDGE_DELTA_VERSION);
    }
    bool is_alone = delta->part == 0 && !(delta->flags & CG_EDGE_DELTA_MORE);
    if (delta->flags > (CG_EDGE_DELTA_MORE | CG_EDGE_DELTA_WHOLE) || delta->range_count < 1 ||
        delta->range_count > CG_REPLICAS_MAX || (!is_alone && delta->transfer == 0)) {
        return cg_error_set(
            error, CG_ERROR_CORRUPT,
            "a delta with flags %u, %u ranges, transfer %llu and part %u; there "
            "are flags 0..3, 1..%d ranges, and transfer 0 has one part",
            delta->flags, delta->range_count, (unsigned long long)delta->transfer, delta->part,
            CG_REPLICAS_MAX);
    }
    if (cg_edge_delta_bytes(delta) != reader->size_bytes) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "a delta of %u ranges and %u entries has %zu bytes, not %zu",
                            delta->range_count, delta->entry_count, reader->size_bytes,
                            cg_edge_delta_bytes(delta));
    }
    return CG_OK;
}

static cg_status check_ranges(const cg_edge_delta *delta, cg_error *error) {
    cg_edge_range before = {0};
    for (uint32_t i = 0; i < delta->range_count; i++) {
        cg_edge_range range = cg_edge_delta_range(delta, i);
        if (range.after > range.upto || (i > 0 && range.replica <= before.replica)) {
            return cg_error_set(error, CG_ERROR_CORRUPT,
                                "range %u of a delta, replica %llu from %llu to %llu, is not "
                                "ascending",
                                i, (unsigned long long)range.replica,
                                (unsigned long long)range.after,
                                (unsigned long long)range.upto);
        }
        before = range;
    }
    return CG_OK;
}

static bool is_sound(const cg_edge_delta *delta, const cg_edge_entry *entry) {
    if (entry->kind > CG_EDGE_RESET || entry->origin >= delta->range_count ||
        entry->about >= delta->range_count || entry->edge.from == entry->edge.to ||
        entry->confidence < 1 || entry->confidence > CG_EDGE_CONFIDENCE_SUM_MAX ||
        entry->weighted > entry->confidence * CG_EDGE_WEIGHT_MAX || entry->mark < 1) {
        return false;
    }
    if (entry->kind == CG_EDGE_SUMS &&
        (entry->about != entry->origin || entry->mark > entry->counter)) {
        return false;
    }
    if (entry->kind == CG_EDGE_RESET && entry->about == entry->origin &&
        entry->mark >= entry->counter) {
        return false;
    }
    cg_edge_range range = cg_edge_delta_range(delta, entry->origin);
    bool is_whole = delta->flags & CG_EDGE_DELTA_WHOLE;
    return entry->counter >= 1 && (is_whole || entry->counter > range.after) &&
           entry->counter <= range.upto;
}

/* Ascending, and entries of one dot are resets of one edge. */
static bool follows(const cg_edge_entry *before, const cg_edge_entry *entry) {
    if (before->origin != entry->origin) {
        return before->origin < entry->origin;
    }
    if (before->counter != entry->counter) {
        return before->counter < entry->counter;
    }
    return before->about < entry->about && before->kind == CG_EDGE_RESET &&
           entry->kind == CG_EDGE_RESET &&
           cg_edge_key_compare(&before->edge, &entry->edge) == 0;
}

cg_status cg_edge_delta_open(const uint8_t *bytes, size_t size_bytes, cg_edge_delta *delta,
                             cg_error *error) {
    cg_reader reader = cg_reader_init(bytes, size_bytes);
    cg_edge_delta opened = {.bytes = bytes};
    cg_status status = open_header(&reader, &opened, error);
    if (status == CG_OK) {
        status = check_ranges(&opened, error);
    }
    if (status != CG_OK) {
        return status;
    }
    cg_edge_entry before = {0};
    for (uint32_t i = 0; i < opened.entry_count; i++) {
        cg_edge_entry entry = cg_edge_delta_entry(&opened, i);
        if (!is_sound(&opened, &entry) || (i > 0 && !follows(&before, &entry))) {
            return cg_error_set(error, CG_ERROR_CORRUPT,
                                "entry %u of %u of a delta, of the edge from %llu to %llu, is "
                                "out of order or out of range",
                                i, opened.entry_count, (unsigned long long)entry.edge.from,
                                (unsigned long long)entry.edge.to);
        }
        before = entry;
    }
    *delta = opened;
    return CG_OK;
}

void cg_edge_delta_write(const cg_edge_delta *header, const cg_edge_range *ranges,
                         const cg_edge_entry *entries, uint8_t *bytes) {
    cg_writer writer = cg_writer_init(bytes, cg_edge_delta_bytes(header));
    cg_write_u8(&writer, CG_EDGE_DELTA_VERSION);
    cg_write_u8(&writer, header->flags);
    cg_write_u16(&writer, header->range_count);
    cg_write_u32(&writer, header->entry_count);
    cg_write_u64(&writer, header->transfer);
    cg_write_u32(&writer, header->part);
    for (uint32_t i = 0; i < header->range_count; i++) {
        cg_write_u64(&writer, ranges[i].replica);
        cg_write_u64(&writer, ranges[i].after);
        cg_write_u64(&writer, ranges[i].upto);
    }
    for (uint32_t i = 0; i < header->entry_count; i++) {
        const cg_edge_entry *entry = &entries[i];
        cg_write_u8(&writer, entry->kind);
        cg_write_u16(&writer, entry->origin);
        cg_write_u16(&writer, entry->about);
        cg_write_u16(&writer, entry->edge.type);
        cg_write_u64(&writer, entry->edge.from);
        cg_write_u64(&writer, entry->edge.to);
        cg_write_u64(&writer, entry->counter);
        cg_write_u64(&writer, entry->mark);
        cg_write_u64(&writer, entry->weighted);
        cg_write_u64(&writer, entry->confidence);
    }
    CG_ASSERT(!writer.failed && writer.used_bytes == writer.capacity_bytes);
}
