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

#define REQUEST_ID_MASK ((UINT64_C(1) << CG_BATCH_PLACE_SHIFT) - 1)

/* Where the request's records are: removals are logged where the fact is, and facts of a batch
 * are where the batch is. */
static uint32_t partition_of(const sim_check_cluster *cluster,
                             const sim_check_request *request) {
    uint64_t id = cg_request_has_target(request->kind) ? request->target : request->request_id;
    return cg_node_partition_number(id & REQUEST_ID_MASK, request->space, cluster->hosts);
}

/* While a union is being written, records that were durable before it are not counted so again until all
 * of it is: until the cluster has settled it is enough that the log has them. */
static bool has_record(const sim_check_cluster *cluster, uint32_t host, uint32_t partition,
                       uint64_t record_id, uint64_t *sequence) {
    if (!cluster->fails_over || cluster->settled) {
        return cg_node_has_request(cluster->nodes[host], partition, record_id, sequence);
    }
    *sequence = cg_node_fact(cluster->nodes[host], partition, record_id).sequence;
    return *sequence > 0;
}

/* Records that the request has at a host: those of a batch stand one after another. */
static uint32_t records_at(const sim_check_cluster *cluster, const sim_check_request *request,
                           uint32_t host, uint64_t *first) {
    uint32_t partition = partition_of(cluster, request);
    uint32_t most = request->kind == CG_REQUEST_BATCH ? CG_BATCH_FACTS_MAX : 1;
    uint32_t count = 0;
    uint64_t sequence = 0;
    while (count < most &&
           has_record(cluster, host, partition,
                      request->request_id | (uint64_t)count << CG_BATCH_PLACE_SHIFT,
                      &sequence)) {
        *first = count == 0 ? sequence : *first;
        count++;
    }
    return count;
}

static uint32_t partition_count(const sim_check_cluster *cluster) {
    return cluster->hosts * (cluster->spaces > 0 ? cluster->spaces : 1);
}

/* The n-th host that keeps the partition. */
static uint32_t keeper_of(const sim_check_cluster *cluster, uint32_t partition, uint32_t n) {
    return cg_node_keeper_of(partition, cluster->hosts, n);
}

static bool is_up(const sim_check_cluster *cluster, uint32_t host) {
    return !cluster->down || !cluster->down[host];
}

/* The host whose word counts: the primary of the highest epoch; where there is none, who has most. */
static uint32_t authority_of(const sim_check_cluster *cluster, uint32_t partition) {
    uint32_t best = keeper_of(cluster, partition, 0);
    cg_partition_state known = {0};
    for (uint32_t n = 0; n <= cluster->replicas; ++n) {
        uint32_t host = keeper_of(cluster, partition, n);
        if (!is_up(cluster, host)) {
            continue;
        }
        cg_partition_state state = cg_node_partition(cluster->nodes[host], partition);
        bool is_better = state.primary != known.primary
                             ? state.primary
                             : state.epoch > known.epoch ||
                                   (state.epoch == known.epoch &&
                                    state.durable_sequence > known.durable_sequence);
        if (!known.present || is_better) {
            known = state;
            best = host;
        }
    }
    return best;
}

static bool is_keeper(const sim_check_cluster *cluster, uint32_t partition, uint32_t host) {
    for (uint32_t n = 0; n <= (cluster->fails_over ? cluster->replicas : 0); ++n) {
        if (keeper_of(cluster, partition, n) == host) {
            return true;
        }
    }
    return false;
}

static uint32_t expected_records(const sim_check_request *request) {
    return cg_request_only_reads(request->kind) ? 0
           : request->kind == CG_REQUEST_BATCH  ? request->count
                                                : 1;
}

static void check_answer(const sim_check_cluster *cluster, const sim_check_request *request,
                         violation_tally *tally) {
    uint32_t partition = partition_of(cluster, request);
    bool removes = request->kind == CG_REQUEST_DEALLOCATE;
    uint64_t fact = cg_fact_id(removes ? request->target : request->request_id);
    if (!is_keeper(cluster, partition, request->host) || request->fact_id != fact) {
        VIOLATION(
            tally,
            "request %llu %s fact %llx of partition %u, but was answered fact %llx by host "
            "%u",
            (unsigned long long)request->request_id, removes ? "removes" : "added",
            (unsigned long long)fact, partition, (unsigned long long)request->fact_id,
            request->host);
    }
}

