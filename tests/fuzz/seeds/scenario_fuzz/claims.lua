return { name = "c", factors = { { "nodes", { "1K", "10K" } }, { "hosts", { 1, 4 } } },
  point = function(f) return { graph = { nodes = f.nodes }, cluster = { hosts = f.hosts } } end,
  claims = {
    { id = "CL-01", metric = "latency:p99", where = { nodes = "1K" }, op = "<", bound = 0.1, unit = "ms", aim = 0.05 },
    { id = "CL-37", metric = "throughput:mean", where = { hosts = 4 }, over = { hosts = 1 }, op = ">=", bound = 2,
      note = "a ratio" } } }
