-- CL-36: how many batch allocations does one host of 16 cores take?
--
-- Batches of eight facts, and the same facts one by one, offered faster than the host can serve; what finds no place in
-- the queue is shed.
return {
  name = "cl36",
  factors = { { "kind", { "batches", "single" } } },
  repetitions = 3,

  point = function(factor)
    local batches = factor.kind == "batches"
    return {
      graph = { nodes = "10K" },
      engine = { permits = 32, queue = 256 },
      load = {
        requests = batches and 3000 or "24K", facts = 1000, rate = batches and "20K" or "160K",
        batch = batches and 1 or 0, batch_size = 8, ["repeat"] = "popularity", popularity = "uniform", audits = 0,
      },
      series = "10ms",
    }
  end,

  tables = {
    {
      name = "throughput",
      title = "Requests and facts a second at full load",
      columns = { "throughput:mean", "operations.throughput:mean", "latency:p50", "latency:p99", "requests.shed:total" },
    },
  },

  claims = {
    { id = "CL-36", metric = "throughput:mean", where = { kind = "batches" }, op = ">=", bound = 100, unit = "1/s",
      aim = 10000 },
  },
}
