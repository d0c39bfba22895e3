/* The table of options, and reading and writing one option through it. */
#include "sim/scenario/option_table.h"

#include <stdio.h>
#include <string.h>

#include "engine/base/nearest.h"
#include "sim/scenario/time_limit.h"

#define AT(field) offsetof(sim_options, field)
#define WHOLE(store_kind, unit_kind, low, high)                                                \
    .store = SIM_STORE_##store_kind,                                                           \
    .quantity = {.unit = SIM_UNIT_##unit_kind, .least = (low), .greatest = (high)}
#define COUNT(low, high)      WHOLE(U32, COUNT, low, high)
#define LONG(low, high)       WHOLE(U64, COUNT, low, high)
#define TIME(low, high)       WHOLE(U64, DURATION, low, high)
#define BYTES(low, high)      WHOLE(U64, BYTES, low, high)
#define REAL(kind, low, high) WHOLE(DOUBLE, kind, low, high)
#define NUMBER(low, high)     REAL(NUMBER, low, high)
#define CHANCE                REAL(PROBABILITY, "0", "1")
#define FLAG                  .store = SIM_STORE_BOOL
#define TEXT                  .store = SIM_STORE_TEXT
#define CHOICE(...)           .store = SIM_STORE_CHOICE, .choices = {__VA_ARGS__}
#define POLICY                CHOICE("lru", "lfu", "arc", "tinylfu", "s3fifo", "belady")
#define SEED                  LONG("0", "9223372036854775807")

/* clang-format off */
const sim_option sim_option_table[] = {
    {.path = "cluster.hosts", .offset = AT(cluster.hosts), COUNT("1", "4096"),
     .default_text = "1", .doc = "hosts in the cluster"},
    {.path = "cluster.cores", .offset = AT(cluster.cores), COUNT("1", "1024"),
     .default_text = "16", .doc = "cores of each host"},
    {.path = "cluster.memory", .offset = AT(cluster.memory_bytes), BYTES("1MiB", "1PiB"),
     .default_text = "64GiB", .doc = "memory of each host"},
    {.path = "cluster.disk.access", .offset = AT(cluster.disk_access_ns), TIME("0", "10s"),
     .default_text = "0", .doc = "time of one read or durable write before its first byte; 0: as the cost profile says"},
    {.path = "cluster.disk.bandwidth", .offset = AT(cluster.disk_bandwidth_bytes_per_s), WHOLE(U64, BYTE_RATE, "0", "100GB/s"),
     .default_text = "0", .doc = "bytes a second of each host's disk; 0: as the cost profile says"},
    {.path = "cluster.network.latency", .offset = AT(cluster.network.latency_ns), TIME("1ns", "1min"),
     .default_text = "50us", .doc = "one way, between any two hosts"},
    {.path = "cluster.network.jitter", .offset = AT(cluster.network.jitter_ns), TIME("0", "1min"),
     .default_text = "5us", .doc = "added to the latency, uniformly from zero to this"},
    {.path = "cluster.network.bandwidth", .offset = AT(cluster.network.bandwidth_bits_per_s), WHOLE(U64, BANDWIDTH, "1Kbps", "100Tbps"),
     .default_text = "10Gbps", .doc = "bits a second of each host's link"},
    {.path = "cluster.network.loss", .offset = AT(cluster.network.loss), CHANCE,
     .default_text = "0", .doc = "probability that a message is lost"},
    {.path = "cluster.network.duplicate", .offset = AT(cluster.network.duplicate), CHANCE,
     .default_text = "0", .doc = "probability that a message arrives twice"},
    {.path = "cluster.network.reorder", .offset = AT(cluster.network.reorder), CHANCE,
     .default_text = "0", .doc = "probability that a message is held back by one more latency"},
    {.path = "cluster.network.corrupt", .offset = AT(cluster.network.corrupt), CHANCE,
     .default_text = "0", .doc = "probability that one byte of a message is altered on its way"},
    {.path = "cluster.network.copies", .offset = AT(cluster.network.copies), COUNT("2", "4"),
     .default_text = "2", .doc = "copies of a duplicated message at most; how many is drawn"},
    {.path = "cluster.network.law", .offset = AT(cluster.network.law), TEXT,
     .default_text = "constant", .doc = "law of the latency instead of cluster.network.latency: uniform 50us 150us, normal 1ms 200us, lognormal 1ms 0.5, exponential 1ms 50us, pareto 1ms 2.5 50us, trace 1ms 2ms 5ms or cycle 1ms 2ms 5ms; constant: that latency"},
    {.path = "graph.source", .offset = AT(graph.source), CHOICE("wordnet", "keys", "synthetic", "triples", "vectors", "saved"),
     .default_text = "wordnet", .flags = SIM_OPTION_GRAPH,
     .doc = "where the graph comes from; keys: graph.nodes keys without content, for loads of recalls only; the others have concepts and edges without texts, for recalls and spreads: synthetic is drawn, triples and vectors are files, saved is a file of cortigrid graph --save"},
    {.path = "graph.path", .offset = AT(graph.path), TEXT,
     .default_text = "/usr/share/wordnet", .flags = SIM_OPTION_GRAPH,
     .doc = "folder of WordNet's data files; of triples, vectors and saved graphs the file"},
    {.path = "graph.nodes", .offset = AT(graph.nodes), COUNT("16", "4G"),
     .default_text = "all", .flags = SIM_OPTION_GRAPH | SIM_OPTION_ALL,
     .doc = "concepts in the sample, or all"},
    {.path = "graph.held_out", .offset = AT(graph.held_out), COUNT("1", "10M"),
     .default_text = "1000", .flags = SIM_OPTION_GRAPH,
     .doc = "concepts kept back as facts, as far as the sample allows"},
    {.path = "graph.seed", .offset = AT(graph.seed), SEED,
     .default_text = "1", .flags = SIM_OPTION_GRAPH,
     .doc = "of the sample, apart from the run's seed"},
    {.path = "graph.degree", .offset = AT(graph.degree), NUMBER("0.1", "10000"),
     .default_text = "10", .flags = SIM_OPTION_GRAPH,
     .doc = "synthetic: mean number of edges of a concept"},
    {.path = "graph.exponent", .offset = AT(graph.exponent), NUMBER("0", "10"),
     .default_text = "2.5", .flags = SIM_OPTION_GRAPH,
     .doc = "synthetic: of the power law of degrees, from 1.5; 0: all are drawn alike"},
    {.path = "graph.communities", .offset = AT(graph.communities), COUNT("1", "1M"),
     .default_text = "1", .flags = SIM_OPTION_GRAPH,
     .doc = "synthetic: planted communities"},
    {.path = "graph.inside", .offset = AT(graph.inside), CHANCE,
     .default_text = "0.8", .flags = SIM_OPTION_GRAPH,
     .doc = "synthetic: share of the edges that lie inside a community"},
    {.path = "graph.weighted", .offset = AT(graph.weighted), FLAG,
     .default_text = "false", .flags = SIM_OPTION_GRAPH,
     .doc = "edges have weights below 1: drawn uniformly where synthetic, of WordNet by how many of their relation leave a concept (Sussna 1993); otherwise all are 1"},
    {.path = "graph.neighbours", .offset = AT(graph.neighbours), COUNT("1", "256"),
     .default_text = "10", .flags = SIM_OPTION_GRAPH,
     .doc = "vectors: nearest neighbours that each is linked to"},
    {.path = "graph.inverse", .offset = AT(graph.inverse), FLAG,
     .default_text = "false", .flags = SIM_OPTION_GRAPH,
     .doc = "triples and vectors: each edge has one back, of an inverse relation"},
    {.path = "graph.parts", .offset = AT(graph.parts), COUNT("1", "4096"),
     .default_text = "1", .flags = SIM_OPTION_GRAPH,
     .doc = "parts that the graph is divided into, which shows in metrics alone"},
    {.path = "graph.partitioner", .offset = AT(graph.partitioner), CHOICE("spectral", "hash"),
     .default_text = "spectral", .flags = SIM_OPTION_GRAPH,
     .doc = "how: multilevel with a spectral start and refinement, or by a hash of each concept's id"},
    {.path = "engine.dims", .offset = AT(engine.dims), COUNT("32", "1024"),
     .default_text = "128", .flags = SIM_OPTION_GRAPH,
     .doc = "dimensions of an embedding, a multiple of 16"},
    {.path = "engine.index", .offset = AT(engine.index), CHOICE("flat", "hnsw"),
     .default_text = "hnsw", .flags = SIM_OPTION_GRAPH,
     .doc = "kind of index"},
    {.path = "engine.codes", .offset = AT(engine.codes), CHOICE("f32", "f16", "i8"),
     .default_text = "i8", .flags = SIM_OPTION_GRAPH,
     .doc = "form of a vector that the graph of the index is built and searched on"},
    {.path = "engine.fuller", .offset = AT(engine.fuller), CHOICE("f32", "f16", "codes"),
     .default_text = "codes", .flags = SIM_OPTION_GRAPH,
     .doc = "form that orders what the index found; codes: there is no other"},
    {.path = "engine.code", .offset = AT(engine.code), CHOICE("log", "linear", "lif"),
     .default_text = "log", .flags = SIM_OPTION_GRAPH,
     .doc = "latency code of spikes: how strength becomes the time of a spike"},
    {.path = "engine.training", .offset = AT(engine.training), COUNT("0", "100K"),
     .default_text = "1000", .flags = SIM_OPTION_GRAPH,
     .doc = "labelled facts that the engine learns from before the first request, as far as the sample allows; every eighth restates a concept"},
    {.path = "engine.m", .offset = AT(engine.m), COUNT("4", "64"),
     .default_text = "16", .flags = SIM_OPTION_GRAPH,
     .doc = "links of a node at each upper level of the index"},
    {.path = "engine.ef_construction", .offset = AT(engine.ef_construction), COUNT("8", "1000"),
     .default_text = "100", .flags = SIM_OPTION_GRAPH,
     .doc = "width of the search that builds the index"},
    {.path = "engine.ef", .offset = AT(engine.ef), COUNT("1", "10000"),
     .default_text = "64", .doc = "width of a search in the index"},
    {.path = "engine.neighbours", .offset = AT(engine.neighbours), COUNT("1", "256"),
     .default_text = "32", .doc = "candidates that the index hands to the columns"},
    {.path = "engine.strategy", .offset = AT(engine.strategy), CHOICE("auto", "direct", "hierarchical"),
     .default_text = "hierarchical", .doc = "way of a fact through the cascade"},
    {.path = "engine.semantic_keep", .offset = AT(engine.semantic_keep), COUNT("1", "1M"),
     .default_text = "128", .doc = "candidates that the semantic column keeps at least"},
    {.path = "engine.structural_keep", .offset = AT(engine.structural_keep), COUNT("1", "1M"),
     .default_text = "4", .doc = "candidates that all columns together keep at least for the competition"},
    {.path = "engine.stop_confidence", .offset = AT(engine.stop_confidence), CHANCE,
     .default_text = "1", .doc = "a decision that is surer than this ends early; 1: none does"},
    {.path = "engine.columns.semantic", .offset = AT(engine.columns[0]), FLAG,
     .default_text = "true", .doc = "the semantic column votes"},
    {.path = "engine.columns.structural", .offset = AT(engine.columns[1]), FLAG,
     .default_text = "true", .doc = "the structural column votes"},
    {.path = "engine.columns.temporal", .offset = AT(engine.columns[2]), FLAG,
     .default_text = "true", .doc = "the temporal column votes"},
    {.path = "engine.columns.exception", .offset = AT(engine.columns[3]), FLAG,
     .default_text = "true", .doc = "the exception column votes"},
    {.path = "engine.spaces", .offset = AT(engine.spaces), COUNT("1", "64"),
     .default_text = "1", .doc = "memory spaces (tenants): each with facts, index, log and replicas of its own on the same hosts"},
    {.path = "engine.tiers.levels", .offset = AT(engine.tier_levels), COUNT("2", "5"),
     .default_text = "3", .doc = "memory tiers, the store among them, which is the last"},
    {.path = "engine.tiers.bound", .offset = AT(engine.tier_bound), CHOICE("entries", "bytes"),
     .default_text = "entries", .doc = "what the sizes of the tiers count"},
    {.path = "engine.tiers.l1", .offset = AT(engine.tiers[0].capacity), LONG("1", "2G"),
     .default_text = "10K", .doc = "size of the first memory tier"},
    {.path = "engine.tiers.l2", .offset = AT(engine.tiers[1].capacity), LONG("1", "2G"),
     .default_text = "1M", .doc = "size of the second memory tier, at least as much"},
    {.path = "engine.tiers.l3", .offset = AT(engine.tiers[2].capacity), LONG("1", "2G"),
     .default_text = "10M", .doc = "size of the third, where it is not the store"},
    {.path = "engine.tiers.l4", .offset = AT(engine.tiers[3].capacity), LONG("1", "2G"),
     .default_text = "100M", .doc = "size of the fourth, where it is not the store"},
    {.path = "engine.tiers.policy.l1", .offset = AT(engine.tiers[0].policy), POLICY,
     .default_text = "lru", .doc = "what goes when the tier is full; belady knows the future and is a bound; it takes keys, one host and recalls of one key each"},
    {.path = "engine.tiers.policy.l2", .offset = AT(engine.tiers[1].policy), POLICY,
     .default_text = "lru", .doc = "what goes when the tier is full"},
    {.path = "engine.tiers.policy.l3", .offset = AT(engine.tiers[2].policy), POLICY,
     .default_text = "lru", .doc = "what goes when the tier is full"},
    {.path = "engine.tiers.policy.l4", .offset = AT(engine.tiers[3].policy), POLICY,
     .default_text = "lru", .doc = "what goes when the tier is full"},
    {.path = "engine.tiers.promote.l1", .offset = AT(engine.tiers[0].promote_after), COUNT("1", "15"),
     .default_text = "1", .doc = "reads that a slower tier served lately until a record is brought in; 1: at once"},
    {.path = "engine.tiers.promote.l2", .offset = AT(engine.tiers[1].promote_after), COUNT("1", "15"),
     .default_text = "1", .doc = "the same for this tier"},
    {.path = "engine.tiers.promote.l3", .offset = AT(engine.tiers[2].promote_after), COUNT("1", "15"),
     .default_text = "1", .doc = "the same for this tier"},
    {.path = "engine.tiers.promote.l4", .offset = AT(engine.tiers[3].promote_after), COUNT("1", "15"),
     .default_text = "1", .doc = "the same for this tier"},
    {.path = "engine.tiers.access.l1", .offset = AT(engine.tiers[0].access_ns), TIME("0", "1s"),
     .default_text = "0", .doc = "time of a read before its first byte; 0: as the cost profile says"},
    {.path = "engine.tiers.access.l2", .offset = AT(engine.tiers[1].access_ns), TIME("0", "1s"),
     .default_text = "0", .doc = "the same for this tier"},
    {.path = "engine.tiers.access.l3", .offset = AT(engine.tiers[2].access_ns), TIME("0", "1s"),
     .default_text = "0", .doc = "the same for this tier"},
    {.path = "engine.tiers.access.l4", .offset = AT(engine.tiers[3].access_ns), TIME("0", "1s"),
     .default_text = "0", .doc = "the same for this tier"},
    {.path = "engine.tiers.bandwidth.l1", .offset = AT(engine.tiers[0].bandwidth_bytes_per_s), WHOLE(U64, BYTE_RATE, "0", "100TB/s"),
     .default_text = "0", .doc = "bytes a second of a read; 0: as the cost profile says"},
    {.path = "engine.tiers.bandwidth.l2", .offset = AT(engine.tiers[1].bandwidth_bytes_per_s), WHOLE(U64, BYTE_RATE, "0", "100TB/s"),
     .default_text = "0", .doc = "the same for this tier"},
    {.path = "engine.tiers.bandwidth.l3", .offset = AT(engine.tiers[2].bandwidth_bytes_per_s), WHOLE(U64, BYTE_RATE, "0", "100TB/s"),
     .default_text = "0", .doc = "the same for this tier"},
    {.path = "engine.tiers.bandwidth.l4", .offset = AT(engine.tiers[3].bandwidth_bytes_per_s), WHOLE(U64, BYTE_RATE, "0", "100TB/s"),
     .default_text = "0", .doc = "the same for this tier"},
    {.path = "engine.warm", .offset = AT(engine.warm), LONG("0", "1G"),
     .default_text = "0", .doc = "reads that the tiers have served before the run, of single keys as popular as at the load's start; 0: they begin with the graph in the slowest of them in memory"},
    {.path = "engine.record", .offset = AT(engine.record_bytes), WHOLE(U32, BYTES, "1", "1MiB"),
     .default_text = "64", .doc = "bytes of a concept's record that a recall reads"},
    {.path = "engine.permits", .offset = AT(engine.permits), COUNT("1", "65536"),
     .default_text = "all", .flags = SIM_OPTION_ALL, .doc = "requests under way at a host at once; all: nobody waits for a permit"},
    {.path = "engine.queue", .offset = AT(engine.queue), COUNT("0", "1M"),
     .default_text = "1024", .doc = "requests that wait for a permit at a host, where permits are bounded; those beyond are shed"},
    {.path = "engine.wait", .offset = AT(engine.wait_max_ns), TIME("0", "1h"),
     .default_text = "0", .doc = "a request whose wait for a permit is forecast to be longer is shed at once, as far as the mean service time tells; 0: no bound"},
    {.path = "engine.conflict_tries", .offset = AT(engine.conflict_tries), COUNT("1", "32"),
     .default_text = "5", .doc = "tries of a removal that meets a fact in use"},
    {.path = "engine.conflict_wait", .offset = AT(engine.conflict_ns), TIME("1us", "1s"),
     .default_text = "100us", .doc = "before the second of these tries, doubled for each further one"},
    {.path = "engine.cache.entries", .offset = AT(engine.cache_entries), COUNT("0", "256M"),
     .default_text = "0", .doc = "decisions that a host remembers, divided equally among the spaces; 0: none"},
    {.path = "engine.cache.ttl", .offset = AT(engine.cache_ttl_ns), TIME("1us", "72h"),
     .default_text = "1h", .doc = "how long a decision is remembered"},
    {.path = "engine.placement", .offset = AT(engine.placement), CHOICE("high-complexity", "high-performance", "resource-optimized", "balanced", "choose"),
     .default_text = "choose", .doc = "where a fact goes in memory; choose: by its content, expected reads and what is free"},
    {.path = "engine.pools.quota", .offset = AT(engine.pool_quota_bytes), BYTES("64KiB", "256GiB"),
     .default_text = "64MiB", .doc = "slot memory of each concept type at a host, of all spaces together"},
    {.path = "engine.pools.shared", .offset = AT(engine.pool_shared_bytes), BYTES("0", "256GiB"),
     .default_text = "256MiB", .doc = "slot memory of the pool that takes over where a type's is full, likewise"},
    {.path = "engine.pools.shares", .offset = AT(engine.pool_shares), TEXT,
     .default_text = "equal", .doc = "shares of the spaces in both: equal, or a whole number of 1 or more for each, such as 3:1"},
    {.path = "engine.writes", .offset = AT(engine.writes), COUNT("1", "1024"),
     .default_text = "1", .flags = SIM_OPTION_ALL, .doc = "log writes of a host under way at once, of each space; what comes meanwhile is written together; all: each by itself"},
    {.path = "engine.batching", .offset = AT(engine.batching), FLAG,
     .default_text = "true", .doc = "recalls of many keys are cut into batches that run on all cores"},
    {.path = "engine.batch", .offset = AT(engine.batch), COUNT("0", "65536"),
     .default_text = "0", .doc = "keys in such a batch, a power of two; 0: as the controllers find best"},
    {.path = "engine.successors", .offset = AT(engine.successors), COUNT("0", "256M"),
     .default_text = "0", .doc = "keys of which a host remembers what is read after them; 0: none"},
    {.path = "engine.prefetch", .offset = AT(engine.prefetch), COUNT("0", "4"),
     .default_text = "0", .doc = "how many successors ahead are fetched"},
    {.path = "engine.forecast", .offset = AT(engine.forecasts), FLAG,
     .default_text = "true", .doc = "the latency of recalls is forecast"},
    {.path = "engine.budget", .offset = AT(engine.budget_ns), TIME("0", "1h"),
     .default_text = "0", .doc = "of a recall's forecast latency; what exceeds it is cut and answered as partial; 0: no budget"},
    {.path = "engine.interval", .offset = AT(engine.interval_ns), TIME("0", "1h"),
     .default_text = "100ms", .doc = "of the monitor and of adaptation; 0: neither"},
    {.path = "engine.adapt", .offset = AT(engine.adapts), FLAG,
     .default_text = "false", .doc = "rules change prefetch (with engine.successors), the first tier's size and permits (where bounded) as the load does"},
    {.path = "engine.spread.across", .offset = AT(engine.spread.across), CHOICE("none", "exact", "async"),
     .default_text = "none", .doc = "whether a spread goes over all hosts, each of which owns a part of the graph (by graph.parts, if these are as many as hosts; otherwise by hash): exact waits in each hop for all that it brings, async for nothing; none: it stays where it arrives, where the whole graph is, and the facts of that host"},
    {.path = "engine.spread.timeout", .offset = AT(engine.spread.timeout_ns), TIME("1us", "1h"),
     .default_text = "1s", .doc = "of a spread across hosts: what has not come until then is missing from the answer"},
    {.path = "engine.spread.window", .offset = AT(engine.spread.window_ns), TIME("0", "1h"),
     .default_text = "100us", .doc = "of a spread across hosts in async: a host gathers what comes for so long before it passes it on"},
    {.path = "engine.spread.decay", .offset = AT(engine.spread.decay), NUMBER("0", "16"),
     .default_text = "0.5", .doc = "lambda: a hop leaves exp(-lambda) of what a concept passes on"},
    {.path = "engine.spread.threshold.l1", .offset = AT(engine.spread.threshold[0]), NUMBER("0", "1"),
     .default_text = "0.01", .doc = "activation that a concept needs to pass on, while the first memory tier holds its record"},
    {.path = "engine.spread.threshold.l2", .offset = AT(engine.spread.threshold[1]), NUMBER("0", "1"),
     .default_text = "0.01", .doc = "the same for this tier; the store is the one after the last memory tier"},
    {.path = "engine.spread.threshold.l3", .offset = AT(engine.spread.threshold[2]), NUMBER("0", "1"),
     .default_text = "0.01", .doc = "the same for this tier; the store is the one after the last memory tier"},
    {.path = "engine.spread.threshold.l4", .offset = AT(engine.spread.threshold[3]), NUMBER("0", "1"),
     .default_text = "0.01", .doc = "the same for this tier; the store is the one after the last memory tier"},
    {.path = "engine.spread.threshold.l5", .offset = AT(engine.spread.threshold[4]), NUMBER("0", "1"),
     .default_text = "0.01", .doc = "the same for this tier; the store is the one after the last memory tier"},
    {.path = "engine.spread.budget.l1", .offset = AT(engine.spread.budget[0]), COUNT("0", "1G"),
     .default_text = "0", .doc = "concepts held by the first memory tier that pass on in a spread at full strength; those beyond fade by 0.93 each; 0: no bound"},
    {.path = "engine.spread.budget.l2", .offset = AT(engine.spread.budget[1]), COUNT("0", "1G"),
     .default_text = "0", .doc = "the same for this tier"},
    {.path = "engine.spread.budget.l3", .offset = AT(engine.spread.budget[2]), COUNT("0", "1G"),
     .default_text = "0", .doc = "the same for this tier"},
    {.path = "engine.spread.budget.l4", .offset = AT(engine.spread.budget[3]), COUNT("0", "1G"),
     .default_text = "0", .doc = "the same for this tier"},
    {.path = "engine.spread.budget.l5", .offset = AT(engine.spread.budget[4]), COUNT("0", "1G"),
     .default_text = "0", .doc = "the same for this tier"},
    {.path = "engine.spread.fan_out", .offset = AT(engine.spread.fan_out), FLAG,
     .default_text = "false", .doc = "what a concept passes on is divided by its number of edges"},
    {.path = "engine.spread.refractory", .offset = AT(engine.spread.refractory_ns), TIME("0", "1h"),
     .default_text = "0", .doc = "a concept that passed on passes nothing on for so long; 0: it may at any time"},
    {.path = "engine.spread.hits", .offset = AT(engine.spread.hits), COUNT("1", "256"),
     .default_text = "32", .doc = "concepts in a spread's answer, the strongest"},
    {.path = "engine.spread.seeds", .offset = AT(engine.spread.seeds), COUNT("1", "256"),
     .default_text = "8", .doc = "concepts that a spread from a text begins at, those most like it; at most engine.neighbours"},
    {.path = "engine.consolidate", .offset = AT(engine.spread.consolidate_ns), TIME("0", "1h"),
     .default_text = "0", .doc = "time between consolidations, which strengthen edges between concepts that were active together and propose near-duplicates for merging; 0: none"},
    {.path = "engine.distribution", .offset = AT(engine.search.distribution), CHOICE("replicated", "sharded", "hybrid"),
     .default_text = "replicated", .doc = "where the index of the graph's concepts is: all of it at every host; or a region at each, and all hosts know whom to ask; or the upper levels of one graph at every host, and of level 0 a region at each"},
    {.path = "engine.shards", .offset = AT(engine.search.by), CHOICE("vectors", "graph"),
     .default_text = "vectors", .doc = "regions of that: of the concepts' vectors, by balanced k-means, or of the graph, graph.parts, of which there are then as many as hosts"},
    {.path = "engine.gather", .offset = AT(engine.search.gather), CHOICE("sparse", "records"),
     .default_text = "sparse", .doc = "what a host is answered that searches a divided index: candidates, by the hosts that are likely to have any; or, for comparison, whole records, by all"},
    {.path = "engine.search.k", .offset = AT(engine.search.k), COUNT("1", "256"),
     .default_text = "10", .doc = "concepts in the answer of a search"},
    {.path = "engine.search.ef", .offset = AT(engine.search.ef), COUNT("1", "10000"),
     .default_text = "256", .doc = "width of a search, in each part of a divided index"},
    {.path = "engine.search.entries", .offset = AT(engine.search.entries), COUNT("1", "1024"),
     .default_text = "128", .doc = "hybrid: concepts of level 1 that name the hosts to ask, and are where these begin"},
    {.path = "engine.search.slack", .offset = AT(engine.search.slack), NUMBER("0", "1000000000"),
     .default_text = "0.15", .doc = "how far a search looks: parts are asked that are no farther than the nearest one by more than this share of its distance"},
    {.path = "engine.search.timeout", .offset = AT(engine.search.timeout_ns), TIME("1us", "1h"),
     .default_text = "20ms", .doc = "of one try of a gather"},
    {.path = "engine.search.tries", .offset = AT(engine.search.tries), COUNT("1", "16"),
     .default_text = "3", .doc = "tries of a gather; then the answer is made of what has come"},
    {.path = "engine.cpu.modelled", .offset = AT(engine.cpu.modelled), FLAG,
     .default_text = "false", .doc = "the processor's caches are modelled over the lines that spreading touches; counts only, time is the cost profile's"},
    {.path = "engine.cpu.layout", .offset = AT(engine.cpu.layout), CHOICE("split", "whole"),
     .default_text = "split", .doc = "where that model lays a concept's fields: split, as they are, the hot ones in a line of 64 bytes; whole: hot and cold ones together in 256"},
    {.path = "engine.cpu.l1", .offset = AT(engine.cpu.l1_bytes), BYTES("4KiB", "1GiB"),
     .default_text = "32KiB", .doc = "size of the modelled first cache"},
    {.path = "engine.cpu.l2", .offset = AT(engine.cpu.l2_bytes), BYTES("4KiB", "1GiB"),
     .default_text = "1MiB", .doc = "size of the second"},
    {.path = "engine.cpu.llc", .offset = AT(engine.cpu.llc_bytes), BYTES("4KiB", "1GiB"),
     .default_text = "32MiB", .doc = "size of the last"},
    {.path = "engine.cpu.ways.l1", .offset = AT(engine.cpu.l1_ways), COUNT("1", "64"),
     .default_text = "8", .doc = "lines of a set of the first cache"},
    {.path = "engine.cpu.ways.l2", .offset = AT(engine.cpu.l2_ways), COUNT("1", "64"),
     .default_text = "16", .doc = "of the second"},
    {.path = "engine.cpu.ways.llc", .offset = AT(engine.cpu.llc_ways), COUNT("1", "64"),
     .default_text = "16", .doc = "of the last"},
    {.path = "engine.replicas", .offset = AT(engine.replicas), COUNT("0", "2"),
     .default_text = "1", .doc = "copies beside the primary, as far as there are other hosts"},
    {.path = "engine.acknowledge", .offset = AT(engine.acknowledge), CHOICE("primary", "quorum", "all"),
     .default_text = "primary", .doc = "who must have a fact before it is answered"},
    {.path = "engine.timeout", .offset = AT(engine.timeout_ns), TIME("1us", "1h"),
     .default_text = "20ms", .doc = "of one try of a request"},
    {.path = "engine.tries", .offset = AT(engine.tries), COUNT("1", "1000"),
     .default_text = "50", .doc = "tries before a request fails"},
    {.path = "engine.retry", .offset = AT(engine.retry_ns), TIME("1us", "1h"),
     .default_text = "5ms", .doc = "added to the timeout of each further try, doubled each time, up to 16 times this"},
    {.path = "engine.replicate_retry", .offset = AT(engine.replicate_retry_ns), TIME("1us", "1h"),
     .default_text = "10ms", .doc = "resend of log records that are not acknowledged"},
    {.path = "engine.failover", .offset = AT(engine.failover), FLAG, .default_text = "false",
     .doc = "others take over from a host that is silent; otherwise it is waited for"},
    {.path = "engine.heartbeat", .offset = AT(engine.heartbeat_ns), TIME("1ms", "1h"),
     .default_text = "250ms", .doc = "between what a primary tells its replicas when there is nothing to tell"},
    {.path = "engine.election", .offset = AT(engine.election_ns), TIME("2ms", "1h"),
     .default_text = "1.5s", .doc = "silence of a primary, one to two times this, after which a replica stands for the next epoch"},
    {.path = "engine.stale", .offset = AT(engine.stale_ns), TIME("0", "1h"),
     .default_text = "1s", .doc = "how old a copy may be that a get with load.near is answered from"},
    {.path = "engine.lag.warn", .offset = AT(engine.lag_warn_ns), TIME("1ms", "1h"),
     .default_text = "1s", .doc = "age of a record that a replica has not acknowledged from which it is warned of"},
    {.path = "engine.lag.drop", .offset = AT(engine.lag_drop_ns), TIME("1ms", "1h"),
     .default_text = "10s", .doc = "and from which the replica is no longer waited for, until it is level again"},
    {.path = "load.arrival", .offset = AT(load.arrival), CHOICE("poisson", "constant", "burst", "recorded"),
     .default_text = "poisson", .doc = "law of the arrivals; burst: Poisson, at a rate that goes up and down; recorded: times from load.arrival_file"},
    {.path = "load.rate", .offset = AT(load.rate_hz), REAL(RATE, "0.001", "1000000000"),
     .default_text = "1000", .doc = "requests a second, on average; recorded arrivals have their own"},
    {.path = "load.facts", .offset = AT(load.facts), COUNT("1", "10M"),
     .default_text = "1000", .doc = "different facts that arrive, at most those there are; also the number of requests, where load.requests is 0"},
    {.path = "load.facts_from", .offset = AT(load.facts_from), CHOICE("held_out", "whole", "gloss", "words"),
     .default_text = "held_out", .doc = "what facts are: concepts held out of the graph, or all words, the gloss or the names of a concept that is in it"},
    {.path = "load.order", .offset = AT(load.order), CHOICE("shuffled", "related"),
     .default_text = "shuffled", .doc = "order of arrival; related: eight neighbours in the tree of hypernyms after one another"},
    {.path = "load.start", .offset = AT(load.start_ns), TIME("0", SIM_TIME_MAX_TEXT),
     .default_text = "0", .doc = "when the clock of the arrivals starts"},
    {.path = "load.audits", .offset = AT(load.audits), COUNT("0", "10M"),
     .default_text = "100", .doc = "facts that are also decided exhaustively, at most all"},
    {.path = "load.labels", .offset = AT(load.labels), COUNT("0", "10M"),
     .default_text = "0", .doc = "facts that carry their true concept, which the engine learns from"},
    {.path = "load.requests", .offset = AT(load.requests), COUNT("0", "10M"),
     .default_text = "0", .doc = "requests of all kinds that arrive; 0: as many as load.facts says"},
    {.path = "load.recall", .offset = AT(load.recall), CHANCE,
     .default_text = "0", .doc = "share of the requests that recall keys; what is neither recall, spread, deallocation, batch, edges, get nor search allocates one fact"},
    {.path = "load.deallocate", .offset = AT(load.deallocate), CHANCE,
     .default_text = "0", .doc = "share of the requests that deallocate what an earlier request allocated, each at most once; an allocation where nothing is left"},
    {.path = "load.batch", .offset = AT(load.batch), CHANCE,
     .default_text = "0", .doc = "share of the requests that allocate several facts at once"},
    {.path = "load.spread", .offset = AT(load.spread), CHANCE,
     .default_text = "0", .doc = "share of the requests that spread activation"},
    {.path = "load.near", .offset = AT(load.near), CHANCE,
     .default_text = "0", .doc = "share of these gets that whichever host keeps the partition may answer, if it has heard from the primary within engine.stale, and has what the client itself wrote"},
    {.path = "load.edges", .offset = AT(load.edges), CHANCE,
     .default_text = "0", .doc = "share of the requests that change an edge of the graph, at whichever host they arrive; one in five removes it"},
    {.path = "load.search", .offset = AT(load.search), CHANCE,
     .default_text = "0", .doc = "share of the requests that ask which concepts are nearest to the text of a fact, any that there is, however often; load.audits of them are compared with the exact answer"},
    {.path = "load.edge_pool", .offset = AT(load.edge_pool), COUNT("1", "1M"),
     .default_text = "64", .doc = "edges that are changed, each time one of these: the fewer, the more changes meet"},
    {.path = "load.get", .offset = AT(load.get), CHANCE,
     .default_text = "0", .doc = "share of the requests that ask whether a fact is there that one of the last 64 allocations stored"},
    {.path = "load.spread_hops", .offset = AT(load.spread_hops), COUNT("1", "64"),
     .default_text = "3", .doc = "hops of a spread, at most"},
    {.path = "load.ask", .offset = AT(load.ask), CHOICE("rows", "whole", "gloss", "words"),
     .default_text = "rows", .doc = "what a spread begins at: load.keys rows of the graph; or the concepts most like a text, which is all words, the gloss or the names of a concept"},
    {.path = "load.route", .offset = AT(load.route), CHOICE("any", "owner"),
     .default_text = "any", .doc = "the host that a spread across hosts is asked of: any, or the owner of the row that it begins at, by a client that knows"},
    {.path = "load.batch_size", .offset = AT(load.batch_size), COUNT("1", "1024"),
     .default_text = "16", .doc = "facts of a batch"},
    {.path = "load.keys", .offset = AT(load.keys), COUNT("1", "65536"),
     .default_text = "1", .doc = "keys that a recall asks for, and rows that a spread begins at, on average"},
    {.path = "load.keys_spread", .offset = AT(load.keys_spread), CHOICE("constant", "uniform"),
     .default_text = "constant", .doc = "law of the number of keys; uniform: from 1 to twice load.keys less 1"},
    {.path = "load.hops", .offset = AT(load.hops), COUNT("0", "16"),
     .default_text = "0", .doc = "hops that a recall follows beyond its keys"},
    {.path = "load.popularity", .offset = AT(load.popularity), CHOICE("uniform", "zipf", "file"),
     .default_text = "zipf", .doc = "law of the keys that are recalled and the rows that are spread from, and of the facts where load.repeat says so"},
    {.path = "load.zipf", .offset = AT(load.zipf), NUMBER("0", "4"),
     .default_text = "0.99", .doc = "exponent of zipf: rank r is asked for in proportion to r to minus this"},
    {.path = "load.popularity_file", .offset = AT(load.popularity_file), TEXT,
     .default_text = "none", .doc = "measured popularity, as CacheLib's JSON: popularityWeights are reads of popularityBuckets keys each, oneHits the share of reads whose key is read only once"},
    {.path = "load.repeat", .offset = AT(load.repeat), CHOICE("never", "popularity"),
     .default_text = "never", .doc = "whether facts arrive again; popularity: drawn anew each time"},
    {.path = "load.chain", .offset = AT(load.chain), CHANCE,
     .default_text = "0", .doc = "probability that a recall begins with the key that always follows the last key of its client"},
    {.path = "load.clients", .offset = AT(load.clients), COUNT("1", "1M"),
     .default_text = "1", .doc = "clients that the requests come from, of each space"},
    {.path = "load.spaces", .offset = AT(load.spaces), TEXT,
     .default_text = "equal", .doc = "shares of the spaces in load.rate, requests, audits and labels: equal, or a whole number for each, such as 8:1; each space draws its own load, from all facts"},
    {.path = "load.urgent", .offset = AT(load.urgent), CHANCE,
     .default_text = "0", .doc = "share of the requests of priority 3, the highest"},
    {.path = "load.low", .offset = AT(load.low), CHANCE,
     .default_text = "0", .doc = "share of the requests of priority 0, the lowest; what is neither has priority 1"},
    {.path = "load.greedy", .offset = AT(load.greedy), CHANCE,
     .default_text = "0", .doc = "share of the requests that the first client of its space sends alone; 0: as many as any other"},
    {.path = "load.burst", .offset = AT(load.burst), NUMBER("1", "1000"),
     .default_text = "5", .doc = "rate within a burst, in multiples of load.rate"},
    {.path = "load.burst_share", .offset = AT(load.burst_share), CHANCE,
     .default_text = "0.1", .doc = "share of the time that lies in bursts"},
    {.path = "load.burst_period", .offset = AT(load.burst_period_ns), TIME("1us", SIM_TIME_MAX_TEXT),
     .default_text = "1s", .doc = "mean time from one burst to the next; bursts and the times between have exponential lengths"},
    {.path = "load.arrival_file", .offset = AT(load.arrival_file), TEXT,
     .default_text = "none", .doc = "recorded arrivals: CSV whose first column is the time, as YYYY-MM-DD HH:MM:SS.FFF or in seconds"},
    {.path = "load.speed", .offset = AT(load.speed), NUMBER("0.001", "1000000"),
     .default_text = "1", .doc = "recorded arrivals come this many times as fast"},
    {.path = "profile", .offset = AT(profile), TEXT,
     .default_text = "scenarios/profiles/reference.tsv", .doc = "cost profile"},
    {.path = "stop", .offset = AT(end_ns), TIME("1us", SIM_TIME_MAX_TEXT),
     .default_text = "600s", .doc = "the run stops here even if requests are open"},
    {.path = "series", .offset = AT(series_ns), TIME("1us", SIM_TIME_MAX_TEXT),
     .default_text = "50ms", .doc = "width of a time-line interval"},
    {.path = "seed", .offset = AT(seed), SEED,
     .default_text = "0", .flags = SIM_OPTION_OWN,
     .doc = "of this point's draws: from the run's seed and the repetition"},
};
/* clang-format on */

const size_t sim_option_count = sizeof sim_option_table / sizeof sim_option_table[0];

const sim_option *sim_option_find(const char *path) {
    for (size_t i = 0; i < sim_option_count; i++) {
        if (strcmp(sim_option_table[i].path, path) == 0) {
            return &sim_option_table[i];
        }
    }
    return NULL;
}

void sim_choices_join(const char *const *choices, size_t count, char *text, size_t capacity) {
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < count && used < capacity; i++) {
        const char *joint = i == 0 ? "" : i + 1 == count ? " and " : ", ";
        int length = snprintf(text + used, capacity - used, "%s%s", joint, choices[i]);
        used += length > 0 ? (size_t)length : 0;
    }
}

