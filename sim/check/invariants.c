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

static void check_durable(const sim_check_cluster *cluster, const sim_check_request *request,
                          violation_tally *tally) {
    uint32_t partition = cg_node_partition_of(request->request_id, cluster->hosts);
    uint64_t sequence = 0;
    if (!cg_node_has_request(cluster->nodes[partition], partition, request->request_id,
                             &sequence)) {
        VIOLATION(tally, "acknowledged request %llu is not durable at host %u, its primary",
                  (unsigned long long)request->request_id, partition);
        return;
    }
    if (request->host != partition ||
        request->fact_id != cg_partition_fact_id(partition, sequence)) {
        VIOLATION(tally,
                  "request %llu is record %llu of partition %u, but was answered fact %llx by "
                  "host %u",
                  (unsigned long long)request->request_id, (unsigned long long)sequence,
                  partition, (unsigned long long)request->fact_id, request->host);
    }
    if (!cluster->settled || cluster->replicas == 0) {
        return;
    }
    uint32_t replica = (partition + 1) % cluster->hosts;
    uint64_t copied = 0;
    if (!cg_node_has_request(cluster->nodes[replica], partition, request->request_id,
                             &copied) ||
        copied != sequence) {
        VIOLATION(
            tally,
            "acknowledged request %llu, record %llu of partition %u, is not at replica host %u",
            (unsigned long long)request->request_id, (unsigned long long)sequence, partition,
            replica);
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
        uint32_t partition = cg_node_partition_of(requests[i].request_id, cluster->hosts);
        uint64_t sequence = 0;
        applied[partition] += cg_node_has_request(cluster->nodes[partition], partition,
                                                  requests[i].request_id, &sequence);
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

/* Keys are fact ids, which carry partition and sequence, and (host, slot). */
static cg_status check_unique(const sim_check_request *requests, uint32_t count,
                              violation_tally *tally, cg_error *error) {
    cg_table *facts = NULL;
    cg_table *slots = NULL;
    cg_allocator heap = cg_allocator_heap();
    cg_status status = cg_table_alloc(heap, &facts, error);
    if (status == CG_OK) {
        status = cg_table_alloc(heap, &slots, error);
    }
    for (uint32_t i = 0; status == CG_OK && i < count; ++i) {
        uint64_t other = 0;
        if (!requests[i].acknowledged) {
            continue;
        }
        if (cg_table_get(facts, requests[i].fact_id, &other)) {
            VIOLATION(tally, "requests %llu and %llu have the same fact %llx",
                      (unsigned long long)other, (unsigned long long)requests[i].request_id,
                      (unsigned long long)requests[i].fact_id);
        }
        uint64_t slot_key = (uint64_t)requests[i].host << 48 ^ requests[i].slot;
        if (cg_table_get(slots, slot_key, &other)) {
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
