-- CL-33: what share of reads do the memory tiers serve, of a million nodes as popular as Zipf 0.99?
--
-- The default tiers (10,000 and a million entries before the store), after ten million reads; 100,000 recalls of one
-- key each. With the second tier cut to a tenth and a hundredth it shows what the claim rests on.
return {
  name = "cl33",
  factors = { { "l2", { "1M", "100K", "10K" } } },
  repetitions = 3,

  point = function(factor)
    return {
      graph = { source = "keys", nodes = "1M" },
      engine = { warm = "10M", tiers = { l2 = factor.l2 } },
      load = { requests = "100K", rate = 2000, recall = 1, popularity = "zipf", zipf = 0.99 },
      series = "1s",
    }
  end,

  tables = {
    {
      name = "hits",
      title = "Reads by the tier that served them",
      columns = { "tier.memory:share", "tier.l1:share", "tier.l2:share", "tier.l3:share", "latency:p50", "latency:p99" },
    },
  },

  claims = {
    { id = "CL-33", metric = "tier.memory:share", where = { l2 = "1M" }, op = ">", bound = 80, unit = "%" },
  },
}
