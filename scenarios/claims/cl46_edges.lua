-- CL-46: how long after a partition has healed do all hosts have the same edges?
--
-- Five hosts, whose clients change the same 64 (or 4,096) edges on both sides of a partition; it heals after the last change was
-- answered. Nothing but gossip carries edges from host to host.
return {
  name = "cl46",
  factors = {
    { "edges", { 64, 4096 } },
    { "loss", { 0, 0.1 } },
  },
  repetitions = 3,

  point = function(factor)
    return {
      cluster = { hosts = 5, network = { loss = factor.loss } },
      graph = { nodes = "1K", held_out = 50 },
      engine = { replicas = 2, acknowledge = "primary", failover = true },
      load = { requests = 2000, rate = 200, facts = 50, ["repeat"] = "popularity", edges = 0.95, edge_pool = factor.edges,
               audits = 0 },
      faults = { { at = "1s", partition = { 0, 3 } }, { at = "15s", heal = true } },
      series = "1s",
    }
  end,

  tables = {
    {
      name = "edges",
      title = "Edges after the heal",
      columns = { "edges.converge:max", "edges.changed:total", "edges.diverged:total", "edges.tombstones:max",
                  "network.bytes:total", "requests.answered:total" },
    },
  },

  claims = {
    { id = "CL-46", metric = "edges.converge:max", op = "<", bound = 60, unit = "s" },
    { id = "CL-46-same", metric = "edges.diverged:total", op = "=", bound = 0 },
  },
}
