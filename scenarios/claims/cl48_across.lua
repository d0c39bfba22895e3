-- CL-48: how much of a request's latency is owed to there being 16 hosts, at half load?
--
-- The mix of a service at 16 hosts of 16 cores, one copy beside each partition's primary, acknowledged at quorum; offered at
-- half of what the cores can serve. latency.across is the time on the wire and in retries, queues of the links among it.
return {
  name = "cl48",
  factors = { { "load", { 0.1, 0.5 } } },

  point = function(factor)
    return {
      cluster = { hosts = 16, cores = 4 },
      graph = { nodes = "10K" },
      engine = { replicas = 1, acknowledge = "quorum", failover = true, interval = 0, training = 200,
                 pools = { quota = "8MiB", shared = "32MiB" } },
      load = { requests = "10K", facts = 1000, rate = 817000 * factor.load, recall = 0.5, deallocate = 0.1, ["repeat"] = "popularity",
               popularity = "uniform", clients = 64, audits = 0 },
      series = "10ms",
    }
  end,

  tables = {
    {
      name = "across",
      title = "Wire and retries in a request's latency",
      columns = { "latency.across:p50", "latency.across:p99", "latency:p50", "latency:p99", "latency.queue:mean", "latency.disk:mean",
                  "throughput:mean", "cpu.busy:total", "duration:total", "requests.failed:total" },
    },
  },

  claims = {
    { id = "CL-48", metric = "latency.across:p99", where = { load = 0.5 }, op = "<", bound = 50, unit = "ms" },
  },
}
