-- What does each mode of acknowledgement cost, and what does it promise?
--
-- Five hosts, three replicas, 500 us one way. `calm`: nothing happens. `split`: two hosts of five are cut off for ten seconds. `disks`:
-- every few seconds another host is cut off, 300 ms later loses its disk, and comes back empty after a second. A fact is lost when no host has it on
-- disk in the end; the window is from its acknowledgement to the loss of the disk that alone had it.
local function disks()
  local all = {}
  for i = 0, 4 do
    local at, host = 2000 + 3500 * i, (2 * i) % 5
    all[#all + 1] = { at = string.format("%dms", at), partition = { host } }
    all[#all + 1] = { at = string.format("%dms", at + 300), disk_loss = host, down = "1s" }
    all[#all + 1] = { at = string.format("%dms", at + 301), heal = true }
  end
  return all
end

return {
  name = "acknowledge",
  factors = {
    { "faults", { "calm", "split", "disks" } },
    { "acknowledge", { "primary", "quorum", "all" } },
  },
  repetitions = 2,

  point = function(factor)
    local split = { { at = "5s", partition = { 0, 1 } }, { at = "15s", heal = true } }
    return {
      cluster = { hosts = 5, network = { latency = "500us" } },
      graph = { nodes = "1K", held_out = 200 },
      engine = { replicas = 2, acknowledge = factor.acknowledge, failover = true },
      load = { requests = 2000, rate = 100, facts = 200, ["repeat"] = "popularity", audits = 0 },
      faults = factor.faults == "calm" and {} or factor.faults == "disks" and disks() or split,
      series = "500ms",
    }
  end,

  tables = {
    {
      name = "modes",
      title = "Modes of acknowledgement",
      columns = { "latency:p50", "latency:p99", "requests.answered:total", "requests.failed:total", "requests.during:share",
                  "facts.acknowledged:total", "facts.lost:total", "facts.lost_window:max", "logs.united:total",
                  "logs.dropped:total", "invariant.violations:total" },
    },
  },

  claims = {
    { id = "CL-47-disks", metric = "facts.lost:total", where = { faults = "disks", acknowledge = "quorum" }, op = "=",
      bound = 0 },
    { id = "CL-47-split", metric = "facts.lost:total", where = { faults = "split" }, op = "=", bound = 0 },
  },
}
