/* The options of one point: everything a simulated run depends on, typed and validated.
 *
 * One table (option_table.c) names every option: its path in the scenario
 * ("cluster.network.latency"), kind, place in the struct, unit, least and greatest value,
 * default, and one line of documentation. Loading a scenario, --set, the canonical text and the
 * reference (docs/options.md) all read this table, so they cannot disagree. Paths follow the
 * structs; where a word differs:
 *
 *   cluster.disk.access, cluster.disk.bandwidth
 *   engine.columns.semantic, .structural, .temporal, .exception
 *   engine.tiers.l1 .. .l4, .policy.l1 .. and so on (tiers[])
 *   stop (end_ns), series (series_ns)
 *
 * Bare numbers are in base units: seconds, bytes, bits per second, hertz, and plain counts. In
 * the struct: nanoseconds, bytes, bits per second, and so on, as the names say.
 *
 * A fault is one of
 *
 *   { at =, action = "partition", hosts = { 0, 3 }, one_way = true, name = "east" }
 *   { at =, action = "flap", hosts = { 3 }, period = "200ms", duty = 0.5, ends = "6s" }
 *   { at =, action = "heal", name = "east" }
 *   { at =, action = "latency" | "jitter" | "loss" | "duplicate" | "reorder" | "corrupt" |
 *     "bandwidth", value =, from =, to =, one_way = }
 *
 * or, shorter, { at =, partition = { 0, 3 } }, { at =, latency = "1ms" } and so on. from and to
 * are sets of hosts, { 0, 1 } or "0-511 600": a change of a setting is about the pairs between
 * them (both ways unless one_way), a partition cuts them; left out they are all hosts, or of a
 * partition with `from` alone the others. A latency is a law (delay_text.h).
 *
 * Faults of hosts (host_fault_text.h) name one host or several:
 *
 *   { at =, crash = 1, down = "500ms", torn = true }     { at =, restart = { 1, 2 } }
 *   { at =, disk_loss = 1, down = "2s" }                 { at =, bit_rot = 1 }
 *   { at =, corrupt_writes = 1, value = 3 }              { at =, slow_disk = 1, value = 10 }
 *   { at =, clock = 2, skew = "-3h", drift_ppm = 50 }    { at =, slow_host = 1, value = 4 }
 *
 * Hosts count from 0; faults are listed in the order of time.
 * Faults that come by chance, from the point's seed, are a list of their own (random_read.h), and
 * become plain faults when the point is read:
 *
 *   random = { { action = "crash", mean = "5s", length = "1s", at = "1s", ends = "30s" } }
 *
 * A phase of the load is { at =, ... } with options of the load by their names in it, which
 * hold from that time on instead of what held before (load_phase.h).
 *
 * Canonical text: one line "path = value" an option, in table order, value in base integer
 * units, durations with their ns ("50000ns"); then the phases and the faults, a line a field:
 *
 *   phases[1].at = 20000000ns
 *   phases[1].keys = 8
 *   faults[1].at = 50000000ns
 *   faults[1].action = partition
 *   faults[1].hosts = 0 3
 *
 * It is what a point worker is started from, and what is hashed.
 */
#ifndef SIM_SCENARIO_OPTIONS_H
#define SIM_SCENARIO_OPTIONS_H

#include "engine/base/memory.h"
#include "engine/base/status.h"
#include "sim/cluster/delay.h"
#include "sim/cluster/pairs.h"
#include "sim/cluster/topology.h"

enum {
    SIM_PATH_BYTES = 256,
    SIM_HOSTS_MAX = 4096,
    SIM_FAULTS_MAX = 256,
    SIM_PHASES_MAX = 16,
    SIM_TIERS_MAX = 4, /* before the store */
    SIM_FAULT_HOSTS_MAX = 64,
    SIM_FAULT_RANGES_MAX = 16,
    SIM_FAULT_NAME_BYTES = 32,
    SIM_SPACES_MAX = 64 /* engine/node/node.h */
};

