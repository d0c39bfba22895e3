-- When does the forecast of a recall's latency fail?
--
-- Recalls of a thousand keys that memory holds keep one core busy for a third, two thirds and nine tenths of the time.
-- They wait for the core before the engine sees them, and a forecast, made when a recall begins, knows nothing of that.
-- A permit a core moves a part of the waiting into the engine, where it is known.
return {
  name = "forecast",
  factors = {
    { "busy", { 0.3, 0.6, 0.9 } },
    { "permits", { "one a core", "all" } },
  },
  repetitions = 3,

  point = function(factor)
    return {
      cluster = { hosts = 1, cores = 1 },
      graph = { source = "keys", nodes = "20K" },
      engine = {
        warm = "2M", batching = false, interval = 0, queue = 10000, tiers = { l1 = 1000, l2 = "20K" },
        permits = factor.permits == "all" and "all" or 1,
      },
      load = { requests = 4000, rate = 70000 * factor.busy, recall = 1, keys = 1000, zipf = 0.6 },
      series = "10ms",
    }
  end,

  tables = {
    {
      name = "errors",
      title = "Relative error of the forecasts",
      columns = { "forecast.error:p50", "forecast.error:p95", "forecast.within20:share", "latency:p50", "latency:p99" },
    },
  },
}
