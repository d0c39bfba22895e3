-- Where should the index be: whole at every host, divided into regions, or its upper levels everywhere?
--
-- 10,000 concepts of WordNet on 4 and 16 hosts, 50 us apart, which are searched for texts of concepts that the graph
-- does not have. A divided index looks as far as engine.search.slack says: the more hosts are asked, the more is found
-- and the more bytes it takes. Vectors of glosses have few regions, so neighbours lie in many of them.
return {
  name = "distribution",
  factors = {
    { "hosts", { 4, 16 } },
    { "distribution", { "replicated", "sharded", "hybrid" } },
    { "slack", { 0.05, 0.15, 0.4 } },
  },

  point = function(factor)
    return {
      cluster = { hosts = factor.hosts },
      graph = { nodes = "10K" },
      engine = { distribution = factor.distribution, search = { slack = factor.slack } },
      load = { requests = "1K", rate = "1K", search = 1, audits = 200 },
    }
  end,

  tables = {
    {
      name = "compared",
      title = "Memory, latency, recall and bytes",
      columns = { "index.memory:max", "index.memory.saved:share", "latency.search:p50", "latency.search:p99",
                  "search.recall:share", "search.shards:mean", "network.bytes:total" },
    },
  },

  plots = {
    { name = "recall", title = "What is found over how far is looked, 16 hosts", x = "slack", y = "search.recall:share",
      series = "distribution", where = { hosts = 16 } },
    { name = "bytes", title = "Bytes over how far is looked, 16 hosts", x = "slack", y = "network.bytes:total",
      series = "distribution", where = { hosts = 16 } },
  },
}