typedef enum sim_arrival {
    SIM_ARRIVAL_POISSON,
    SIM_ARRIVAL_CONSTANT,
    SIM_ARRIVAL_BURST,    /* Poisson, at a rate that goes up and down */
    SIM_ARRIVAL_RECORDED, /* times from a file */
    SIM_ARRIVAL_DIURNAL   /* Poisson, at a rate that swings as that of a day does */
} sim_arrival;
typedef enum sim_index_kind { SIM_INDEX_FLAT, SIM_INDEX_HNSW } sim_index_kind;
typedef enum sim_codes { SIM_CODES_F32, SIM_CODES_F16, SIM_CODES_I8 } sim_codes;
typedef enum sim_fuller { SIM_FULLER_F32, SIM_FULLER_F16, SIM_FULLER_CODES } sim_fuller;
typedef enum sim_code { SIM_CODE_LOG, SIM_CODE_LINEAR, SIM_CODE_LIF } sim_code;
typedef enum sim_facts_from {
    SIM_FACTS_HELD_OUT,
    SIM_FACTS_WHOLE, /* of these three: what is said of a concept that is in the graph */
    SIM_FACTS_GLOSS,
    SIM_FACTS_WORDS
} sim_facts_from;
typedef enum sim_order { SIM_ORDER_SHUFFLED, SIM_ORDER_RELATED } sim_order;
typedef enum sim_spread { SIM_SPREAD_CONSTANT, SIM_SPREAD_UNIFORM } sim_spread;
/* What a spread begins at: rows, or the concepts most like what is said of one. */
typedef enum sim_route { SIM_ROUTE_ANY, SIM_ROUTE_OWNER } sim_route;
typedef enum sim_ask { SIM_ASK_ROWS, SIM_ASK_WHOLE, SIM_ASK_GLOSS, SIM_ASK_WORDS } sim_ask;
typedef enum sim_law { SIM_LAW_UNIFORM, SIM_LAW_ZIPF, SIM_LAW_FILE } sim_law;
typedef enum sim_repeat { SIM_REPEAT_NEVER, SIM_REPEAT_POPULARITY } sim_repeat;
typedef enum sim_strategy {
    SIM_STRATEGY_AUTO,
    SIM_STRATEGY_DIRECT,
    SIM_STRATEGY_HIERARCHICAL
} sim_strategy;
typedef enum sim_acknowledge {
    SIM_ACKNOWLEDGE_PRIMARY,
    SIM_ACKNOWLEDGE_QUORUM,
    SIM_ACKNOWLEDGE_ALL
} sim_acknowledge;
typedef enum sim_ground_source {
    SIM_GRAPH_WORDNET,
    SIM_GRAPH_KEYS, /* keys without content, for loads of recalls only */
    /* Concepts and edges without texts, for recalls and spreads (sim/graphs): */
    SIM_GRAPH_SYNTHETIC,
    SIM_GRAPH_TRIPLES,
    SIM_GRAPH_VECTORS,
    SIM_GRAPH_SAVED
} sim_ground_source;
/* Whether the graph has texts, so that facts can be allocated and asked for. */
static inline bool sim_graph_has_texts(sim_ground_source source) {
    return source == SIM_GRAPH_WORDNET;
}

typedef struct sim_network_options {
    uint64_t latency_ns;           /* one way, between any two hosts; 50 us */
    uint64_t jitter_ns;            /* added uniformly from [0, jitter_ns]; 5 us */
    uint64_t bandwidth_bits_per_s; /* of each host's link; 10 Gbit/s */
    double loss;                   /* probability a message is lost, [0, 1]; 0 */
    double duplicate;              /* probability a message arrives twice, [0, 1]; 0 */
    double reorder;                /* probability it is held back by one more latency; 0 */
    double corrupt;                /* probability a byte of it is altered; 0 */
    uint32_t copies;               /* of a duplicated message, at most, 2..4; 2 */
    char law[SIM_PATH_BYTES];      /* of the latency, delay_text.h; "constant": latency_ns */
} sim_network_options;

