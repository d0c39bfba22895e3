#include "sim/check/invariants.h"

#include "engine/base/hash.h"
#include "engine/base/map.h"
#include "engine/node/partition.h"

typedef struct tally {
    uint64_t violations;
    cg_error first;
} violation_tally;

/* Counts a violation; the first one's sentence is kept. */
#define VIOLATION(tally, ...)                                                                  \
    do {                                                                                       \
        if ((tally)->violations++ == 0) {                                                      \
            cg_error_set(&(tally)->first, CG_ERROR_CORRUPT, __VA_ARGS__);                      \
        }                                                                                      \
    } while (0)

enum { BATCH_PLACE_SHIFT = 48 }; /* engine/node/primary.c: ids of a batch's further records */
#define REQUEST_ID_MASK ((UINT64_C(1) << BATCH_PLACE_SHIFT) - 1)

/* Where the request's records are: removals are logged where the fact is, and facts of a batch
 * are where the batch is. */
static uint32_t partition_of(const sim_check_cluster *cluster,
                             const sim_check_request *request) {
    uint64_t id =
        request->kind == CG_REQUEST_DEALLOCATE ? request->target : request->request_id;
    return cg_node_partition_number(id & REQUEST_ID_MASK, request->space, cluster->hosts);
}

/* Records that the request has, durable at a host: those of a batch stand one after another. */
static uint32_t records_at(const sim_check_cluster *cluster, const sim_check_request *request,
                           uint32_t host, uint64_t *first) {
    uint32_t partition = partition_of(cluster, request);
    uint32_t most = request->kind == CG_REQUEST_BATCH ? CG_BATCH_FACTS_MAX : 1;
    uint32_t count = 0;
    uint64_t sequence = 0;
    while (count < most &&
           cg_node_has_request(cluster->nodes[host], partition,
                               request->request_id | (uint64_t)count << BATCH_PLACE_SHIFT,
                               &sequence)) {
        *first = count == 0 ? sequence : *first;
        count++;
    }
    return count;
}

static uint32_t partition_count(const sim_check_cluster *cluster) {
    return cluster->hosts * (cluster->spaces > 0 ? cluster->spaces : 1);
}

static uint32_t primary_of(const sim_check_cluster *cluster, uint32_t partition) {
    return cg_node_primary_of(partition, cluster->hosts);
}

static uint32_t replica_of(const sim_check_cluster *cluster, uint32_t partition) {
    return (primary_of(cluster, partition) + 1) % cluster->hosts;
}

static uint32_t expected_records(const sim_check_request *request) {
    return cg_request_only_reads(request->kind) ? 0
           : request->kind == CG_REQUEST_BATCH  ? request->count
                                                : 1;
}

static void check_removed(const sim_check_cluster *cluster, const sim_check_request *request,
                          violation_tally *tally) {
    uint32_t partition = partition_of(cluster, request);
    uint32_t primary = primary_of(cluster, partition);
    uint64_t fact = 0;
    if (!cg_node_has_request(cluster->nodes[primary], partition, request->target, &fact) ||
        request->host != primary || request->fact_id != cg_partition_fact_id(partition, fact)) {
        VIOLATION(tally,
                  "request %llu removes the fact of request %llx, record %llu of partition %u, "
                  "but was answered fact %llx by host %u",
                  (unsigned long long)request->request_id, (unsigned long long)request->target,
                  (unsigned long long)fact, partition, (unsigned long long)request->fact_id,
                  request->host);
    }
}

