-- CL-53: how long does a recall by association take, from a text to what spreading finds?
--
-- A question is the gloss of a concept. It is embedded, the concepts most like it are looked up, and activation spreads
-- from them for three hops; 10,000 concepts of WordNet, warm.
return {
  name = "cl53",
  factors = { { "hops", { 1, 3, 5 } } },
  repetitions = 3,

  point = function(factor)
    return {
      graph = { nodes = "10K" },
      engine = { warm = "1M" },
      load = { requests = "10K", rate = "2K", spread = 1, spread_hops = factor.hops, ask = "gloss" },
      series = "1s",
    }
  end,

  tables = {
    {
      name = "latency",
      title = "From a gloss to what it brings to mind",
      columns = { "latency:p50", "latency:p95", "latency:p99", "spread.reached:mean", "spread.edges:mean",
                  "forecast.within20:share" },
    },
  },

  plots = {
    { name = "by_hops", title = "Recall with spreading", x = "hops", y = "latency:p95", log = "y" },
  },

  claims = {
    { id = "CL-53", metric = "latency:p95", where = { hops = 3 }, op = "<", bound = 10, unit = "ms" },
  },
}
