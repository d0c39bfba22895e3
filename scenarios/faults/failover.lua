-- How long is a partition without a primary when its host dies, and what sets that time?
--
-- Five hosts, quorum; host 1 dies at 5 s and stays away. The election timeout goes from 100 ms to 3 s, with heartbeats at a
-- fifth of it. failover.gap is from the death to the first fact that another host acknowledges: silence of one to two timeouts,
-- the votes, and the next try of a client.
local millis = { 100, 300, 1000, 3000 }

return {
  name = "failover",
  factors = {
    { "election", millis },
    { "latency", { "50us", "5ms" } },
  },
  repetitions = 2,

  point = function(factor)
    return {
      cluster = { hosts = 5, network = { latency = factor.latency } },
      graph = { nodes = "1K", held_out = 200 },
      engine = {
        replicas = 2, acknowledge = "quorum", failover = true, tries = 200, timeout = "40ms", replicate_retry = "40ms",
        election = string.format("%dms", factor.election), heartbeat = string.format("%dms", factor.election // 5),
      },
      load = { requests = 1500, rate = 100, facts = 200, ["repeat"] = "popularity", audits = 0 },
      faults = { { at = "5s", crash = 1 } },
      series = "100ms",
    }
  end,

  tables = {
    {
      name = "gap",
      title = "Until another host acknowledges",
      columns = { "failover.gap:mean", "failover.gap:max", "requests.longest:max", "latency:p50", "latency:p99.9",
                  "epochs.won:total", "epochs.elections:total", "requests.failed:total", "facts.lost:total" },
    },
  },

  plots = {
    { name = "by_election", title = "Fail-over", x = "election", y = "failover.gap:max", series = "latency", log = "xy" },
  },

  claims = {
    { id = "F-5-gap", metric = "failover.gap:max", where = { election = 1000 }, op = "<", bound = 2.5, unit = "s",
      note = "two election timeouts, votes, and a client's next try" },
    { id = "F-5-lost", metric = "facts.lost:total", op = "=", bound = 0 },
  },
}
