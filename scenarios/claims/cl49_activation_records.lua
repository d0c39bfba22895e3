-- CL-49: what share of their activation records do spreads take from the pool, instead of allocating them?
--
-- 100,000 spreads of three hops over a graph of 10,000 concepts, from rows as popular as Zipf 0.99. A record is one
-- concept reached in one hop.
return {
  name = "cl49",
  factors = { { "degree", { 4, 10 } } },

  point = function(factor)
    return {
      graph = { source = "synthetic", nodes = "10K", degree = factor.degree },
      engine = { spread = { fan_out = true } },
      load = { requests = "100K", rate = "5K", spread = 1, spread_hops = 3 },
      series = "1s",
    }
  end,

  tables = {
    {
      name = "records",
      title = "Activation records of 100,000 spreads",
      columns = { "activation.reused:share", "activation.records:total", "activation.in_use:max", "activation.blocks:total",
                  "spread.reached:mean", "spread.edges:mean", "latency:p99" },
    },
  },

  claims = {
    { id = "CL-49", metric = "activation.reused:share", op = ">=", bound = 50, unit = "%", aim = 99 },
  },
}
