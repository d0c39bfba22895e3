/* Shipping the log to the replica, and applying it there (spec F5).
 *
 * The primary sends durable records in sequence, at most CG_NODE_SHIP_WINDOW ahead of the
 * replica's acknowledgement. The replica applies only the next record in sequence, ignores what
 * it has, and tells how far it is durable; a gap makes it tell again. When a timer passes
 * without progress the primary goes back to the last acknowledged record and sends one message,
 * waiting longer each time: so a replica that was cut off catches up when it is back, and a
 * dead link costs little.
 */
#include <string.h>

#include "engine/node/node_internal.h"

enum { TOKEN_PARTITION_SHIFT = 48 };

uint64_t cg_replicate_token(uint32_t partition, uint64_t sequence) {
    return (uint64_t)partition << TOKEN_PARTITION_SHIFT | sequence;
}

uint32_t cg_replicate_token_partition(uint64_t token) {
    return (uint32_t)(token >> TOKEN_PARTITION_SHIFT);
}

uint64_t cg_replicate_token_sequence(uint64_t token) {
    return token & ((UINT64_C(1) << TOKEN_PARTITION_SHIFT) - 1);
}

/* One append message with records first..last. */
static cg_status send_records(cg_space *space, uint64_t first, uint64_t last, uint64_t now_ns,
                              cg_outputs *outputs, cg_error *error) {
    cg_node *node = space->node;
    size_t bytes = CG_MESSAGE_APPEND_PREFIX_BYTES;
    for (uint64_t sequence = first; sequence <= last; ++sequence) {
        size_t record_bytes = 0;
        cg_log_bytes(space->own.log, sequence, &record_bytes);
        bytes += record_bytes;
    }
    uint8_t *payload = NULL;
    cg_status status =
        cg_node_send(node, outputs, cg_node_replica_host(node), bytes, &payload, error);
    if (status != CG_OK) {
        return status;
    }
    cg_message_append_encode_prefix(space->own.number, (uint32_t)(last - first + 1), payload);
    payload += CG_MESSAGE_APPEND_PREFIX_BYTES;
    for (uint64_t sequence = first; sequence <= last; ++sequence) {
        size_t record_bytes = 0;
        const uint8_t *record = cg_log_bytes(space->own.log, sequence, &record_bytes);
        memcpy(payload, record, record_bytes);
        payload += record_bytes;
    }
    cg_node_seal(node, outputs, CG_MESSAGE_APPEND, now_ns);
    return CG_OK;
}

static cg_status set_resend_timer(cg_space *space, uint64_t now_ns, cg_outputs *outputs,
                                  cg_error *error) {
    cg_node_replication *replication = &space->replication;
    if (replication->timer_set ||
        replication->acknowledged_sequence >= space->own.durable_sequence) {
        return CG_OK;
    }
    replication->timer_set = true;
    replication->acknowledged_at_timer = replication->acknowledged_sequence;
    uint64_t wait_ns = space->node->options.replicate_retry_ns << replication->doublings;
    return cg_node_set_timer(outputs, cg_timer_id(CG_TIMER_RESEND, space->own.number),
                             now_ns + wait_ns, error);
}

static uint64_t least(uint64_t left, uint64_t right) {
    return left < right ? left : right;
}

cg_status cg_replicate_ship(cg_space *space, uint64_t now_ns, cg_outputs *outputs,
                            cg_error *error) {
    if (!cg_node_replicates(space->node)) {
        return CG_OK;
    }
    cg_node_replication *replication = &space->replication;
    uint64_t limit = least(space->own.durable_sequence,
                           replication->acknowledged_sequence + CG_NODE_SHIP_WINDOW);
    cg_status status = CG_OK;
    while (status == CG_OK && replication->shipped_sequence < limit) {
        uint64_t first = replication->shipped_sequence + 1;
        uint64_t last = least(limit, replication->shipped_sequence + CG_NODE_SHIP_RECORDS);
        status = send_records(space, first, last, now_ns, outputs, error);
        replication->shipped_sequence = last;
    }
    return status == CG_OK ? set_resend_timer(space, now_ns, outputs, error) : status;
}

static cg_status resend(cg_space *space, uint64_t now_ns, cg_outputs *outputs,
                        cg_error *error) {
    cg_node_replication *replication = &space->replication;
    if (!replication->timer_set) {
        return CG_OK; /* none that this node waits for */
    }
    replication->timer_set = false;
    if (replication->acknowledged_sequence >= space->own.durable_sequence) {
        return CG_OK;
    }
    if (replication->acknowledged_sequence > replication->acknowledged_at_timer) {
        return set_resend_timer(space, now_ns, outputs, error);
    }
    if (replication->doublings < CG_NODE_BACKOFF_DOUBLINGS) {
        replication->doublings++;
    }
    uint64_t first = replication->acknowledged_sequence + 1;
    uint64_t last = least(replication->shipped_sequence,
                          replication->acknowledged_sequence + CG_NODE_SHIP_RECORDS);
    space->node->statistics.records_resent += last - first + 1;
    cg_status status = send_records(space, first, last, now_ns, outputs, error);
    return status == CG_OK ? set_resend_timer(space, now_ns, outputs, error) : status;
}