static void check_durable(const sim_check_cluster *cluster, const sim_check_request *request,
                          violation_tally *tally) {
    uint32_t partition = partition_of(cluster, request);
    uint32_t primary = primary_of(cluster, partition);
    uint32_t expected = expected_records(request);
    uint64_t first = 0;
    uint32_t found = records_at(cluster, request, primary, &first);
    if (found != expected) {
        VIOLATION(tally,
                  "acknowledged request %llu has %u durable records of %u at host %u, its "
                  "primary",
                  (unsigned long long)request->request_id, found, expected, primary);
        return;
    }
    bool stores = request->kind == CG_REQUEST_ALLOCATE || request->kind == CG_REQUEST_BATCH;
    if (stores && (request->host != primary ||
                   request->fact_id != cg_partition_fact_id(partition, first))) {
        VIOLATION(tally,
                  "request %llu is record %llu of partition %u, but was answered fact %llx by "
                  "host %u",
                  (unsigned long long)request->request_id, (unsigned long long)first, partition,
                  (unsigned long long)request->fact_id, request->host);
    }
    if (request->kind == CG_REQUEST_DEALLOCATE) {
        check_removed(cluster, request, tally);
    }
    if (!cluster->settled || cluster->replicas == 0) {
        return;
    }
    uint32_t replica = replica_of(cluster, partition);
    uint64_t copied = 0;
    if (records_at(cluster, request, replica, &copied) != expected || copied != first) {
        VIOLATION(
            tally,
            "acknowledged request %llu, record %llu of partition %u, is not at replica host %u",
            (unsigned long long)request->request_id, (unsigned long long)first, partition,
            replica);
    }
}

static void check_shed(const sim_check_cluster *cluster, const sim_check_request *request,
                       violation_tally *tally) {
    uint32_t partition = partition_of(cluster, request);
    uint64_t first = 0;
    if (records_at(cluster, request, primary_of(cluster, partition), &first) > 0) {
        VIOLATION(tally, "request %llu was shed, but is record %llu of partition %u",
                  (unsigned long long)request->request_id, (unsigned long long)first,
                  partition);
    }
}

/* A partition's durable records that requests asked for are as many as those requests: with more,
 * some request was applied twice. */
static cg_status check_once(const sim_check_cluster *cluster, const sim_check_request *requests,
                            uint32_t count, violation_tally *tally, cg_error *error) {
    cg_allocator heap = cg_allocator_heap();
    uint32_t partitions = partition_count(cluster);
    uint64_t *applied = cg_allocate(&heap, partitions, sizeof *applied);
    if (!applied) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory to check %u partitions",
                            partitions);
    }
    for (uint32_t i = 0; i < count; ++i) {
        uint32_t partition = partition_of(cluster, &requests[i]);
        uint64_t first = 0;
        applied[partition] +=
            records_at(cluster, &requests[i], primary_of(cluster, partition), &first);
    }
    for (uint32_t partition = 0; partition < partitions; ++partition) {
        const cg_node *primary = cluster->nodes[primary_of(cluster, partition)];
        cg_partition_state state = cg_node_partition(primary, partition);
        uint64_t durable = state.durable_sequence - state.unasked;
        if (durable != applied[partition]) {
            VIOLATION(tally, "partition %u has %llu durable records for %llu requests",
                      partition, (unsigned long long)durable,
                      (unsigned long long)applied[partition]);
        }
    }
    cg_deallocate(&heap, applied, partitions, sizeof *applied);
    return CG_OK;
}

typedef struct unique_tables {
    cg_table *facts;   /* fact id, which carries partition and sequence, to the request */
    cg_table *slots;   /* (space, host, slot) to the request */
    cg_table *removed; /* fact id to the request that removed it */
} unique_tables;

static cg_status put_once(cg_table *table, uint64_t key, const sim_check_request *request,
                          const char *what, violation_tally *tally, cg_error *error) {
    uint64_t other = 0;
    if (cg_table_get(table, key, &other)) {
        VIOLATION(tally, "requests %llu and %llu %s %llx", (unsigned long long)other,
                  (unsigned long long)request->request_id, what, (unsigned long long)key);
    }
    return cg_table_put(table, key, request->request_id, error);
}

