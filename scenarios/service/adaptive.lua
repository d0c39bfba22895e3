-- Does the engine follow a load that shifts twice, and does it then do as well as the best fixed setting?
--
-- Recalls of 10,000 keys, a fifth of which the tiers in memory hold. First clients follow chains of keys in three of
-- five steps, and the store is busy for most of the time: what is fetched ahead in vain keeps it from others. Then the
-- load falls to a quarter and clients keep to their chains: fetching ahead takes the store's time off their recalls.
-- Then the load is as in the beginning, on other keys. Each phase lasts ten seconds; what is compared is its second
-- half, so settings have five seconds to follow. "hasty" shows adaptation failing: its phases are over before rules
-- that hold for three intervals can follow.
local fixed = { -- how far ahead is fetched, and the size of the first tier
  ["ahead 0"] = { 0, 500 }, ["ahead 0, large"] = { 0, "2K" }, ["ahead 1, large"] = { 1, "2K" },
  ["ahead 2"] = { 2, 500 }, ["ahead 2, large"] = { 2, "2K" }, ["ahead 4, large"] = { 4, "2K" },
}
local names = { "ahead 0", "ahead 0, large", "ahead 1, large", "ahead 2", "ahead 2, large", "ahead 4, large" }

local settings = { "adaptive" }
local claims = {}
for i = 1, #names do
  settings[i + 1] = names[i]
  for phase = 1, 3 do
    claims[#claims + 1] = {
      id = "D-8-phase" .. phase .. "-fixed" .. i, metric = "latency.phase" .. phase .. ":p99",
      where = { phases = "long", setting = "adaptive" }, over = { phases = "long", setting = names[i] },
      op = "<=", bound = 1.1, unit = "x",
    }
  end
end

return {
  name = "adaptive",
  factors = {
    { "phases", { "long", "hasty" } },
    { "setting", settings },
  },
  repetitions = 3,

  point = function(factor)
    local adaptive = factor.setting == "adaptive"
    local set = adaptive and { 0, 500 } or fixed[factor.setting]
    local long = factor.phases == "long"
    return {
      graph = { source = "keys", nodes = "10K" },
      engine = {
        warm = "500K", interval = "100ms", adapt = adaptive, successors = "20K",
        prefetch = set[1],
        tiers = { l1 = set[2], l2 = "2K" },
      },
      load = { requests = long and "320K" or "64K", rate = "14K", recall = 1, zipf = 0.9, clients = 64, chain = 0.6 },
      phases = {
        { at = long and "10s" or "2s", rate = 4000, chain = 0.98 },
        { at = long and "20s" or "2400ms", rate = "14K", chain = 0.6, rotate = 0.5 },
      },
      series = long and "500ms" or "100ms",
    }
  end,

  tables = {
    {
      name = "latency",
      title = "Recall latency in the second half of each phase, and what became of what was fetched ahead",
      columns = { "latency.phase1:p99", "latency.phase2:p99", "latency.phase3:p99", "latency.phase1:p50",
                  "latency.phase2:p50", "latency.phase3:p50", "settings.changes:total", "prefetch.issued:total",
                  "prefetch.useful:total", "prefetch.useless:total", "prefetch.late:total" },
    },
  },

  plots = {
    { name = "depth", title = "How far ahead is fetched, as the load shifts", kind = "timeline", y = "setting.prefetch:last",
      where = { phases = "long", setting = "adaptive" } },
    { name = "p99", title = "p99 as the load shifts", kind = "timeline", y = "latency:p99",
      where = { phases = "long", setting = "adaptive" } },
  },

  claims = claims,
}
