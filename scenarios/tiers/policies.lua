-- How many reads does a memory tier serve, under each replacement policy, as it grows?
--
-- 100,000 keys are recalled one at a time, as popular as Zipf's law has it; each point is one tier of so many
-- entries before the store. All policies of a point see the same reads; belady knows them in advance and is the
-- bound.
return {
  name = "policies",
  factors = {
    { "capacity", { 300, 1000, 3000, "10K", "30K" } },
    { "zipf", { 0.6, 0.8, 0.99, 1.2 } },
    { "policy", { "lru", "lfu", "arc", "tinylfu", "s3fifo", "belady" } },
  },

  point = function(factor)
    return {
      graph = { source = "keys", nodes = "100K" },
      engine = {
        forecast = false,
        interval = 0,
        tiers = { levels = 2, l1 = factor.capacity, policy = { l1 = factor.policy } },
      },
      load = { requests = "300K", rate = "10K", recall = 1, popularity = "zipf", zipf = factor.zipf },
      cluster = { disk = { access = "1us" } },
      series = "10s",
    }
  end,

  tables = {
    {
      name = "hits",
      title = "Reads that the tier served, and what they took",
      columns = { "tier.l1:share", "latency:mean", "latency:p99" },
    },
  },

  plots = {
    { name = "zipf099", title = "Reads served by a tier over its size, Zipf 0.99", x = "capacity", y = "tier.l1:share",
      series = "policy", log = "x", where = { zipf = 0.99 } },
    { name = "zipf060", title = "Reads served by a tier over its size, Zipf 0.6", x = "capacity", y = "tier.l1:share",
      series = "policy", log = "x", where = { zipf = 0.6 } },
    { name = "zipf120", title = "Reads served by a tier over its size, Zipf 1.2", x = "capacity", y = "tier.l1:share",
      series = "policy", log = "x", where = { zipf = 1.2 } },
  },
}
