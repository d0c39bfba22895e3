-- CL-39, CL-40, CL-41: how long does a spread take whose activation has to cross a network?
--
-- 10,000 concepts of degree 10 in five communities, so that a third of the edges cross between the five parts of the graph,
-- of which each host owns one; 1 ms round trip, of which nothing is drawn. `exact` goes hop by hop, `async` lets everything run
-- and finds out when it is over; one host has the whole graph and crosses nothing. A spread is asked of any host, or (`owner`) of
-- the one that owns the concept it begins at, by a client that knows.
return {
  name = "cl39",
  factors = {
    { "spreading", { "one host", "exact", "async" } },
    { "hops", { 1, 3, 5 } },
    { "route", { "any", "owner" } },
  },
  repetitions = 2,

  point = function(factor)
    local alone = factor.spreading == "one host"
    return {
      cluster = { hosts = alone and 1 or 5, network = { latency = "500us", jitter = 0 } },
      graph = { source = "synthetic", nodes = "10K", degree = 10, communities = 5, inside = 0.7, parts = 5 },
      engine = { warm = "1M", spread = { across = alone and "none" or factor.spreading } },
      load = { requests = 60, rate = 50, spread = 1, spread_hops = factor.hops,
               route = alone and "any" or factor.route },
      series = "1s",
    }
  end,

  tables = {
    {
      name = "latency",
      title = "Spreading over five hosts, by hops",
      columns = { "latency:p50", "latency:p99", "spread.reached:mean", "spread.edges:mean", "network.messages:total",
                  "network.bytes:total", "partition.cut:share" },
    },
  },

  plots = {
    { name = "by_hops", title = "Spreading over five hosts", x = "hops", y = "latency:p50", series = "spreading",
      where = { route = "any" }, log = "y" },
  },

  claims = {
    { id = "CL-39", metric = "latency:p50", where = { spreading = "exact", hops = 1, route = "any" }, op = "<=",
      bound = 1.5, unit = "ms" },
    { id = "CL-39-owner", metric = "latency:p50", where = { spreading = "exact", hops = 1, route = "owner" }, op = "<=",
      bound = 1.5, unit = "ms" },
    { id = "CL-39-async", metric = "latency:p50", where = { spreading = "async", hops = 1, route = "any" }, op = "<=",
      bound = 1.5, unit = "ms" },
    { id = "CL-39-alone", metric = "latency:p50", where = { spreading = "one host", hops = 1, route = "any" }, op = "<=",
      bound = 0.5, unit = "ms" },
    { id = "CL-40", metric = "latency:p50", where = { spreading = "exact", hops = 3, route = "any" }, op = "<=",
      bound = 7, unit = "ms", aim = 4 },
    { id = "CL-40-owner", metric = "latency:p50", where = { spreading = "exact", hops = 3, route = "owner" }, op = "<=",
      bound = 7, unit = "ms", aim = 4 },
    { id = "CL-40-async", metric = "latency:p50", where = { spreading = "async", hops = 3, route = "any" }, op = "<=",
      bound = 7, unit = "ms", aim = 4 },
    { id = "CL-40-alone", metric = "latency:p50", where = { spreading = "one host", hops = 3, route = "any" }, op = "<=",
      bound = 1, unit = "ms" },
    { id = "CL-41", metric = "latency:p50", where = { spreading = "exact", hops = 5, route = "any" }, op = "<=",
      bound = 15, unit = "ms", aim = 6 },
    { id = "CL-41-owner", metric = "latency:p50", where = { spreading = "exact", hops = 5, route = "owner" }, op = "<=",
      bound = 15, unit = "ms", aim = 6 },
    { id = "CL-41-async", metric = "latency:p50", where = { spreading = "async", hops = 5, route = "any" }, op = "<=",
      bound = 15, unit = "ms", aim = 6 },
    { id = "CL-41-alone", metric = "latency:p50", where = { spreading = "one host", hops = 5, route = "any" }, op = "<=",
      bound = 2, unit = "ms" },
  },
}
