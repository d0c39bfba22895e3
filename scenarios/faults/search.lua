-- Is there a cluster, a load and a course of faults under which the engine breaks one of its promises?
--
-- The base of the default fault search (cortigrid fuzz scenarios/faults/search.lua --seeds 1..10000): each
-- seed draws hosts, replicas, mode of acknowledgement, load and faults on top of it. The graph is small and
-- timeouts are short, so that a seed takes a fraction of a second.
return {
  name = "search",
  point = function()
    return {
      cluster = { hosts = 3, cores = 2 },
      graph = { source = "wordnet", nodes = 150, held_out = 60 },
      engine = {
        dims = 32, training = 0, m = 8, ef_construction = 32, ef = 32, neighbours = 8, semantic_keep = 16,
        tiers = { l1 = 64, l2 = 512 },
        cache = { entries = 64 },
        pools = { quota = "1MiB", shared = "4MiB" },
        replicas = 2, acknowledge = "quorum", failover = true,
        heartbeat = "100ms", election = "500ms",
        tries = 20, timeout = "40ms", retry = "5ms", replicate_retry = "60ms",
        lag = { warn = "1s", drop = "3s" },
        interval = 0, permits = "all",
      },
      load = { facts = 60, requests = 120, rate = 15, ["repeat"] = "popularity", audits = 0 },
    }
  end,
}
