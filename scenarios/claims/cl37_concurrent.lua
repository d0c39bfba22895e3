-- CL-37: how many operations a second does one host of 16 cores serve, many at once?
--
-- Offered faster than the host can serve: allocations alone, and the mix of a service (60% recalls, 30% allocations,
-- 10% deallocations). What finds no place in the queue is shed.
return {
  name = "cl37",
  factors = { { "load", { "allocations", "mix" } } },
  repetitions = 3,

  point = function(factor)
    local mix = factor.load == "mix"
    return {
      graph = { nodes = "10K" },
      engine = { permits = 32, queue = 256 },
      load = {
        requests = "30K", facts = 1000, rate = mix and "300K" or "160K", recall = mix and 0.6 or 0,
        deallocate = mix and 0.1 or 0, ["repeat"] = "popularity", popularity = "uniform", clients = 64, audits = 0,
      },
      series = "10ms",
    }
  end,

  tables = {
    {
      name = "throughput",
      title = "Operations a second at full load",
      columns = { "operations.throughput:mean", "operations.allocate:total", "operations.recall:total",
                  "operations.deallocate:total", "latency:p50", "latency:p99", "requests.shed:total" },
    },
  },

  claims = {
    { id = "CL-37", metric = "operations.throughput:mean", where = { load = "allocations" }, op = ">=", bound = 1000,
      unit = "1/s", aim = 50000 },
  },
}
