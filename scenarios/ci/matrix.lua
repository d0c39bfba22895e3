-- Do all compilers and build types give the same bytes? A small sweep over the paths of the engine and the cluster:
-- both indexes, both ways through the cascade, audits, labelled facts, one host and several with replication; loss,
-- duplicates, reordering, partitions of both kinds, changes of latency and loss, and hooks of both kinds.
return {
  name = "matrix",
  factors = {
    { "index", { "flat", "hnsw" } },
    { "strategy", { "direct", "hierarchical" } },
    { "hosts", { 1, 3 } },
  },
  repetitions = 1,

  point = function(factor)
    local network, faults
    if factor.hosts > 1 then
      network = { jitter = "20us", loss = 0.02, duplicate = 0.02, reorder = 0.05 }
      faults = {
        { at = "200ms", action = "partition", hosts = { 1 } },
        { at = "300ms", action = "heal" },
        { at = "350ms", action = "latency", value = "200us" },
        { at = "400ms", action = "partition", hosts = { 0, 2 }, one_way = true },
        { at = "500ms", action = "heal" },
        { at = "600ms", action = "loss", value = 0.1 },
      }
    end
    -- A direct decision reads every concept: from the disk each time, if they do not fit above it.
    local l2 = factor.strategy == "direct" and "3K" or "1K"
    return {
      cluster = { hosts = factor.hosts, cores = 16, network = network },
      graph = { nodes = "2K", held_out = 200 },
      engine = { index = factor.index, strategy = factor.strategy, acknowledge = "all",
                 tiers = { l1 = 100, l2 = l2 } },
      load = { rate = 100, facts = 80, audits = 20, labels = 40 },
      faults = faults,
      hooks = {
        { at = "550ms", run = function(control, live)
          control.note(string.format("%d answered", live["requests.answered"]))
        end },
        { when = function(live) return live["requests.answered"] >= 10 end, every = "5ms",
          run = function(control) control.jitter("40us") end },
      },
    }
  end,

  tables = {
    { name = "all", title = "Everything that must not change",
      columns = { "latency:p99", "hypernym.first:share", "agreement:share", "events:total" } },
  },
}
