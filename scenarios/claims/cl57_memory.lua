-- CL-57: how much more memory does a host need when each fact is at three hosts instead of one?
--
-- 2,000 concepts of WordNet at five hosts, and 1,500 facts on top of them. The claim says a million nodes, but no million texts
-- are to be had, and a drawn graph has no facts to replicate: this says what copies multiply, not what a million weighs. The
-- graph with its index is at every host, with one copy or with three, so of the whole memory replication is a small part:
-- memory.node is what a host has beyond it, partitions, answers and tiers, and is what copies multiply.
return {
  name = "cl57",
  factors = {
    { "copies", { 1, 3 } },
  },

  point = function(factor)
    return {
      cluster = { hosts = 5 },
      graph = { nodes = "2K", held_out = 500 },
      engine = { replicas = factor.copies - 1, acknowledge = "quorum", failover = true, training = 0,
                 pools = { quota = "64MiB", shared = "256MiB" } },
      load = { requests = 1500, rate = 500, facts = 500, ["repeat"] = "popularity", popularity = "uniform", audits = 0 },
      series = "1s",
    }
  end,

  tables = {
    {
      name = "memory",
      title = "Memory of the host that needs most",
      columns = { "memory:max", "memory.node:max", "facts.acknowledged:total", "graph.concepts:total" },
    },
  },

  claims = {
    { id = "CL-57", metric = "memory:max", where = { copies = 3 }, over = { copies = 1 }, op = "<=", bound = 3,
      note = "all that a host has" },
    { id = "CL-57-node", metric = "memory.node:max", where = { copies = 3 }, over = { copies = 1 }, op = "<=", bound = 3,
      note = "without the graph, which every host has in any case" },
  },
}