static void check_durable(const sim_check_cluster *cluster, const sim_check_request *request,
                          violation_tally *tally) {
    uint32_t partition = partition_of(cluster, request);
    uint32_t expected = expected_records(request);
    uint32_t keepers = cluster->fails_over || cluster->settled ? cluster->replicas + 1 : 1;
    uint32_t most = 0;
    uint32_t least = UINT32_MAX;
    uint32_t lacking = 0;
    for (uint32_t n = 0; n < keepers; ++n) {
        uint64_t first = 0;
        uint32_t host = keeper_of(cluster, partition, n);
        uint32_t found =
            is_up(cluster, host) ? records_at(cluster, request, host, &first) : expected;
        most = found > most ? found : most;
        lacking = found < least ? host : lacking;
        least = found < least ? found : least;
    }
    uint32_t found = cluster->settled ? least : most;
    bool is_lost =
        most < expected && cluster->may_lose; /* wholly, or in part: nobody has all */
    if (found != expected && !is_lost) {
        VIOLATION(tally,
                  "acknowledged request %llu has %u durable records of %u in partition %u, at "
                  "host %u",
                  (unsigned long long)request->request_id, found, expected, partition, lacking);
        return;
    }
    if (expected > 0) {
        check_answer(cluster, request, tally);
    }
}

/* authorities, here and below: [partition_count], see authority_of. */
static void check_shed(const sim_check_cluster *cluster, const uint32_t *authorities,
                       const sim_check_request *request, violation_tally *tally) {
    uint32_t partition = partition_of(cluster, request);
    uint64_t first = 0;
    if (records_at(cluster, request, authorities[partition], &first) > 0) {
        VIOLATION(tally, "request %llu was shed, but is record %llu of partition %u",
                  (unsigned long long)request->request_id, (unsigned long long)first,
                  partition);
    }
}

/* A partition's durable records that requests asked for are as many as those requests: with more,
 * some request was applied twice. */
