-- CL-50: how often do a processor's caches lack the fields of a concept that spreading needs?
--
-- Modelled caches (32 KiB, 1 MiB, 32 MiB) under spreads of three hops over 10,000 concepts of degree 10. "split" is the
-- layout that there is: the hot fields of a concept in one line of 64 bytes, the rest apart. "whole" is what they would
-- cost inside records of 256 bytes: the same lines, four times as far apart.
return {
  name = "cl50",
  factors = { { "layout", { "split", "whole" } }, { "l2", { "256KiB", "1MiB", "2MiB" } } },
  repetitions = 3,

  point = function(factor)
    return {
      graph = { source = "synthetic", nodes = "10K", degree = 10 },
      engine = {
        spread = { fan_out = true },
        cpu = { modelled = true, layout = factor.layout, l2 = factor.l2 },
      },
      load = { requests = "10K", rate = "2K", spread = 1, spread_hops = 3 },
      series = "1s",
    }
  end,

  tables = {
    {
      name = "misses",
      title = "Lines of concepts that a cache lacked, of all that were touched",
      columns = { "cpu.hot.l1.misses:share", "cpu.hot.l2.misses:share", "cpu.hot.l2.local_misses:share",
                  "cpu.hot.llc.misses:share", "cpu.all.l2.misses:share", "cpu.hot.accesses:total" },
    },
  },

  claims = {
    { id = "CL-50", metric = "cpu.hot.l2.misses:share", where = { layout = "split", l2 = "1MiB" }, op = "<", bound = 5,
      unit = "%" },
  },
}
