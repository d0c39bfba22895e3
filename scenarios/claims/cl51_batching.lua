-- CL-51: how soon does the adaptive batch size settle, from one core to 128, and is it the right one?
--
-- Recalls of 4,096 keys that the second tier holds, cut into batches that run on all cores: too small, and dispatch
-- costs more than reading; too large, and cores stand idle. The controllers' choice beside fixed sizes: 1 is where a
-- controller that collapses would stick, 4096 where one that never moves on would.
return {
  name = "cl51",
  factors = {
    { "cores", { 1, 2, 8, 32, 128 } },
    { "batch", { "adaptive", 1, 64, 512, 4096 } },
  },

  point = function(factor)
    local adaptive = factor.batch == "adaptive"
    return {
      cluster = { hosts = 1, cores = factor.cores },
      graph = { source = "keys", nodes = "100K" },
      engine = { warm = "300K", tiers = { l1 = 1 }, batch = adaptive and 0 or factor.batch },
      load = { requests = adaptive and 3000 or 500, rate = 100, recall = 1, keys = 4096, popularity = "uniform" },
      series = "1s",
    }
  end,

  tables = {
    {
      name = "batches",
      title = "Size of a batch at the end, changes of it, and latency",
      columns = { "batch.l2:last", "batch.changes:max", "batch.late_steps:max", "latency.late:p50", "latency:p99" },
    },
  },

  claims = {
    { id = "CL-51-1", metric = "batch.changes:max", where = { batch = "adaptive", cores = 1 }, op = "<=", bound = 3 },
    { id = "CL-51-2", metric = "batch.changes:max", where = { batch = "adaptive", cores = 2 }, op = "<=", bound = 3 },
    { id = "CL-51-8", metric = "batch.changes:max", where = { batch = "adaptive", cores = 8 }, op = "<=", bound = 3 },
    { id = "CL-51-32", metric = "batch.changes:max", where = { batch = "adaptive", cores = 32 }, op = "<=", bound = 3 },
    { id = "CL-51-128", metric = "batch.changes:max", where = { batch = "adaptive", cores = 128 }, op = "<=", bound = 3 },
  },
}
