-- What does a host do that is offered twice what it can serve?
--
-- Allocations at a graph of 10,000 concepts, from half of what four cores serve to four times that, from 32 clients of which
-- one sends half of all; a tenth are urgent. With permits and a bounded queue, what finds no place is told so at once;
-- "no permits" shows what it would be without: everything is taken in, and waits.
return {
  name = "overload",
  factors = {
    { "load", { 0.5, 1.0, 2.0, 4.0 } },
    { "service", { "permits", "no permits" } },
  },
  repetitions = 3,

  point = function(factor)
    return {
      cluster = { hosts = 1, cores = 4 },
      graph = { nodes = "10K" },
      engine = { permits = factor.service == "permits" and 8 or "all", queue = 200 },
      load = { requests = 4000, facts = 1000, rate = 20400 * factor.load, ["repeat"] = "popularity",
               popularity = "uniform", clients = 32, greedy = 0.5, urgent = 0.1, audits = 0 },
      series = "20ms",
    }
  end,

  tables = {
    {
      name = "overload",
      title = "Goodput, the latency of what was accepted, and how soon the rest was told",
      columns = { "throughput:mean", "latency:p50", "latency:p99", "requests.shed:total", "latency.shed:p50",
                  "latency.shed:p99", "requests.unanswered:total", "invariant.violations:total" },
    },
  },

  plots = {
    { name = "goodput", title = "Answered requests over offered load", x = "load", y = "throughput:mean",
      series = "service" },
    { name = "p99", title = "p99 of what was accepted over offered load", x = "load", y = "latency:p99",
      series = "service", log = "y" },
  },

  claims = {
    { id = "B-4-goodput", metric = "throughput:mean", where = { load = 2.0, service = "permits" },
      over = { load = 1.0, service = "no permits" }, op = ">", bound = 0.9, unit = "x",
      note = "goodput at twice the load over capacity" },
    { id = "B-4-bound", metric = "latency:p99", where = { load = 2.0, service = "permits" }, op = "<", bound = 50,
      unit = "ms" },
    { id = "B-4-shed", metric = "latency.shed:p99", where = { load = 2.0, service = "permits" }, op = "<", bound = 1,
      unit = "ms", note = "the shed ones are told at once" },
    { id = "B-4-lost", metric = "requests.unanswered:total", where = { service = "permits" }, op = "=", bound = 0,
      note = "nothing accepted is lost: every request is answered, and acknowledged ones are durable (invariants)" },
    { id = "B-4-invariants", metric = "invariant.violations:total", where = { service = "permits" }, op = "=", bound = 0 },
  },
}
