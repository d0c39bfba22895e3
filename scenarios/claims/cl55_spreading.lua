-- CL-55: how long do three hops of spreading activation take on one host?
--
-- 10,000 concepts: of degree 10 with a power law of degrees, and a sample of WordNet. Rows to begin at are as popular as
-- Zipf 0.99; the tiers are warm.
return {
  name = "cl55",
  factors = { { "graph", { "synthetic", "wordnet" } }, { "hops", { 1, 2, 3, 4, 5 } } },
  repetitions = 3,

  point = function(factor)
    return {
      graph = { source = factor.graph, nodes = "10K", degree = 10 },
      engine = { warm = "1M" },
      load = { requests = "2K", rate = 1000, spread = 1, spread_hops = factor.hops },
      series = "1s",
    }
  end,

  tables = {
    {
      name = "latency",
      title = "Spreading activation on one host, by hops",
      columns = { "latency:p50", "latency:p99", "spread.reached:mean", "spread.visits:mean", "spread.edges:mean",
                  "tier.memory:share" },
    },
  },

  plots = {
    { name = "by_hops", title = "Spreading activation on one host", x = "hops", y = "latency:p99", series = "graph",
      log = "y" },
  },

  claims = {
    { id = "CL-55", metric = "latency:p99", where = { hops = 3 }, op = "<", bound = 5, unit = "ms", aim = 1 },
  },
}
