#include "sim/check/invariants.h"

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

/* Where the request's records are: removals are logged where the fact is. */
static uint32_t partition_of(const sim_check_cluster *cluster,
                             const sim_check_request *request) {
    uint64_t id = request->kind == CG_REQUEST_DEALLOCATE ? request->target : request->request_id;
    return cg_node_partition_of(id, cluster->hosts);
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

static uint32_t expected_records(const sim_check_request *request) {
    return request->kind == CG_REQUEST_RECALL  ? 0
           : request->kind == CG_REQUEST_BATCH ? request->count
                                               : 1;
}

static void check_durable(const sim_check_cluster *cluster, const sim_check_request *request,
                          violation_tally *tally) {
    uint32_t partition = partition_of(cluster, request);
    uint32_t expected = expected_records(request);
    uint64_t first = 0;
    uint32_t found = records_at(cluster, request, partition, &first);
    if (found != expected) {
        VIOLATION(tally,
                  "acknowledged request %llu has %u durable records of %u at host %u, its "
                  "primary",
                  (unsigned long long)request->request_id, found, expected, partition);
        return;
    }
    bool stores = request->kind == CG_REQUEST_ALLOCATE || request->kind == CG_REQUEST_BATCH;
    if (stores && (request->host != partition ||
                   request->fact_id != cg_partition_fact_id(partition, first))) {
        VIOLATION(tally,
                  "request %llu is record %llu of partition %u, but was answered fact %llx by "
                  "host %u",
                  (unsigned long long)request->request_id, (unsigned long long)first, partition,
                  (unsigned long long)request->fact_id, request->host);
    }
    if (!cluster->settled || cluster->replicas == 0) {
        return;
    }
    uint32_t replica = (partition + 1) % cluster->hosts;
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
    if (records_at(cluster, request, partition, &first) > 0) {
        VIOLATION(tally, "request %llu was shed, but is record %llu of partition %u",
                  (unsigned long long)request->request_id, (unsigned long long)first, partition);
    }
}

/* A partition's durable records are as many as the requests that they are for: with more, some
 * request was applied twice. */
static cg_status check_once(const sim_check_cluster *cluster, const sim_check_request *requests,
                            uint32_t count, violation_tally *tally, cg_error *error) {
    cg_allocator heap = cg_allocator_heap();
    uint64_t *applied = cg_allocate(&heap, cluster->hosts, sizeof *applied);
    if (!applied) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory to check %u hosts",
                            cluster->hosts);
    }
    for (uint32_t i = 0; i < count; ++i) {
        uint32_t partition = partition_of(cluster, &requests[i]);
        uint64_t first = 0;
        applied[partition] += records_at(cluster, &requests[i], partition, &first);
    }
    for (uint32_t host = 0; host < cluster->hosts; ++host) {
        uint64_t durable = cg_node_partition(cluster->nodes[host], host).durable_sequence;
        if (durable != applied[host]) {
            VIOLATION(tally, "partition %u has %llu durable records for %llu requests", host,
                      (unsigned long long)durable, (unsigned long long)applied[host]);
        }
    }
    cg_deallocate(&heap, applied, cluster->hosts, sizeof *applied);
    return CG_OK;
}

/* Keys are fact ids, which carry partition and sequence, and (host, slot). Slots of facts that
 * were removed, or may have been, serve others: with removals only facts are compared. */
static cg_status check_unique(const sim_check_request *requests, uint32_t count,
                              violation_tally *tally, cg_error *error) {
    bool removes = false;
    for (uint32_t i = 0; i < count; ++i) {
        removes = removes || requests[i].kind == CG_REQUEST_DEALLOCATE;
    }
    cg_table *facts = NULL;
    cg_table *slots = NULL;
    cg_allocator heap = cg_allocator_heap();
    cg_status status = cg_table_alloc(heap, &facts, error);
    if (status == CG_OK) {
        status = cg_table_alloc(heap, &slots, error);
    }
    for (uint32_t i = 0; status == CG_OK && i < count; ++i) {
        uint64_t other = 0;
        bool stores = requests[i].kind == CG_REQUEST_ALLOCATE ||
                      requests[i].kind == CG_REQUEST_BATCH;
        if (!requests[i].acknowledged || !stores) {
            continue;
        }
        if (cg_table_get(facts, requests[i].fact_id, &other)) {
            VIOLATION(tally, "requests %llu and %llu have the same fact %llx",
                      (unsigned long long)other, (unsigned long long)requests[i].request_id,
                      (unsigned long long)requests[i].fact_id);
        }
        uint64_t slot_key = (uint64_t)requests[i].host << 48 ^ requests[i].slot;
        if (!removes && cg_table_get(slots, slot_key, &other)) {
            VIOLATION(tally, "requests %llu and %llu share slot %llx of host %u",
                      (unsigned long long)other, (unsigned long long)requests[i].request_id,
                      (unsigned long long)requests[i].slot, requests[i].host);
        }
        status = cg_table_put(facts, requests[i].fact_id, requests[i].request_id, error);
        if (status == CG_OK) {
            status = cg_table_put(slots, slot_key, requests[i].request_id, error);
        }
    }
    cg_table_free(facts);
    cg_table_free(slots);
    return status;
}

static void check_replicas(const sim_check_cluster *cluster, violation_tally *tally) {
    if (cluster->replicas == 0) {
        return;
    }
    for (uint32_t partition = 0; partition < cluster->hosts; ++partition) {
        uint32_t replica = (partition + 1) % cluster->hosts;
        cg_partition_state primary = cg_node_partition(cluster->nodes[partition], partition);
        cg_partition_state copy = cg_node_partition(cluster->nodes[replica], partition);
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