/* Of the topologies but the star (sim/cluster/topology.h); each is read where it is chosen. */
typedef struct sim_racks_options {
    uint32_t hosts;             /* of a rack, 1..4096; 16 */
    uint64_t uplink_bits_per_s; /* 0: by oversubscription */
    double oversubscription;    /* of the uplink by the hosts' links, 0.01..1000; 1 */
    uint64_t added_ns;          /* added: between racks; 10 us */
} sim_racks_options;

typedef struct sim_tree_options {
    uint32_t arity;    /* 4..32, even; 0: the least that has place for the hosts */
    uint32_t hosts;    /* at an edge switch, 1..1024; 0: half of arity */
    uint32_t pods;     /* 1..arity; 0: as many as the hosts fill */
    uint64_t added_ns; /* added: by each level above the edge; 5 us */
} sim_tree_options;

typedef struct sim_regions_options {
    char file[SIM_PATH_BYTES];     /* sim/cluster/regions.h; scenarios/regions/aws.tsv */
    char names[SIM_PATH_BYTES];    /* all */
    uint64_t bandwidth_bits_per_s; /* from each region to each other; 10 Gbit/s */
} sim_regions_options;

typedef struct sim_cluster_options {
    sim_topology_kind topology;          /* star; never SIM_TOPOLOGY_FILE */
    char platform[SIM_PATH_BYTES];       /* a file of SimGrid's instead; none */
    uint32_t hosts;                      /* 1..SIM_HOSTS_MAX; 1 */
    uint32_t cores;                      /* per host, 1..1024; 16 */
    uint64_t memory_bytes;               /* per host; 64 GiB */
    uint64_t bus_bytes_per_s;            /* of each host's memory bus; 0: no limit; 200 GB/s */
    double idle_w;                       /* power of a host whose cores all rest; 100 */
    double busy_w;                       /* ... whose cores all work; 325 */
    double link_pj_per_byte;             /* energy of a byte between hosts; 240 */
    uint64_t disk_access_ns;             /* one read or durable write; 0: the profile's */
    uint64_t disk_bandwidth_bytes_per_s; /* 0: the profile's */
    sim_network_options network;
    sim_racks_options racks;
    sim_tree_options tree;
    sim_regions_options regions;
} sim_cluster_options;

#define SIM_WORDNET_FOLDER                                                                     \
    "/usr/share/wordnet" /* where Debian puts it: the default of graph.path */

typedef enum sim_partitioner { SIM_PARTITIONER_SPECTRAL, SIM_PARTITIONER_HASH } sim_partitioner;

typedef struct sim_ground_options {
    sim_ground_source source;
    char path[SIM_PATH_BYTES]; /* folder of the data files; /usr/share/wordnet */
    uint32_t nodes;            /* size of the sample; 0 ("all"): everything */
    uint32_t held_out;         /* concepts kept back as facts; 1,000 */
    uint64_t seed;             /* of the sample, separate from the run's seed; 1 */
    double degree;             /* synthetic: mean, 0.1..10K; 10 */
    double exponent;      /* synthetic: of the degrees' power law, 1.5..10; 0: all alike; 2.5 */
    uint32_t communities; /* synthetic: planted, 1..1M; 1 */
    double inside;        /* synthetic: share of edges inside them; 0.8 */
    uint32_t neighbours;  /* vectors: that each is linked to, 1..256; 10 */
    bool weighted;        /* drawn, or WordNet's by relation; false: all are 1 */
    bool inverse;         /* triples and vectors: each edge has one back; false */
    uint32_t parts;       /* that the graph is divided into, 1..4096; 1 */
    sim_partitioner partitioner; /* spectral */
} sim_ground_options;

