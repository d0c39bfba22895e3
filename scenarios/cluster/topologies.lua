-- What does it cost that hosts do not all meet in one switch?
--
-- 16 hosts with links of 100 Mb/s, 50 us apart, at which facts are allocated and read: as a star; in 4 racks of 4, whose
-- uplinks have the bandwidth of their hosts' links together and a quarter of it; as a fat tree of switches with 4 ports, in
-- whose pods 4 hosts are; and in four regions of Google's cloud (scenarios/regions/gcp.tsv). A gateway is any host, and a
-- primary's replica is its neighbour, so about half of the bytes leave a rack. At 1,000 requests a second only the added
-- latency shows; at 20,000 a rack's uplink at 4:1 is busy for a good part of the time. Between regions the latency is that
-- of the way, for which timeouts have to be longer.
local clusters = {
  star = { topology = "star" },
  ["racks 1:1"] = { topology = "racks", racks = { hosts = 4, added = "20us" } },
  ["racks 4:1"] = { topology = "racks", racks = { hosts = 4, oversubscription = 4, added = "20us" } },
  ["fat tree"] = { topology = "fat-tree", tree = { arity = 4, added = "10us" } },
  regions = { topology = "regions", regions = { file = "scenarios/regions/gcp.tsv", bandwidth = "100Mbps" } },
}

return {
  name = "topologies",
  factors = {
    { "cluster", { "star", "racks 1:1", "racks 4:1", "fat tree", "regions" } },
    { "rate", { "1K", "20K" } },
  },

  point = function(factor)
    local chosen = clusters[factor.cluster]
    return {
      cluster = { hosts = 16, network = { bandwidth = "100Mbps", latency = "50us", jitter = 0 }, topology = chosen.topology,
                  racks = chosen.racks, tree = chosen.tree, regions = chosen.regions },
      graph = { nodes = "2K", held_out = 200 },
      engine = { timeout = "5s", replicate_retry = "2s", cache = { entries = "1K" } },
      load = { requests = "4K", rate = factor.rate, ["repeat"] = "popularity", get = 0.3, audits = 0 },
    }
  end,

  tables = {
    {
      name = "compared",
      title = "Latency, throughput, and what goes through links that racks, pods or regions share",
      columns = { "latency:p50", "latency:p99", "latency.wire:mean", "latency.disk:mean", "throughput:mean", "network.messages:total",
                  "network.bytes:total", "network.far.bytes:total" },
    },
  },
}
