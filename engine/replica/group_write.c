/* Frames for the journal, and what is durable.
 *
 * Frames are gathered and handed over together, at most writes_max at a time. A write's completion says
 * what is durable, but in terms of the log as it was then: a record 7 that was cut off since is not the
 * record 7 that stands there now. So each write under way keeps up to which record it will have made the
 * log durable, and a cut lowers that: what comes after the cut is durable only by a later write, which
 * has the cut in front of it.
 *
 * A union at a primary takes back records that were answered for, and writes them again in other places.
 * A crash between the cut and the last of them must not lose any: so the CUT frame says how many records
 * belong to it, and replay (group_recover.c) heeds it only when all of them are there.
 */
#include <string.h>

#include "engine/base/bytes.h"
#include "engine/replica/group_internal.h"

cg_status cg_group_queue_frame(cg_group *group, cg_frame_kind kind, const uint8_t *payload,
                               size_t size_bytes, cg_error *error) {
    size_t frame_bytes = cg_frame_bytes(size_bytes);
    cg_status status = CG_GROW(&group->allocator, group->frames, group->frames_capacity,
                               group->frames_used + frame_bytes, error);
    if (status != CG_OK) {
        return status;
    }
    uint8_t *bytes = group->frames + group->frames_used;
    memcpy(bytes + CG_FRAME_HEAD_BYTES, payload, size_bytes);
    cg_frame_seal(kind, group->options.number, size_bytes, bytes);
    group->frames_used += frame_bytes;
    return CG_OK;
}

cg_status cg_group_promise(cg_group *group, uint64_t epoch, uint32_t voted, cg_error *error) {
    uint8_t payload[12];
    cg_writer writer = cg_writer_init(payload, sizeof payload);
    cg_write_u64(&writer, epoch);
    cg_write_u32(&writer, voted);
    cg_status status =
        cg_group_queue_frame(group, CG_FRAME_PROMISE, payload, sizeof payload, error);
    if (status == CG_OK) {
        group->epoch = epoch;
        group->voted = voted;
    }
    return status;
}

bool cg_group_promise_is_durable(const cg_group *group) {
    return CG_BUG(PROMISE_NOT_DURABLE) ||
           (group->durable_epoch == group->epoch && group->durable_voted == group->voted);
}

cg_status cg_group_queue_records(cg_group *group, cg_error *error) {
    if (group->is_witness) {
        return CG_OK;
    }
    uint64_t last = cg_log_last(group->machine.log);
    while (group->queued < last) {
        size_t size_bytes = 0;
        const uint8_t *bytes = cg_log_bytes(group->machine.log, group->queued + 1, &size_bytes);
        cg_status status =
            cg_group_queue_frame(group, CG_FRAME_RECORD, bytes, size_bytes, error);
        if (status != CG_OK) {
            return status;
        }
        group->queued++;
    }
    return CG_OK;
}

static cg_status queue_cut(cg_group *group, uint64_t last, uint64_t count, cg_error *error) {
    uint8_t payload[12];
    cg_writer writer = cg_writer_init(payload, sizeof payload);
    cg_write_u64(&writer, last);
    cg_write_u32(&writer, (uint32_t)count);
    cg_status status =
        cg_group_queue_frame(group, CG_FRAME_CUT, payload, sizeof payload, error);
    if (status != CG_OK) {
        return status;
    }
    group->queued = group->queued < last ? group->queued : last;
    group->durable = group->durable < last ? group->durable : last;
    group->held = group->held < last ? group->held : last;
    if (group->role != CG_GROUP_PRIMARY && group->safe > last) {
        group->safe = last;
    }
    for (size_t i = 0; i < group->writes_count && !CG_BUG(STALE_WRITE_COUNTS); ++i) {
        group_write *write = &group->writes[i];
        write->sequence = write->sequence < last ? write->sequence : last;
    }
    return CG_OK;
}

cg_status cg_group_cut(cg_group *group, uint64_t last, cg_error *error) {
    cg_status status =
        cg_group_queue_records(group, error); /* what is cut off was the log once */
    if (status == CG_OK) {
        status = group->machine.cut(group->machine.context, last, error);
    }
    return status == CG_OK ? queue_cut(group, last, 0, error) : status;
}

cg_status cg_group_queue_rewrite(cg_group *group, uint64_t last, cg_error *error) {
    uint64_t count = cg_log_last(group->machine.log) - last;
    CG_ASSERT(count <= UINT32_MAX);
    cg_status status = queue_cut(group, last, CG_BUG(UNION_TORN) ? 0 : count, error);
    return status == CG_OK ? cg_group_queue_records(group, error) : status;
}

cg_status cg_group_queue_seen(cg_group *group, cg_error *error) {
    uint8_t payload[16 + GROUP_ID_BYTES];
    cg_writer writer = cg_writer_init(payload, sizeof payload);
    cg_write_u64(&writer, group->seen.sequence);
    cg_write_u64(&writer, group->seen.chain);
    cg_group_write_id(&writer, &group->seen.id);
    return cg_group_queue_frame(group, CG_FRAME_WITNESS, payload, sizeof payload, error);
}

cg_status cg_group_queue_amnesia(cg_group *group, bool forgot, cg_error *error) {
    uint8_t payload[9 + GROUP_ID_BYTES];
    cg_writer writer = cg_writer_init(payload, sizeof payload);
    cg_write_u8(&writer, forgot);
    cg_write_u64(&writer, group->disk_life);
    cg_group_write_id(&writer, &group->floor);
    return cg_group_queue_frame(group, CG_FRAME_AMNESIA, payload, sizeof payload, error);
}

cg_status cg_group_flush(cg_group *group, cg_error *error) {
    if (group->frames_used == 0 ||
        (group->options.writes_max > 0 && group->writes_count >= group->options.writes_max)) {
        return CG_OK;
    }
    cg_status status = CG_GROW(&group->allocator, group->writes, group->writes_capacity,
                               group->writes_count + 1, error);
    if (status != CG_OK) {
        return status;
    }
    group->token++;
    group->writes[group->writes_count++] = (group_write){
        .token = group->token,
        .sequence = group->queued,
        .epoch = group->epoch,
        .voted = group->voted,
        .seen = group->seen,
    };
    size_t used = group->frames_used;
    group->frames_used = 0;
    return group->machine.write(group->machine.context, group->token, group->frames, used,
                                error);
}

bool cg_group_settle(cg_group *group, uint64_t token) {
    size_t done = 0;
    if (token > group->token) {
        return false; /* none that was given */
    }
    while (done < group->writes_count && group->writes[done].token <= token) {
        const group_write *write = &group->writes[done++];
        if (write->sequence > group->durable) {
            group->durable = write->sequence < group->queued ? write->sequence : group->queued;
        }
        group->durable_epoch = write->epoch;
        group->durable_voted = write->voted;
        group->seen_durable = write->seen;
    }
    group->writes_count -= done;
    memmove(group->writes, group->writes + done, group->writes_count * sizeof *group->writes);
    return done > 0;
}