cg_status sim_choices_find(const char *const *choices, size_t capacity, const char *value,
                           size_t *out, cg_error *error) {
    size_t count = 0;
    for (; count < capacity && choices[count]; count++) {
        if (strcmp(choices[count], value) == 0) {
            *out = count;
            return CG_OK;
        }
    }
    if (count == 1) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "\"%.80s\" is not known; it can only be %s", value, choices[0]);
    }
    char known[256];
    sim_choices_join(choices, count, known, sizeof known);
    return cg_error_set(error, CG_ERROR_INVALID,
                        "\"%.80s\" is not one of %s; do you mean \"%s\"?", value, known,
                        cg_nearest_name(value, choices, count));
}

static cg_status set_bool(bool *field, const char *value, cg_error *error) {
    if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0) {
        return cg_error_set(error, CG_ERROR_INVALID, "\"%.80s\" is neither true nor false",
                            value);
    }
    *field = value[0] == 't';
    return CG_OK;
}

static cg_status set_path(char *field, const char *value, cg_error *error) {
    size_t length = strlen(value);
    if (length == 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "\"\" is empty; give the name of a file or folder");
    }
    if (length >= SIM_PATH_BYTES) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "\"%.40s...\" is %zu bytes long; the most is %d", value, length,
                            SIM_PATH_BYTES - 1);
    }
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)value[i] < 0x20 || value[i] == 0x7f) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "\"%.80s\" holds a control character at byte %zu", value,
                                i + 1);
        }
    }
    memset(field, 0, SIM_PATH_BYTES); /* no bytes of an older, longer value stay behind */
    memcpy(field, value, length + 1);
    return CG_OK;
}

