-- CL-47: is a fact that was acknowledged at quorum ever lost?
--
-- Five hosts, three replicas of each partition, and for a minute and a half one fault after another that a majority bears: crashes in the
-- middle of a write, a host that comes back with an empty disk, partitions that cut off one host or two. A fact is lost if no host
-- has it on disk in the end.
local function faults()
  local all = {}
  local function add(at, fault)
    fault.at = string.format("%ds", at)
    all[#all + 1] = fault
  end
  for i = 0, 11 do
    local at, host = 2 + 8 * i, (2 * i + 1) % 5
    if i % 3 == 0 then
      add(at, { crash = host, torn = true, down = "3s" })
    elseif i % 3 == 1 then
      add(at, { disk_loss = host, down = "2s" })
    else
      add(at, { partition = i % 2 == 0 and { host } or { host, (host + 2) % 5 } })
      add(at + 4, { heal = true })
    end
  end
  return all
end

return {
  name = "cl47",
  factors = { { "acknowledge", { "quorum", "all" } } },
  repetitions = 2,

  point = function(factor)
    return {
      cluster = { hosts = 5, disk = { access = "5ms" } },
      graph = { nodes = "1K", held_out = 200 },
      engine = { replicas = 2, acknowledge = factor.acknowledge, failover = true },
      load = { requests = 2500, rate = 25, facts = 200, ["repeat"] = "popularity", deallocate = 0.1, audits = 0 },
      faults = faults(),
      series = "1s",
    }
  end,

  tables = {
    {
      name = "lost",
      title = "Acknowledged facts after tolerated faults",
      columns = { "facts.acknowledged:total", "facts.lost:total", "requests.answered:total", "requests.failed:total",
                  "epochs.won:total", "logs.catch_ups:total", "logs.recoveries:total", "disks.torn_tails:total",
                  "replicas.hashes:total", "latency:p99", "invariant.violations:total" },
    },
  },

  claims = {
    { id = "CL-47", metric = "facts.lost:total", where = { acknowledge = "quorum" }, op = "=", bound = 0 },
    { id = "CL-47-all", metric = "facts.lost:total", where = { acknowledge = "all" }, op = "=", bound = 0 },
    { id = "CL-47-rules", metric = "invariant.violations:total", op = "=", bound = 0 },
    { id = "CL-47-same", metric = "replicas.hashes:total", op = "=", bound = 1 },
  },
}