typedef enum sim_tier_bound { SIM_BOUND_ENTRIES, SIM_BOUND_BYTES } sim_tier_bound;
typedef enum sim_policy {
    SIM_POLICY_LRU,
    SIM_POLICY_LFU,
    SIM_POLICY_ARC,
    SIM_POLICY_TINYLFU,
    SIM_POLICY_S3FIFO,
    SIM_POLICY_BELADY
} sim_policy;
typedef enum sim_placement {
    SIM_PLACEMENT_HIGH_COMPLEXITY,
    SIM_PLACEMENT_HIGH_PERFORMANCE,
    SIM_PLACEMENT_RESOURCE_OPTIMIZED,
    SIM_PLACEMENT_BALANCED,
    SIM_PLACEMENT_CHOOSE
} sim_placement;

typedef enum sim_layout { SIM_LAYOUT_SPLIT, SIM_LAYOUT_WHOLE } sim_layout;

/* Spreading activation (engine/spread/spread.h); tiers as they are numbered, with the store. */
typedef enum sim_across { SIM_ACROSS_NONE, SIM_ACROSS_EXACT, SIM_ACROSS_ASYNC } sim_across;

typedef struct sim_spread_options {
    sim_across across;                   /* none */
    uint64_t timeout_ns;                 /* timeout: 1 s */
    uint64_t window_ns;                  /* window: 100 us */
    double decay;                        /* lambda of a hop, 0..16; 0.5 */
    double threshold[SIM_TIERS_MAX + 1]; /* threshold.l1 .. l5, 0..1; 0.01 */
    uint32_t budget[SIM_TIERS_MAX + 1];  /* budget.l1 .. l5: visits; 0: no bound */
    bool fan_out;                        /* false */
    uint64_t refractory_ns;              /* refractory; 0 */
    uint32_t hits;                       /* 1..256; 32 */
    uint32_t seeds;                      /* of a text, 1..256; 8 */
    uint64_t consolidate_ns;             /* engine.consolidate; 0: never */
} sim_spread_options;

/* How the index is divided over hosts, and what searches ask of it (engine.distribution,
 * engine.gather, engine.shards and engine.search). */
typedef enum sim_distribution {
    SIM_DISTRIBUTION_REPLICATED,
    SIM_DISTRIBUTION_SHARDED,
    SIM_DISTRIBUTION_HYBRID
} sim_distribution;
typedef enum sim_gather { SIM_GATHER_SPARSE, SIM_GATHER_RECORDS } sim_gather;
typedef enum sim_shards_by { SIM_SHARDS_BY_VECTORS, SIM_SHARDS_BY_GRAPH } sim_shards_by;
typedef struct sim_search_options {
    sim_distribution distribution; /* replicated */
    sim_gather gather;             /* sparse */
    sim_shards_by by;              /* shards: vectors */
    uint32_t k;                    /* 1..256; 10 */
    uint32_t ef;                   /* 1..10000; 256 */
    uint32_t entries;              /* 1..1024; 128 */
    double slack;                  /* 0..1G; 0.15 */
    uint64_t timeout_ns;           /* of a try; 20 ms */
    uint32_t tries;                /* 1..16; 3 */
} sim_search_options;

/* The processor's caches, modelled over the lines that spreading touches (engine.cpu). */
typedef struct sim_cpu_options {
    bool modelled;      /* false */
    sim_layout layout;  /* split */
    uint64_t l1_bytes;  /* 32 KiB */
    uint64_t l2_bytes;  /* 1 MiB */
    uint64_t llc_bytes; /* 32 MiB */
    uint32_t l1_ways;   /* ways.l1: 8 */
    uint32_t l2_ways;   /* 16 */
    uint32_t llc_ways;  /* 16 */
} sim_cpu_options;

/* One memory tier before the store, l1 .. l4. */
typedef struct sim_tier_options {
    uint64_t capacity;              /* 1..2G entries or bytes; 10K, 1M, 10M and 100M */
    sim_policy policy;              /* lru */
    uint32_t promote_after;         /* 1..15; 1 */
    uint64_t access_ns;             /* 0: the profile's */
    uint64_t bandwidth_bytes_per_s; /* 0: the profile's */
} sim_tier_options;

