-- What does a hop cost when the graph lies at 1, 2, 5 or 16 hosts?
--
-- 10,000 concepts of degree 10 in as many communities as there are hosts, a part of the graph at each; 1 ms round trip. On one
-- host a hop costs what its edges cost; over hosts it costs half a round trip, in `exact` for all hosts that wait for each other.
return {
  name = "spreading_across",
  factors = {
    { "hosts", { 1, 2, 5, 16 } },
    { "hops", { 1, 2, 3, 4, 5 } },
    { "spreading", { "exact", "async" } },
  },

  point = function(factor)
    return {
      cluster = { hosts = factor.hosts, network = { latency = "500us", jitter = 0 } },
      graph = { source = "synthetic", nodes = "10K", degree = 10, communities = factor.hosts, inside = 0.7,
                parts = factor.hosts },
      engine = { warm = "1M", spread = { across = factor.spreading } },
      load = { requests = 40, rate = 20, spread = 1, spread_hops = factor.hops },
      series = "1s",
    }
  end,

  tables = {
    {
      name = "latency",
      title = "Spreading over hosts and hops",
      columns = { "latency:p50", "latency:p99", "latency.wire:mean", "network.messages:total", "network.bytes:total",
                  "spread.edges:mean" },
    },
  },

  plots = {
    { name = "exact", title = "Exact spreading over hosts", x = "hops", y = "latency:p50", series = "hosts",
      where = { spreading = "exact" }, log = "y" },
    { name = "async", title = "Asynchronous spreading over hosts", x = "hops", y = "latency:p50", series = "hosts",
      where = { spreading = "async" }, log = "y" },
  },
}
