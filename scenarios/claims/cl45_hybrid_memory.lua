-- CL-45: how much memory does a hybrid index save against one that every host has whole?
--
-- Sixteen hosts, 10,000 concepts of WordNet. Of the hybrid one every host has the upper levels, codes and links of one
-- concept in sixteen, and of level 0 its own region; memory is counted as if each host held its part alone. What that
-- costs, in latency and in concepts that are not found, stands beside it.
return {
  name = "cl45",
  factors = { { "distribution", { "replicated", "hybrid" } } },
  repetitions = 3,

  point = function(factor)
    return {
      cluster = { hosts = 16 },
      graph = { nodes = "10K" },
      engine = { distribution = factor.distribution, search = { slack = 0.4 } },
      load = { requests = "1K", rate = "1K", search = 1, audits = 300 },
    }
  end,

  tables = {
    {
      name = "memory",
      title = "The index in memory, and what it finds",
      columns = { "index.memory:max", "index.memory:total", "index.memory.saved:share", "search.recall:share",
                  "latency.search:p50" },
    },
  },

  claims = {
    { id = "CL-45", metric = "index.memory.saved:share", where = { distribution = "hybrid" }, op = ">=", bound = 70,
      unit = "%" },
  },
}
