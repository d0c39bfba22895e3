/* Whether a partition is what its log says. */
#include "engine/node/partition.h"

static cg_status check_slots(const cg_partition *partition, cg_error *error) {
    cg_table *slots = NULL;
    cg_status status = cg_table_alloc(partition->allocator, &slots, error);
    for (uint64_t i = 0; status == CG_OK && i < partition->applied; ++i) {
        uint64_t slot = partition->records[i].slot;
        uint64_t other = 0;
        if (slot == CG_SLOT_NONE) {
            continue;
        }
        status = cg_table_get(slots, slot, &other)
                     ? cg_error_set(error, CG_ERROR_CORRUPT,
                                    "partition %u: the facts of records %llu and %llu share "
                                    "slot %llx",
                                    partition->number, (unsigned long long)other,
                                    (unsigned long long)i + 1, (unsigned long long)slot)
                     : cg_table_put(slots, slot, i + 1, error);
    }
    cg_table_free(slots);
    return status;
}

static cg_status apply_all(cg_partition *again, const cg_log_store *log,
                           cg_log_buffers *buffers, cg_error *error) {
    cg_status status = CG_OK;
    for (uint64_t sequence = 1; status == CG_OK && sequence <= cg_log_last(log); ++sequence) {
        cg_log_record record;
        size_t used = 0;
        cg_encoded_record encoded = {0};
        encoded.bytes = cg_log_bytes(log, sequence, &encoded.size_bytes);
        status = cg_log_record_decode(encoded.bytes, encoded.size_bytes, buffers, &record,
                                      &used, error);
        if (status == CG_OK) {
            status = cg_partition_apply(again, &record, encoded, NULL, NULL, error);
        }
    }
    return status;
}

cg_status cg_partition_audit(const cg_partition *partition, cg_error *error) {
    cg_allocator allocator = partition->allocator;
    cg_partition again;
    cg_status status = check_slots(partition, error);
    cg_log_buffers *buffers =
        status == CG_OK ? cg_allocate(&allocator, 1, sizeof *buffers) : NULL;
    if (status == CG_OK && !buffers) {
        status = cg_error_set(error, CG_ERROR_MEMORY, "no memory to audit partition %u",
                              partition->number);
    }
    if (status != CG_OK) {
        return status;
    }
    status = cg_partition_init(&again, partition->number, partition->corpus,
                               &partition->pool_options, allocator, error);
    if (status == CG_OK) {
        status = apply_all(&again, partition->log, buffers, error);
        if (status == CG_OK && cg_partition_hash(&again) != cg_partition_hash(partition)) {
            status = cg_error_set(error, CG_ERROR_CORRUPT,
                                  "partition %u is not what its log of %llu records makes of "
                                  "nothing",
                                  partition->number,
                                  (unsigned long long)cg_log_last(partition->log));
        }
        cg_partition_deinit(&again);
    }
    cg_deallocate(&allocator, buffers, 1, sizeof *buffers);
    return status;
}
