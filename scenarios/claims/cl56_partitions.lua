-- CL-56: how many times as long does a spread take that goes over parts of the graph at several hosts, 1 ms apart?
--
-- Three hops in 10,000 concepts of degree 10, five hosts. `crossing`: a third of the edges lead to another part; `inside`: none
-- does, so that only the request itself may have to travel to the part that it is about; with `owner` it is asked there.
return {
  name = "cl56",
  factors = {
    { "spreading", { "one host", "exact", "async" } },
    { "edges", { "crossing", "inside" } },
    { "route", { "any", "owner" } },
  },
  repetitions = 2,

  point = function(factor)
    local alone = factor.spreading == "one host"
    return {
      cluster = { hosts = alone and 1 or 5, network = { latency = "500us", jitter = 0 } },
      graph = { source = "synthetic", nodes = "10K", degree = 10, communities = 5, parts = 5,
                inside = factor.edges == "inside" and 1 or 0.7 },
      engine = { warm = "1M", spread = { across = alone and "none" or factor.spreading } },
      load = { requests = 200, rate = 50, spread = 1, spread_hops = 3, route = alone and "any" or factor.route },
      series = "1s",
    }
  end,

  tables = {
    {
      name = "latency",
      title = "Three hops over parts and on one host",
      columns = { "latency:p50", "latency:p99", "latency.wire:mean", "latency.compute:mean", "spread.edges:mean",
                  "partition.cut:share" },
    },
  },

  claims = {
    { id = "CL-56", metric = "latency:p50", where = { spreading = "exact", edges = "crossing", route = "any" },
      over = { spreading = "one host", edges = "crossing", route = "any" }, op = "<", bound = 10, aim = 5 },
    { id = "CL-56-owner", metric = "latency:p50", where = { spreading = "exact", edges = "crossing", route = "owner" },
      over = { spreading = "one host", edges = "crossing", route = "owner" }, op = "<", bound = 10, aim = 5 },
    { id = "CL-56-async", metric = "latency:p50", where = { spreading = "async", edges = "crossing", route = "any" },
      over = { spreading = "one host", edges = "crossing", route = "any" }, op = "<", bound = 10, aim = 5 },
    { id = "CL-56-inside", metric = "latency:p50", where = { spreading = "async", edges = "inside", route = "any" },
      over = { spreading = "one host", edges = "inside", route = "any" }, op = "<", bound = 3 },
    { id = "CL-56-inside-owner", metric = "latency:p50", where = { spreading = "async", edges = "inside", route = "owner" },
      over = { spreading = "one host", edges = "inside", route = "owner" }, op = "<", bound = 3 },
  },
}