static cg_status check_once(const sim_check_cluster *cluster, const uint32_t *authorities,
                            const sim_check_request *requests, uint32_t count,
                            violation_tally *tally, cg_error *error) {
    if (cluster->fails_over && !cluster->settled) {
        return CG_OK; /* what is durable, and what is known, are not the same then */
    }
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
        applied[partition] += records_at(cluster, &requests[i], authorities[partition], &first);
    }
    for (uint32_t partition = 0; partition < partitions; ++partition) {
        uint32_t host = authorities[partition];
        cg_partition_state state = cg_node_partition(cluster->nodes[host], partition);
        uint64_t durable = state.durable_sequence - state.unasked - state.repeated;
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

static cg_status check_tables(const sim_check_cluster *cluster, const unique_tables *tables,
                              const sim_check_request *requests, uint32_t count,
                              violation_tally *tally, cg_error *error) {
    cg_status status = CG_OK;
    for (uint32_t i = 0; status == CG_OK && i < count; ++i) {
        const sim_check_request *request = &requests[i];
        if (!request->acknowledged || cg_request_only_reads(request->kind)) {
            continue;
        }
        if (request->kind == CG_REQUEST_DEALLOCATE) {
            status = cluster->fails_over /* both sides of a split may have removed it */
                         ? CG_OK
                         : put_once(tables->removed, request->fact_id, request,
                                    "have both removed fact", tally, error);
            continue;
        }
        status = put_once(tables->facts, request->fact_id, request, "have the same fact", tally,
                          error);
        if (status == CG_OK && !cluster->restarted && !cluster->fails_over) {
            uint64_t slot_key =
                cg_hash_u64(request->slot, (uint64_t)request->space << 32 | request->host);
            status = put_once(tables->slots, slot_key, request, "share slot", tally, error);
        }
    }
    return status;
}

static cg_status check_unique(const sim_check_cluster *cluster,
                              const sim_check_request *requests, uint32_t count,
                              violation_tally *tally, cg_error *error) {
    unique_tables tables = {0};
    cg_table **const each[] = {&tables.facts, &tables.slots, &tables.removed};
    enum { TABLES = sizeof each / sizeof *each };
    cg_status status = CG_OK;
    for (int i = 0; status == CG_OK && i < TABLES; ++i) {
        status = cg_table_alloc(cg_allocator_heap(), each[i], error);
    }
    if (status == CG_OK) {
        status = check_tables(cluster, &tables, requests, count, tally, error);
    }
    for (int i = 0; i < TABLES; ++i) {
        cg_table_free(*each[i]);
    }
    return status;
}

/* Two hosts that keep a partition, the first of them its authority. */
static void check_pair(const sim_check_cluster *cluster, uint32_t partition, uint32_t first,
                       uint32_t second, violation_tally *tally) {
    cg_partition_state one = cg_node_partition(cluster->nodes[first], partition);
    cg_partition_state two = cg_node_partition(cluster->nodes[second], partition);
    if (one.chain == two.chain && one.hash != two.hash) {
        VIOLATION(tally, "partition %u: hosts %u and %u differ after the same %llu records",
                  partition, first, second, (unsigned long long)two.last_sequence);
    }
    if (cluster->settled && one.chain != two.chain) {
        VIOLATION(
            tally,
            "partition %u: host %u has stopped at another log, of %llu records, than host "
            "%u, of %llu",
            partition, second, (unsigned long long)two.last_sequence, first,
            (unsigned long long)one.last_sequence);
    }
    if (!cluster->fails_over && !cluster->restarted && two.last_sequence > one.last_sequence) {
        VIOLATION(tally, "replica of partition %u has %llu records, its primary %llu",
                  partition, (unsigned long long)two.last_sequence,
                  (unsigned long long)one.last_sequence);
    }
    if (one.primary && !cluster->restarted &&
        one.acknowledged_sequence > two.durable_sequence) {
        VIOLATION(tally,
                  "replica of partition %u at host %u is durable up to record %llu, but "
                  "acknowledged %llu",
                  partition, second, (unsigned long long)two.durable_sequence,
                  (unsigned long long)one.acknowledged_sequence);
    }
}

static void check_replicas(const sim_check_cluster *cluster, const uint32_t *authorities,
                           violation_tally *tally) {
    for (uint32_t partition = 0; partition < partition_count(cluster); ++partition) {
        uint32_t authority = authorities[partition];
        for (uint32_t n = 0; n <= cluster->replicas; ++n) {
            uint32_t host = keeper_of(cluster, partition, n);
            if (host != authority && is_up(cluster, host) && is_up(cluster, authority)) {
                check_pair(cluster, partition, authority, host, tally);
            }
        }
    }
}

static cg_status check_all(const sim_check_cluster *cluster, const uint32_t *authorities,
                           const sim_check_request *requests, uint32_t request_count,
                           violation_tally *tally, cg_error *error) {
    for (uint32_t i = 0; i < request_count; ++i) {
        if (requests[i].acknowledged) {
            check_durable(cluster, &requests[i], tally);
        } else if (requests[i].shed && !cluster->fails_over && !cluster->restarted) {
            check_shed(cluster, authorities, &requests[i], tally);
        }
    }
    check_replicas(cluster, authorities, tally);
    cg_status status = check_once(cluster, authorities, requests, request_count, tally, error);
    return status == CG_OK ? check_unique(cluster, requests, request_count, tally, error)
                           : status;
}

cg_status sim_check_invariants(const sim_check_cluster *cluster,
                               const sim_check_request *requests, uint32_t request_count,
                               uint64_t *violations, cg_error *error) {
    cg_allocator heap = cg_allocator_heap();
    uint32_t partitions = partition_count(cluster);
    uint32_t *authorities = cg_allocate(&heap, partitions, sizeof *authorities);
    if (!authorities) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory to check %u partitions",
                            partitions);
    }
    /* Once each: a partition's state is hashed for it. */
    for (uint32_t partition = 0; partition < partitions; ++partition) {
        authorities[partition] = authority_of(cluster, partition);
    }
    violation_tally tally = {0};
    cg_status status = check_all(cluster, authorities, requests, request_count, &tally, error);
    cg_deallocate(&heap, authorities, partitions, sizeof *authorities);
    if (status != CG_OK) {
        return status;
    }
    *violations = tally.violations;
    if (tally.violations > 0) {
        return cg_error_set(error, CG_ERROR_CORRUPT, "%s", tally.first.message);
    }
    return CG_OK;
}
