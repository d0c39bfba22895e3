-- Do all compilers and build types give the same bytes? A small sweep that takes every path of the engine:
-- both indexes, one host and several, replication, loss, a partition, a change of latency and a hook.
return {
  name = "matrix",
  factors = {
    { "index", { "flat", "hnsw" } },
    { "hosts", { 1, 3 } },
  },
  repetitions = 1,

  point = function(factor)
    local faults
    if factor.hosts > 1 then
      faults = {
        { at = "50ms", action = "partition", hosts = { 1 } },
        { at = "90ms", action = "heal" },
        { at = "100ms", action = "latency", value = "200us" },
      }
    end
    return {
      cluster = { hosts = factor.hosts, cores = 2,
                  network = { loss = factor.hosts > 1 and 0.02 or 0, jitter = "20us" } },
      graph = { nodes = "2K", held_out = 200 },
      engine = { index = factor.index, acknowledge = "all", tiers = { l1 = 100, l2 = 1000 } },
      load = { rate = 1000, facts = 150, audits = 20 },
      faults = faults,
      hooks = {
        { at = "120ms", run = function(control, live)
          control.note(string.format("%d answered", live["requests.answered"]))
        end },
      },
    }
  end,

  tables = {
    { name = "all", title = "Everything that must not change",
      columns = { "latency:p99", "hypernym.first:share", "agreement:share", "events:total" } },
  },
}