typedef struct sim_engine_options {
    uint32_t dims;             /* 32..1024, a multiple of 16; 128 */
    sim_index_kind index;      /* hnsw */
    sim_codes codes;           /* i8; a flat index compares f32 in any case */
    sim_fuller fuller;         /* codes */
    sim_code code;             /* log */
    uint32_t training;         /* 0..100K; 1,000 */
    uint32_t m;                /* 4..64; 16 */
    uint32_t ef_construction;  /* 8..1000; 100 */
    uint32_t ef;               /* 1..10000; 100 */
    uint32_t neighbours;       /* 1..256; 32 */
    sim_strategy strategy;     /* hierarchical */
    uint32_t semantic_keep;    /* 1..1M; 128 */
    uint32_t structural_keep;  /* 1..1M; 4 */
    double stop_confidence;    /* 0..1; 1: never */
    bool columns[4];           /* columns.semantic, .structural, .temporal, .exception; true */
    uint32_t spaces;           /* memory spaces, 1..SIM_SPACES_MAX; 1 */
    uint32_t tier_levels;      /* tiers.levels: 2..5 with the store; 3 */
    sim_tier_bound tier_bound; /* tiers.bound: entries */
    sim_tier_options tiers[SIM_TIERS_MAX];
    uint64_t warm;              /* reads served before, 0..1G; 0 */
    uint64_t wait_max_ns;       /* wait; 0: no bound */
    uint64_t conflict_ns;       /* conflict_wait; 100 us */
    uint64_t cache_ttl_ns;      /* cache.ttl; 1 h */
    uint64_t pool_quota_bytes;  /* pools.quota; 64 MiB */
    uint64_t pool_shared_bytes; /* pools.shared; 256 MiB */
    /* pools.shares: of the spaces in both; share_list.h; equal. */
    char pool_shares[SIM_PATH_BYTES];
    uint64_t budget_ns;      /* budget; 0: none */
    uint64_t interval_ns;    /* interval; 100 ms; 0: none */
    uint32_t record_bytes;   /* record: 1 B..1 MiB; 64 B */
    uint32_t permits;        /* 1..65536; 0 ("all"): no bound */
    uint32_t queue;          /* 0..1M; 1,024 */
    uint32_t conflict_tries; /* 1..32; 5 */
    uint32_t cache_entries;  /* cache.entries: 0..256M; 0: none */
    sim_placement placement; /* choose */
    uint32_t writes;         /* 1..1024; 1; 0 ("all"): no bound */
    uint32_t batch;          /* 1..65536, a power of two; 0: the controllers' */
    uint32_t successors;     /* 0..256M; 0 */
    uint32_t prefetch;       /* 0..4; 0 */
    bool batching;           /* true */
    bool forecasts;          /* forecast; true */
    bool adapts;             /* adapt; false */
    sim_spread_options spread;
    sim_search_options search;
    sim_cpu_options cpu;
    /* Copies beside the primary, 0 or 1; 1. With one host 0 is used. */
    uint32_t replicas;
    sim_acknowledge acknowledge; /* primary */
    uint32_t tries;              /* 1..1000; 50 */
    uint64_t timeout_ns;         /* of one try of a request; 20 ms */
    /* Added to the timeout of each further try, doubled each time, at most 16 times; 5 ms. */
    uint64_t retry_ns;
    uint64_t replicate_retry_ns; /* resend of unacknowledged log records; 10 ms */
    bool failover;               /* false */
    uint64_t heartbeat_ns;       /* 250 ms */
    uint64_t election_ns;        /* 1.5 s */
    uint64_t stale_ns;           /* 1 s */
    uint64_t lag_warn_ns;        /* lag.warn: 1 s */
    uint64_t lag_drop_ns;        /* lag.drop: 10 s */
} sim_engine_options;

