return { name = "v", factors = { { "nodes", { "1K", "10K" } }, { "hosts", { 1, 4 } } },
  point = function(f) return { graph = { nodes = f.nodes }, cluster = { hosts = f.hosts },
    hooks = { { when = function(live) return live["latency.p99"] > 0.05 end, every = "1ms", times = 3,
      run = function(control) control.partition { 0, one_way = true } end } } } end,
  plots = { { name = "p", x = "nodes", y = "latency:p99", series = "hosts", log = "xy" },
    { name = "q", kind = "timeline", y = "latency:p99", where = { hosts = 4 } } } }
