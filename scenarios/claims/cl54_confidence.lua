-- CL-54: does a spread know how much of its activation is missing when one of five hosts is not there?
--
-- 10,000 concepts of degree 10, a part of the graph at each host. After four seconds one host is dead, or cut off from the others
-- (it then answers for itself, without all the others). Each partial answer is held against the same spread in the whole graph.
return {
  name = "cl54",
  factors = {
    { "missing", { "dead", "cut off" } },
    { "hops", { 1, 3, 5 } },
  },

  point = function(factor)
    local dead = factor.missing == "dead"
    return {
      cluster = { hosts = 5 },
      graph = { source = "synthetic", nodes = "10K", degree = 10, communities = 5, inside = 0.7, parts = 5 },
      engine = { spread = { across = "exact", fan_out = true, threshold = { l1 = 0.001, l2 = 0.001, l3 = 0.001 } } },
      load = { requests = 800, rate = 50, spread = 1, spread_hops = factor.hops },
      faults = { dead and { at = "4s", crash = 4 } or { at = "4s", partition = { 4 } } },
      series = "1s",
      stop = "60s",
    }
  end,

  tables = {
    {
      name = "confidence",
      title = "What partial answers say they have, and have",
      columns = { "spread.partial:total", "spread.coverage:mean", "spread.received:mean", "spread.coverage_error:mean",
                  "spread.coverage_error:p95", "spread.coverage_error:max", "latency:p50" },
    },
  },

  claims = {
    { id = "CL-54", metric = "spread.coverage_error:mean", where = { missing = "dead" }, op = "<", bound = 5, unit = "%" },
    { id = "CL-54-p95", metric = "spread.coverage_error:p95", where = { missing = "dead" }, op = "<", bound = 5, unit = "%" },
    { id = "CL-54-alone", metric = "spread.coverage_error:mean", where = { missing = "cut off" }, op = "<", bound = 5,
      unit = "%", note = "with the answers of the host that is alone" },
  },
}
