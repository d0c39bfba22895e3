-- CL-60: when two of five hosts are cut off, is every request answered or refused, in bounded time?
--
-- A mix of everything that clients can ask, from 1 s to 12 s with hosts 0 and 1 on the other side. What the side of a client cannot do
-- is told after engine.tries tries at the latest; nothing waits for the heal.
return {
  name = "cl60",
  factors = { { "acknowledge", { "primary", "quorum", "all" } } },
  repetitions = 3,

  point = function(factor)
    return {
      cluster = { hosts = 5 },
      graph = { nodes = "1K", held_out = 200 },
      engine = { replicas = 2, acknowledge = factor.acknowledge, failover = true, tries = 20,
                 spread = { across = "exact", timeout = "1s" } },
      load = { requests = 1500, rate = 100, facts = 200, ["repeat"] = "popularity", recall = 0.2, get = 0.2, deallocate = 0.1,
               spread = 0.05, batch = 0.05, audits = 0 },
      faults = { { at = "1s", partition = { 0, 1 } }, { at = "12s", heal = true } },
      series = "500ms",
    }
  end,

  tables = {
    {
      name = "requests",
      title = "Requests while two of five hosts are cut off",
      columns = { "requests.concluded:share", "requests.longest:max", "requests.answered:total", "requests.failed:total",
                  "requests.timeout:total", "requests.unreachable:total", "requests.partition:total", "requests.not_found:total",
                  "requests.partial:total",
                  "latency.during:p50", "latency.during:p99" },
    },
  },

  claims = {
    { id = "CL-60", metric = "requests.concluded:share", op = "=", bound = 100, unit = "%" },
    { id = "CL-60-bound", metric = "requests.longest:max", op = "<", bound = 3, unit = "s",
      note = "20 tries of 20 ms and up to 80 ms more" },
  },
}
