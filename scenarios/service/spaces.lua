-- Does a noisy tenant that fills its quota disturb another tenant's answers and latency?
--
-- Two memory spaces on two hosts of two cores each, at a graph of 1,000 concepts. The quiet one (space1) allocates
-- 500 facts at 1,000 a second and meets the same requests in every point. The noisy one (space2) sends so many
-- times as many, fills its half of the pools, and at 16 nearly all cores. Permits share a busy host fairly between
-- clients; "all" shows what it is without them.
return {
  name = "spaces",
  factors = {
    { "noise", { 0, 4, 16 } },
    { "permits", { 3, "all" } },
  },
  repetitions = 2,

  point = function(factor)
    local all = 1 + factor.noise
    return {
      cluster = { hosts = 2, cores = 2 },
      graph = { nodes = "1K" },
      engine = {
        spaces = 2,
        permits = factor.permits,
        queue = 500,
        pools = { quota = "64KiB", shared = "160KiB" },
      },
      load = {
        rate = 1000 * all,
        requests = 500 * all,
        facts = 1000,
        spaces = "1:" .. factor.noise,
        ["repeat"] = "popularity",
        popularity = "uniform",
        audits = 0,
      },
    }
  end,

  tables = {
    {
      name = "quiet",
      title = "The quiet tenant: answers and latency",
      columns = { "requests.space1:total", "requests.full.space1:total", "requests.shed.space1:total",
                  "hypernym.first.space1:share", "latency.space1:p50", "latency.space1:p99", "pool.slots.space1:total" },
    },
    {
      name = "noisy",
      title = "The noisy tenant, and the machine",
      columns = { "requests.space2:total", "requests.full.space2:total", "requests.shed.space2:total",
                  "latency.space2:p99", "pool.slots.space2:total", "pool.utilisation.space2:share",
                  "invariant.violations:total" },
    },
  },

  plots = {
    { name = "latency", title = "The quiet tenant's p99 over its neighbour's noise", x = "noise",
      y = "latency.space1:p99", series = "permits", log = "y" },
  },

  claims = {
    { id = "B-7-noise", metric = "requests.full.space2:total", where = { noise = 16, permits = "all" }, op = ">",
      bound = 500, note = "the noisy tenant has filled its quota" },
    { id = "B-7-full", metric = "requests.full.space1:total", op = "=", bound = 0,
      note = "and the quiet one is never refused for that" },
    { id = "B-7-shed", metric = "requests.shed.space1:total", op = "=", bound = 0 },
    { id = "B-7-answers", metric = "hypernym.first.space1:share", where = { noise = 16 }, over = { noise = 0 },
      op = ">=", bound = 0.99, unit = "x", note = "the quiet tenant's decisions, with the noise over without" },
    { id = "B-7-latency", metric = "latency.space1:p99", where = { noise = 4 }, over = { noise = 0 }, op = "<=",
      bound = 2, unit = "x", note = "the machine is shared: its latency grows with the noise" },
    { id = "B-7-fair", metric = "latency.space1:p99", where = { noise = 16, permits = 3 }, over = { permits = "all" },
      op = "<=", bound = 0.5, unit = "x", note = "and permits, which clients share fairly, keep most of that away" },
    { id = "B-7-invariants", metric = "invariant.violations:total", op = "=", bound = 0 },
  },
}