static cg_status set_whole(const sim_option *option, char *field, const char *value,
                           cg_error *error) {
    uint64_t number = 0;
    if (!(option->flags & SIM_OPTION_ALL) || strcmp(value, "all") != 0) {
        cg_status status = sim_units_parse_integer(&option->quantity, value, &number, error);
        if (status != CG_OK) {
            return status;
        }
    }
    if (option->store == SIM_STORE_U32) {
        uint32_t narrow = (uint32_t)number;
        CG_ASSERT(narrow == number);
        memcpy(field, &narrow, sizeof narrow);
    } else {
        memcpy(field, &number, sizeof number);
    }
    return CG_OK;
}

cg_status sim_option_set_text(const sim_option *option, sim_options *options, const char *value,
                              cg_error *error) {
    char *field = (char *)options + option->offset;
    cg_status status = CG_OK;
    switch (option->store) {
    case SIM_STORE_U32:
    case SIM_STORE_U64:
        return set_whole(option, field, value, error);
    case SIM_STORE_DOUBLE:
        return sim_units_parse_real(&option->quantity, value, (double *)(void *)field, error);
    case SIM_STORE_BOOL:
        return set_bool((bool *)field, value, error);
    case SIM_STORE_TEXT:
        return set_path(field, value, error);
    case SIM_STORE_CHOICE: {
        size_t place = 0;
        status = sim_choices_find(option->choices, SIM_CHOICES_MAX, value, &place, error);
        if (status == CG_OK) {
            unsigned chosen =
                (unsigned)place; /* an enum without negative values is unsigned int */
            memcpy(field, &chosen, sizeof chosen);
        }
        return status;
    }
    }
    return status;
}

