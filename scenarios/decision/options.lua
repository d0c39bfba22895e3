-- What do the engine's options cost together? (CL-32: less than twice the core engine with the same columns.)
--
-- The core decides with all four columns and stores on one host: what it reads lies in one memory tier, and no fact is
-- labelled. With all options on it reads through tiers of 1,000 and a million entries and learns from every fact
-- online; with a replica, half of the facts are forwarded to the other of two hosts, and each keeps the other's copy.
local core = { tiers = { l1 = "1G", l2 = "1G" }, replicas = 0 }

local function engine_of(choice)
  if choice == "core" then
    return core
  elseif choice == "tiers" then
    return { tiers = { l1 = "1K", l2 = "1M" }, replicas = 0 }
  elseif choice == "learning" then
    return core
  elseif choice == "all on one host" then
    return { tiers = { l1 = "1K", l2 = "1M" }, replicas = 0 }
  end
  return { tiers = { l1 = "1K", l2 = "1M" }, replicas = 1 }
end

return {
  name = "options",
  factors = {
    { "nodes", { "1K", "10K" } },
    { "options", { "core", "tiers", "learning", "all on one host", "all with a replica" } },
  },
  repetitions = 3,

  point = function(factor)
    local learns = factor.options ~= "core" and factor.options ~= "tiers"
    return {
      cluster = { hosts = factor.options == "all with a replica" and 2 or 1 },
      graph = { nodes = factor.nodes, held_out = 1000 },
      engine = engine_of(factor.options),
      load = { rate = 1000, facts = 1000, audits = 0, labels = learns and 1000 or 0 },
    }
  end,

  tables = {
    {
      name = "latency",
      title = "Allocation latency, from intended start to answer",
      columns = { "latency:p50", "latency:p99", "latency.compute:mean", "latency.tier:mean", "latency.disk:mean",
                  "latency.wire:mean", "hypernym.first:share" },
    },
  },
}