typedef struct sim_load_options {
    sim_arrival arrival; /* poisson */
    double rate_hz;      /* > 0; 1,000 */
    /* 1..10M; 1,000. Different facts, never more than there are; with requests 0 also how many
     * requests arrive. */
    uint32_t facts;
    sim_facts_from facts_from; /* held_out */
    sim_order order;           /* shuffled */
    uint64_t start_ns;         /* of the first arrival's clock; 0 */
    uint32_t audits;           /* facts also decided exhaustively, evenly spread; 100 */
    uint32_t labels;           /* facts that carry their true concept, evenly spread; 0 */
    uint32_t requests;         /* of all kinds, 0..10M; 0: as many as facts */
    double recall;             /* shares of the requests; the rest are allocations; 0 */
    double deallocate;         /* 0 */
    double get;                /* 0 */
    double near;               /* 0 */
    double edges;              /* 0 */
    uint32_t edge_pool;        /* 64 */
    double search;             /* 0 */
    double batch;              /* 0 */
    double spread;             /* 0 */
    uint32_t spread_hops;      /* 1..16; 3 */
    sim_ask ask;               /* rows */
    sim_route route;           /* any */
    uint32_t batch_size;       /* facts of a batch, 1..1024; 16 */
    uint32_t keys;             /* of a recall, 1..65536; 1 */
    sim_spread keys_spread;    /* constant; uniform: 1..2 * keys - 1 */
    uint32_t hops;             /* of a recall beyond its keys, 0..16; 0 */
    sim_law popularity;        /* of keys, and of facts that repeat; zipf */
    double zipf;               /* exponent, 0..4; 0.99 */
    char popularity_file[SIM_PATH_BYTES];
    sim_repeat repeat; /* never */
    double chain;      /* probability that a recall goes on where its client was; 0 */
    uint32_t clients;  /* of each space, 1..1M; 1 */
    /* Shares of the spaces in rate and requests; share_list.h; equal. */
    char spaces[SIM_PATH_BYTES];
    double urgent;      /* share of requests of priority 3; 0 */
    double low;         /* ... of priority 0; the rest have 1; 0 */
    double greedy;      /* share of requests that client 0 alone sends; 0: as the others */
    double burst;       /* rate in a burst, in multiples of rate_hz, 1..1000; 5 */
    double burst_share; /* of the time, 0..1; 0.1 */
    uint64_t burst_period_ns; /* mean time between bursts' starts; 1 s */
    double swing;    /* diurnal: share of rate_hz by which it rises and falls, 0..1; 0.5 */
    uint64_t day_ns; /* diurnal: from one trough to the next; 24 h */
    char arrival_file[SIM_PATH_BYTES];
    double speed; /* recorded arrivals come this many times as fast, 0.001..1M; 1 */
} sim_load_options;

/* What may change in the course of a load; of its fields only those hold whose bit is given. */
typedef struct sim_load_phase {
    uint64_t at_ns;
    uint32_t given; /* 1 << i: sim_load_phase_fields[i] */
    uint32_t keys;
    uint32_t hops;
    double rate_hz;
    double recall;
    double deallocate;
    double batch;
    double spread;
    double chain;
    double zipf;
    double rotate; /* moves every rank of popularity to other keys, by this share of the keys */
    double urgent;
    double low;
    double greedy;
} sim_load_phase;

typedef enum sim_fault_action {
    /* hosts[] cannot reach the others, nor be reached (one_way: cannot reach the others); or
     * from[] and to[] cannot reach each other */
    SIM_FAULT_PARTITION,
    SIM_FAULT_HEAL,    /* ends all partitions, or those of the name */
    SIM_FAULT_LATENCY, /* sets network.latency to the law */
    SIM_FAULT_JITTER,  /* sets network.jitter to duration_ns */
    SIM_FAULT_LOSS,    /* sets network.loss to probability, and so on */
    SIM_FAULT_DUPLICATE,
    SIM_FAULT_REORDER,
    SIM_FAULT_CORRUPT,
    SIM_FAULT_BANDWIDTH, /* of each pair, to bits_per_s */
    SIM_FAULT_FLAP,      /* a partition that comes and goes */
    /* Of hosts[] (host_fault_text.h, sim/host/host_fault.h); these stay together: */
    SIM_FAULT_CRASH,
    SIM_FAULT_RESTART,
    SIM_FAULT_DISK_LOSS,
    SIM_FAULT_CORRUPT_WRITES,
    SIM_FAULT_BIT_ROT,
    SIM_FAULT_SLOW_DISK,
    SIM_FAULT_SLOW_HOST,
    SIM_FAULT_CLOCK
} sim_fault_action;