cg_status cg_replicate_timer(cg_node *node, const cg_event *event, cg_outputs *outputs,
                             cg_error *error) {
    uint64_t partition = event->id - cg_timer_id(CG_TIMER_RESEND, 0);
    cg_space *space = partition < CG_NODE_PARTITIONS_MAX
                          ? cg_space_of_partition(node, (uint32_t)partition)
                          : NULL;
    return space && partition == space->own.number
               ? resend(space, event->now_ns, outputs, error)
               : CG_OK;
}

cg_status cg_replicate_appended(cg_space *space, const cg_message_appended *message,
                                uint64_t now_ns, cg_outputs *outputs, cg_error *error) {
    cg_node_replication *replication = &space->replication;
    if (message->partition != space->own.number ||
        message->durable_sequence > space->own.durable_sequence) {
        space->node->statistics.messages_refused++;
        return CG_OK;
    }
    if (message->durable_sequence <= replication->acknowledged_sequence) {
        return CG_OK;
    }
    bool stalled = replication->doublings > 0;
    replication->acknowledged_sequence = message->durable_sequence;
    replication->doublings = 0;
    if (stalled || replication->shipped_sequence < replication->acknowledged_sequence) {
        /* Back from a silence: what was in flight then is most likely lost. */
        replication->shipped_sequence = replication->acknowledged_sequence;
    }
    cg_status status = cg_replicate_ship(space, now_ns, outputs, error);
    return status == CG_OK ? cg_primary_answer(space, now_ns, outputs, error) : status;
}

static cg_status tell_durable(cg_space *space, uint64_t now_ns, cg_outputs *outputs,
                              cg_error *error) {
    cg_node *node = space->node;
    cg_message_appended message = {space->copy.number, space->copy.durable_sequence};
    uint8_t *payload = NULL;
    cg_status status = cg_node_send(node, outputs, cg_node_copied_host(node),
                                    CG_MESSAGE_APPENDED_BYTES, &payload, error);
    if (status == CG_OK) {
        cg_message_appended_encode(&message, payload);
        cg_node_seal(node, outputs, CG_MESSAGE_APPENDED, now_ns);
    }
    return status;
}

cg_status cg_replicate_durable(cg_space *space, uint64_t now_ns, cg_outputs *outputs,
                               cg_error *error) {
    return tell_durable(space, now_ns, outputs, error);
}

/* Applies the records that are next in sequence: those at [*first_offset, *end_offset), which
 * are one run. CG_ERROR_CORRUPT where the message stops making sense; the run before it
 * stands. */
static cg_status apply_records(cg_space *space, const cg_message_append *message,
                               size_t *first_offset, size_t *end_offset, cg_work *work,
                               cg_error *error) {
    cg_node *node = space->node;
    size_t offset = 0;
    *first_offset = *end_offset = 0;
    for (uint32_t i = 0; i < message->count; ++i) {
        cg_log_record record;
        size_t used = 0;
        cg_status status =
            cg_log_record_decode(message->records + offset, message->records_bytes - offset,
                                 node->buffers, &record, &used, error);
        if (status != CG_OK) {
            return status;
        }
        uint64_t next = cg_log_last(space->copy.log) + 1;
        bool began = *end_offset > 0;
        if (began && record.sequence != next) {
            return cg_error_set(error, CG_ERROR_CORRUPT, "append message is out of sequence");
        }
        if (record.sequence > next) {
            node->statistics.records_gap++;
            return CG_OK;
        }
        if (record.sequence == next) {
            cg_encoded_record encoded = {message->records + offset, used};
            status = cg_partition_apply(&space->copy, &record, encoded, NULL, work, error);
            if (status != CG_OK) {
                return status;
            }
            if (!began) {
                *first_offset = offset;
            }
            *end_offset = offset + used;
        }
        offset += used;
    }
    return offset == message->records_bytes
               ? CG_OK
               : cg_error_set(error, CG_ERROR_CORRUPT, "append message has bytes to spare");
}

cg_status cg_replicate_append(cg_space *space, const cg_message_append *message,
                              uint64_t now_ns, cg_outputs *outputs, cg_error *error) {
    size_t first = 0;
    size_t end = 0;
    cg_status status = apply_records(space, message, &first, &end, &outputs->work, error);
    if (status == CG_ERROR_CORRUPT) {
        space->node->statistics.messages_refused++;
    } else if (status != CG_OK) {
        return status;
    }
    if (end == first) { /* nothing new: say where we are */
        return tell_durable(space, now_ns, outputs, error);
    }
    cg_output write = {
        .kind = CG_OUTPUT_WRITE,
        .id = cg_replicate_token(space->copy.number, cg_log_last(space->copy.log))};
    uint8_t *bytes = NULL;
    status = cg_outputs_add(outputs, &write, end - first, &bytes, error);
    if (status == CG_OK) {
        memcpy(bytes, message->records + first, end - first);
    }
    return status;
}
