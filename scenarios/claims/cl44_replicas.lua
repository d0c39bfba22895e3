-- CL-44: are the graphs of three replicas the same after the same log, whatever happened on the way?
--
-- Three hosts that all keep everything, facts allocated, removed and asked for. `none`: nothing happens; `faults`: each host in turn
-- crashes in the middle of a write or loses its disk, and one is cut off. replicas.hashes is how many different states the keepers
-- of a partition end in, at most, each a hash of graph, lexicon, index, slots and what was learned.
return {
  name = "cl44",
  factors = {
    { "acknowledge", { "primary", "quorum", "all" } },
    { "faults", { "none", "faults" } },
  },
  repetitions = 2,

  point = function(factor)
    local faults = {
      { at = "2s", crash = 0, torn = true, down = "3s" },
      { at = "8s", partition = { 1 } },
      { at = "12s", heal = true },
      { at = "16s", disk_loss = 2, down = "3s" },
      { at = "24s", crash = 1, torn = true, down = "3s" },
    }
    return {
      cluster = { hosts = 3 },
      graph = { nodes = "1K", held_out = 200 },
      engine = { replicas = 2, acknowledge = factor.acknowledge, failover = true },
      load = { requests = 1000, rate = 30, facts = 200, ["repeat"] = "popularity", deallocate = 0.2, get = 0.1, labels = 50 },
      faults = factor.faults == "faults" and faults or {},
      series = "1s",
    }
  end,

  tables = {
    {
      name = "replicas",
      title = "States that replicas end in",
      columns = { "replicas.hashes:total", "requests.answered:total", "epochs.won:total", "logs.catch_ups:total",
                  "logs.dropped:total", "logs.united:total", "facts.lost:total", "invariant.violations:total" },
    },
  },

  claims = {
    { id = "CL-44", metric = "replicas.hashes:total", op = "=", bound = 1 },
  },
}