/* A set of hosts as ranges, in ascending order, none touching the next; none: all hosts. */
typedef struct sim_fault_side {
    sim_host_range ranges[SIM_FAULT_RANGES_MAX];
    uint32_t count;
} sim_fault_side;

typedef struct sim_fault {
    uint64_t at_ns;
    sim_fault_action action;
    uint32_t hosts[SIM_FAULT_HOSTS_MAX]; /* of a partition, a flap, or hurt; 0-based */
    uint32_t host_count;
    int32_t drift_ppm; /* clock */
    bool one_way;
    bool torn;            /* crash */
    uint64_t duration_ns; /* of a constant latency or hold; jitter */
    double probability;
    sim_fault_side from;
    sim_fault_side to;
    /* latency; reorder's hold. Of kind CONSTANT: duration_ns, and 0 is one more latency. */
    sim_delay delay;
    uint32_t copies; /* duplicate: 0: 2 */
    uint32_t writes; /* corrupt_writes: value, 1..1M */
    uint64_t bits_per_s;
    char name[SIM_FAULT_NAME_BYTES]; /* of a partition; "": none */
    uint64_t period_ns;              /* flap */
    double duty;                     /* share of the period in which it cuts; 0: half */
    uint64_t ends_ns;                /* 0: not before it is healed */
    uint64_t down_ns;                /* crash, disk_loss: restarts so long after; 0: not */
    double factor;                   /* slow_disk, slow_host: value, 0.001..1M */
    int64_t skew_ns;                 /* clock, at most 100 years */
} sim_fault;

typedef struct sim_options {
    sim_cluster_options cluster;
    sim_ground_options graph;
    sim_engine_options engine;
    sim_load_options load;
    char profile[SIM_PATH_BYTES]; /* cost profile; scenarios/profiles/reference.tsv */
    uint64_t end_ns;              /* the run stops here even if requests are open; 600 s */
    uint64_t series_ns;           /* width of a time-line interval; 50 ms */
    uint64_t seed;                /* of this point's draws: of the run's seed and repetition */
    sim_load_phase phases[SIM_PHASES_MAX];
    uint32_t phase_count;
    sim_fault faults[SIM_FAULTS_MAX];
    uint32_t fault_count;
} sim_options;

void sim_options_default(sim_options *options);

/* Sets one option from text as a user writes it ("50us", "10Gbps", "64GiB", "100K", "true",
 * "hnsw"). Errors name the path, the value, what would be right, and for an unknown path the
 * nearest known one. */
cg_status sim_options_set(sim_options *options, const char *path, const char *value,
                          cg_error *error);

/* What no single option can check: hosts of partitions exist, faults lie before the end, dims a
 * multiple of 16, heal has a partition to end, shares of requests add up, and so on. */
cg_status sim_options_check(const sim_options *options, cg_error *error);

/* Canonical text, in a heap block freed with free(); and back. */
cg_status sim_options_format(const sim_options *options, char **text, cg_error *error);
cg_status sim_options_parse(const char *text, sim_options *options, cg_error *error);

/* Hash of the options that the prepared graph depends on (graph.*, and engine.dims, index, codes,
 * fuller, code, training, m, ef_construction): points with equal keys share one graph and index. */
uint64_t sim_options_graph_key(const sim_options *options);

#endif
