-- CL-42: how many edges a second does activation walk, at five hosts of 16 cores and at one?
--
-- Spreads of three hops in 10,000 concepts of degree 10, of which a third lead to another host's part; offered faster than the
-- cores can serve, with a bound of 32 under way a host. 50 us one way. The run is short, so its beginning and its end, at which
-- cores idle, weigh on the figure.
return {
  name = "cl42",
  factors = { { "spreading", { "one host", "exact", "async" } } },

  point = function(factor)
    local alone = factor.spreading == "one host"
    return {
      cluster = { hosts = alone and 1 or 5, cores = 16 },
      graph = { source = "synthetic", nodes = "10K", degree = 10, communities = 5, inside = 0.7, parts = 5 },
      engine = { warm = "1M", permits = 32, queue = "1M",
                 spread = { across = alone and "none" or factor.spreading, timeout = "10min" } },
      load = { requests = 600, rate = alone and "400K" or "800K", spread = 1, spread_hops = 3 },
      series = "10ms",
    }
  end,

  tables = {
    {
      name = "activations",
      title = "Edges walked a second at full load",
      columns = { "spread.activations:mean", "throughput:mean", "spread.edges:mean", "latency:p50", "network.bytes:total",
                  "partition.cut:share", "requests.partial:total", "requests.answered:total" },
    },
  },

  claims = {
    { id = "CL-42", metric = "spread.activations:mean", where = { spreading = "exact" }, op = ">=", bound = 350000,
      unit = "1/s", aim = 10000000 },
    { id = "CL-42-async", metric = "spread.activations:mean", where = { spreading = "async" }, op = ">=", bound = 350000,
      unit = "1/s", aim = 10000000 },
    { id = "CL-42-alone", metric = "spread.activations:mean", where = { spreading = "one host" }, op = ">=", bound = 100000,
      unit = "1/s" },
  },
}
