-- CL-35: how full are the memory pools after long churn?
--
-- Of 100 requests 45 deallocate what others allocated, so a tenth of all that came is there at the end, in slots of its
-- own; of the decisions only the outcome matters here, so the index is small. The same pools under a million operations of three mixes of sizes are in tests/property/pool_churn_test.c.
return {
  name = "cl35",
  factors = { { "requests", { "10K", "100K", "1M" } } },

  point = function(factor)
    return {
      graph = { nodes = "1K" },
      engine = { training = 0, dims = 32, m = 4, ef_construction = 8, cache = { entries = 10000 } }, -- what is small is fast
      load = { requests = factor.requests, facts = 1000, facts_from = "whole", rate = 4000, deallocate = 0.45,
               ["repeat"] = "popularity", audits = 0 },
      series = "1s",
    }
  end,

  tables = {
    {
      name = "pools",
      title = "Slots at the end: bytes asked for over bytes held; held and not asked for, inside slots and between",
      columns = { "operations.allocate:total", "operations.deallocate:total", "pool.slots:total",
                  "pool.utilisation:share", "pool.internal:share", "pool.external:share", "pool.redirected:total" },
    },
  },

  claims = {
    { id = "CL-35", metric = "pool.utilisation:share", where = { requests = "1M" }, op = ">", bound = 85, unit = "%" },
  },
}
