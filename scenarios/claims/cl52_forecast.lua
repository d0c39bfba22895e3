-- CL-52: how far off is the forecast of a recall's latency, on a load that it was not fitted to?
--
-- The forecast learns online. For the first half recalls are of up to 15 keys, Zipf 0.99; then the load is another one:
-- up to 127 keys and two hops, Zipf 0.7 over moved ranks, at another rate. Errors are of the second half, from its first
-- request on; "none" goes on as it began. Where a forecast fails is shown by scenarios/service/forecast.lua.
return {
  name = "cl52",
  factors = { { "shift", { "none", "load" } }, { "l2", { "30K", "100K" } } },
  repetitions = 3,

  point = function(factor)
    local phases = { { at = "10s", rate = 400 } }
    if factor.shift == "load" then
      phases = { { at = "10s", keys = 64, hops = 2, zipf = 0.7, rotate = 0.5, rate = 100 } }
    end
    return {
      graph = { source = "keys", nodes = "100K" },
      engine = { warm = "1M", tiers = { l1 = 1000, l2 = factor.l2 }, batching = false },
      load = { requests = 6000, rate = 400, recall = 1, keys = 8, keys_spread = "uniform", popularity = "zipf",
               zipf = 0.99 },
      phases = phases,
      series = "1s",
    }
  end,

  tables = {
    {
      name = "errors",
      title = "Relative error of the forecasts",
      columns = { "forecast.error.phase2:p50", "forecast.error.phase2:p95", "forecast.within20.phase2:share",
                  "latency:p50", "latency:p99" },
    },
  },

  claims = {
    { id = "CL-52", metric = "forecast.error.phase2:p95", where = { shift = "load", l2 = "100K" }, op = "<", bound = 20,
      unit = "%" },
    { id = "CL-52-store", metric = "forecast.error.phase2:p95", where = { shift = "load", l2 = "30K" }, op = "<",
      bound = 20, unit = "%", note = "where the store serves a part" },
  },
}
