-- CL-43: how much longer does a search take at a replica of the index than at one host alone, in one datacentre?
--
-- With the index replicated every one of three hosts answers from its own copy; with it divided, sharded or hybrid,
-- the host that a search arrives at asks those that are near to the text. One host alone has everything and nobody to
-- ask. The load on a host is the same in all points, 10,000 concepts of WordNet, and hosts are 50 us apart.
return {
  name = "cl43",
  factors = { { "index", { "one host", "replicated", "sharded", "hybrid" } } },
  repetitions = 2,

  point = function(factor)
    local alone = factor.index == "one host"
    return {
      cluster = { hosts = alone and 1 or 3 },
      graph = { nodes = "10K" },
      engine = {
        distribution = alone and "replicated" or factor.index,
        search = { slack = factor.index == "hybrid" and 0.4 or 0.15 },
      },
      load = { requests = alone and "1K" or "3K", rate = alone and 500 or 1500, search = 1, audits = 300 },
    }
  end,

  tables = {
    {
      name = "latency",
      title = "A search at one of three hosts, and at one host alone",
      columns = { "latency.search:p50", "latency.search:p99", "search.recall:share", "search.shards:mean",
                  "index.memory:max" },
    },
  },

  claims = {
    { id = "CL-43", metric = "latency.search:p50", where = { index = "replicated" }, over = { index = "one host" },
      op = "<", bound = 2 },
  },
}
