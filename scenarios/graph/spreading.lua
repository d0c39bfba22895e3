-- How far does activation reach, and what bounds it: decay, fan-out, the threshold, or a budget of visits?
--
-- All of WordNet, spreads of up to six hops from one concept, each kind of bound by itself.
return {
  name = "spreading",
  factors = {
    { "bound", { "decay", "fan-out", "threshold", "budget" } },
    { "hops", { 1, 2, 3, 4, 6 } },
  },

  point = function(factor)
    local bounds = {
      decay = {},
      ["fan-out"] = { fan_out = true },
      threshold = { threshold = { l1 = 0.1, l2 = 0.1, l3 = 0.1 } },
      budget = { budget = { l1 = 200, l2 = 200, l3 = 200 } },
    }
    return {
      graph = { nodes = "all" },
      engine = { training = 0, spread = bounds[factor.bound] },
      load = { requests = 500, rate = 50, spread = 1, spread_hops = factor.hops, popularity = "uniform" },
      series = "1s",
    }
  end,

  tables = {
    {
      name = "reach",
      title = "Concepts reached and edges walked",
      columns = { "spread.reached:mean", "spread.visits:mean", "spread.edges:mean", "latency:p50", "latency:p99" },
    },
  },

  plots = {
    { name = "reached", title = "Concepts that a spread reaches", x = "hops", y = "spread.reached:mean", series = "bound",
      log = "y" },
    { name = "latency", title = "Latency of a spread", x = "hops", y = "latency:p99", series = "bound", log = "y" },
  },
}
