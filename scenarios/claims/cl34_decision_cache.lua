-- CL-34: how many decisions come from the decision cache when facts repeat as Zipf 0.99, how much faster is a hit, and
-- is it still right?
--
-- 10,000 requests for a thousand facts, each restating a concept of a graph of 10,000. Every twentieth decision is also
-- made exhaustively on the state of that moment, cached or not.
return {
  name = "cl34",
  factors = { { "cache", { 0, 100, 1000 } } },
  repetitions = 3,

  point = function(factor)
    return {
      graph = { nodes = "10K" },
      engine = { cache = { entries = factor.cache } },
      load = { requests = "10K", facts = 1000, facts_from = "whole", rate = 1000, ["repeat"] = "popularity", zipf = 0.99,
               audits = 500 },
    }
  end,

  tables = {
    {
      name = "hits",
      title = "Decisions from the cache, what they took, and whether they agree with the exhaustive decision",
      columns = { "cache.hits:share", "latency.cached:p50", "latency.fresh:p50", "latency:p50", "latency:p99",
                  "agreement:share", "recalled:share" },
    },
  },

  claims = {
    { id = "CL-34", metric = "cache.hits:share", where = { cache = 1000 }, op = ">", bound = 70, unit = "%" },
    { id = "CL-34-faster", metric = "latency:p50", where = { cache = 1000 }, over = { cache = 0 }, op = "<", bound = 1,
      unit = "x", note = "a hit is faster than a fresh decision" },
  },
}
