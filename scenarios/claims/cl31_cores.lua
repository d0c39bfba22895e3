-- CL-31: how many times as many facts does a host of 128 cores allocate as one of a single core, and what stops it?
--
-- All requests are there at once, so every core has something to do from the first moment to nearly the last. Cores share a
-- memory bus of 200 GB/s and one disk for the log, whose writes are taken together; with the bus off only these and the number
-- of requests are left to stop them. Traffic is counted as if no core found anything in its caches (sim/host/traffic.h), which for
-- 10,000 concepts is far too much: it is the most that the bus can cost.
return {
  name = "cl31",
  factors = {
    { "bus", { "on", "off" } },
    { "cores", { 1, 2, 4, 8, 16, 32, 64, 128 } },
  },

  point = function(factor)
    return {
      cluster = { cores = factor.cores, memory_bandwidth = factor.bus == "on" and "200GB/s" or 0 },
      graph = { nodes = "10K" },
      engine = { training = 0, interval = 0 },
      load = { requests = "12K", facts = 1000, rate = "100M", ["repeat"] = "popularity", popularity = "uniform", audits = 0 },
    }
  end,

  tables = {
    {
      name = "cores",
      title = "Facts a second, and where cores wait",
      columns = { "throughput:mean", "cpu.busy:total", "memory.stalled:share", "memory.traffic:total", "latency.disk:mean",
                  "duration:total" },
    },
  },

  plots = {
    { name = "speedup", title = "Facts a second over cores", x = "cores", y = "throughput:mean", series = "bus", log = "xy" },
  },

  claims = {
    { id = "CL-31", metric = "throughput:mean", where = { cores = 128, bus = "on" }, over = { cores = 1, bus = "on" }, op = ">=",
      bound = 100, note = "with the memory bus" },
    { id = "CL-31-off", metric = "throughput:mean", where = { cores = 128, bus = "off" }, over = { cores = 1, bus = "off" },
      op = ">=", bound = 100, note = "as if memory had no limit" },
  },
}