void sim_option_format(const sim_option *option, const sim_options *options,
                       char text[SIM_PATH_BYTES]) {
    const char *field = (const char *)options + option->offset;
    uint32_t narrow = 0;
    uint64_t wide = 0;
    double real = 0.0;
    switch (option->store) {
    case SIM_STORE_U32:
        memcpy(&narrow, field, sizeof narrow);
        if (narrow == 0 && (option->flags & SIM_OPTION_ALL)) {
            snprintf(text, SIM_PATH_BYTES, "all");
        } else {
            sim_units_format_integer(option->quantity.unit, narrow, text);
        }
        break;
    case SIM_STORE_U64:
        memcpy(&wide, field, sizeof wide);
        sim_units_format_integer(option->quantity.unit, wide, text);
        break;
    case SIM_STORE_DOUBLE:
        memcpy(&real, field, sizeof real);
        sim_units_format_real(real, text);
        break;
    case SIM_STORE_BOOL:
        snprintf(text, SIM_PATH_BYTES, "%s", *(const bool *)field ? "true" : "false");
        break;
    case SIM_STORE_CHOICE:
        memcpy(&narrow, field, sizeof narrow);
        CG_ASSERT(narrow < SIM_CHOICES_MAX && option->choices[narrow]);
        snprintf(text, SIM_PATH_BYTES, "%s", option->choices[narrow]);
        break;
    case SIM_STORE_TEXT:
        snprintf(text, SIM_PATH_BYTES, "%s", field);
        break;
    }
}
