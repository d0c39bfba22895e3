-- How does a cluster of 4 to 1,024 hosts answer when its network is cut in two, slow and lossy?
--
-- A small graph on every host and a light load, so that it is the network that is at work: at 50 ms one host is cut off, at
-- 100 ms it is healed, and from 150 to 200 ms a hundredth of the messages is lost while latency is drawn. The answers are
-- counted; how many messages of such a cluster a wall second simulates is for `cortigrid-bench fabric` to say.
return {
  name = "hosts",
  factors = {
    { "hosts", { 4, 16, 64, 256, 1024 } },
  },
  repetitions = 1,

  point = function(factor)
    return {
      cluster = { hosts = factor.hosts, cores = 1 },
      graph = { nodes = 64, held_out = 32 },
      engine = { index = "flat", training = 0 },
      load = { rate = "2K", requests = 500, facts = 32, ["repeat"] = "popularity", audits = 0 },
      series = "10ms",
      stop = "10s",
      faults = {
        { at = "50ms", partition = { factor.hosts - 1 }, name = "one" },
        { at = "100ms", heal = "one" },
        { at = "150ms", latency = "lognormal 100us 0.5" },
        { at = "150ms", loss = "1%" },
        { at = "200ms", latency = "50us" },
        { at = "200ms", loss = 0 },
      },
    }
  end,

  tables = {
    {
      name = "hosts",
      title = "Answers and messages over the number of hosts",
      columns = { "requests.answered:total", "requests.unanswered:total", "latency:p50", "latency:p99",
                  "network.messages:total", "invariant.violations:total" },
    },
  },

  plots = {
    { name = "p99", title = "p99 over hosts", x = "hosts", y = "latency:p99", log = "x" },
  },
}