static cg_status check_tables(const unique_tables *tables, const sim_check_request *requests,
                              uint32_t count, violation_tally *tally, cg_error *error) {
    cg_status status = CG_OK;
    for (uint32_t i = 0; status == CG_OK && i < count; ++i) {
        const sim_check_request *request = &requests[i];
        if (!request->acknowledged || cg_request_only_reads(request->kind)) {
            continue;
        }
        if (request->kind == CG_REQUEST_DEALLOCATE) {
            status = put_once(tables->removed, request->fact_id, request,
                              "have both removed fact", tally, error);
            continue;
        }
        status = put_once(tables->facts, request->fact_id, request, "have the same fact", tally,
                          error);
        if (status == CG_OK) {
            uint64_t slot_key =
                cg_hash_u64(request->slot, (uint64_t)request->space << 32 | request->host);
            status = put_once(tables->slots, slot_key, request, "share slot", tally, error);
        }
    }
    return status;
}

static cg_status check_unique(const sim_check_request *requests, uint32_t count,
                              violation_tally *tally, cg_error *error) {
    unique_tables tables = {0};
    cg_table **const each[] = {&tables.facts, &tables.slots, &tables.removed};
    enum { TABLES = sizeof each / sizeof *each };
    cg_status status = CG_OK;
    for (int i = 0; status == CG_OK && i < TABLES; ++i) {
        status = cg_table_alloc(cg_allocator_heap(), each[i], error);
    }
    if (status == CG_OK) {
        status = check_tables(&tables, requests, count, tally, error);
    }
    for (int i = 0; i < TABLES; ++i) {
        cg_table_free(*each[i]);
    }
    return status;
}

static void check_replicas(const sim_check_cluster *cluster, violation_tally *tally) {
    if (cluster->replicas == 0) {
        return;
    }
    for (uint32_t partition = 0; partition < partition_count(cluster); ++partition) {
        cg_partition_state primary =
            cg_node_partition(cluster->nodes[primary_of(cluster, partition)], partition);
        cg_partition_state copy =
            cg_node_partition(cluster->nodes[replica_of(cluster, partition)], partition);
        if (copy.last_sequence > primary.last_sequence) {
            VIOLATION(tally, "replica of partition %u has %llu records, its primary %llu",
                      partition, (unsigned long long)copy.last_sequence,
                      (unsigned long long)primary.last_sequence);
        }
        if (cluster->settled && copy.last_sequence != primary.last_sequence) {
            VIOLATION(tally, "replica of partition %u stopped at record %llu of %llu",
                      partition, (unsigned long long)copy.last_sequence,
                      (unsigned long long)primary.last_sequence);
        }
        if (primary.acknowledged_sequence > copy.durable_sequence) {
            VIOLATION(tally,
                      "replica of partition %u is durable up to record %llu, but acknowledged "
                      "%llu",
                      partition, (unsigned long long)copy.durable_sequence,
                      (unsigned long long)primary.acknowledged_sequence);
        }
        if (copy.last_sequence == primary.last_sequence && copy.hash != primary.hash) {
            VIOLATION(tally,
                      "partition %u: primary and replica differ after the same %llu records",
                      partition, (unsigned long long)copy.last_sequence);
        }
    }
}

cg_status sim_check_invariants(const sim_check_cluster *cluster,
                               const sim_check_request *requests, uint32_t request_count,
                               uint64_t *violations, cg_error *error) {
    violation_tally tally = {0};
    for (uint32_t i = 0; i < request_count; ++i) {
        if (requests[i].acknowledged) {
            check_durable(cluster, &requests[i], &tally);
        } else if (requests[i].shed) {
            check_shed(cluster, &requests[i], &tally);
        }
    }
    check_replicas(cluster, &tally);
    cg_status status = check_once(cluster, requests, request_count, &tally, error);
    if (status == CG_OK) {
        status = check_unique(requests, request_count, &tally, error);
    }
    if (status != CG_OK) {
        return status;
    }
    *violations = tally.violations;
    if (tally.violations > 0) {
        return cg_error_set(error, CG_ERROR_CORRUPT, "%s", tally.first.message);
    }
    return CG_OK;
}
