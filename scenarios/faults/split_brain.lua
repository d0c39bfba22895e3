-- What do both sides of a split cluster do, and what is left of it when they meet again?
--
-- Five hosts, three replicas; from 5 s to 15 s hosts 0 and 1 are apart from 2, 3 and 4. Under `primary` both sides go on, each with
-- primaries of its own, and the logs unite; under `quorum` the side without a majority refuses, under `all` both do until lagging
-- replicas are dropped. One of the five partitions has no copy at hosts 0 and 1, so nobody there can be served in it.
return {
  name = "split_brain",
  factors = {
    { "acknowledge", { "primary", "quorum", "all" } },
  },
  repetitions = 3,

  point = function(factor)
    return {
      cluster = { hosts = 5 },
      graph = { nodes = "1K", held_out = 200 },
      engine = { replicas = 2, acknowledge = factor.acknowledge, failover = true },
      load = { requests = 2000, rate = 100, facts = 200, ["repeat"] = "popularity", deallocate = 0.1, audits = 0 },
      faults = { { at = "5s", partition = { 0, 1 } }, { at = "15s", heal = true } },
      series = "250ms",
    }
  end,

  tables = {
    {
      name = "split",
      title = "A cluster in two for ten seconds",
      columns = { "requests.during:share", "requests.failed:total", "epochs.won:total", "epochs.alone:total",
                  "epochs.split_brains:total", "logs.unions:total", "logs.united:total", "facts.lost:total",
                  "replicas.hashes:total", "invariant.violations:total" },
    },
  },

  claims = {
    { id = "F-9-lost", metric = "facts.lost:total", op = "=", bound = 0 },
    { id = "F-9-same", metric = "replicas.hashes:total", op = "=", bound = 1 },
  },
}
