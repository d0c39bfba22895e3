-- The default cluster for a size of graph, as the claims are stated: one host of 16 cores up to 10M nodes, 4 hosts at
-- 100M, 16 at 1B, and 128 hosts of 32 cores at 10B; 50 us one way and 10 Gb/s everywhere.
local clusters = {}

local sizes = {
  { nodes = 10e6, hosts = 1, cores = 16 },
  { nodes = 100e6, hosts = 4, cores = 16 },
  { nodes = 1e9, hosts = 16, cores = 16 },
  { nodes = 10e9, hosts = 128, cores = 32 },
}

local network = { latency = "50us", jitter = "5us", bandwidth = "10Gbps" }

-- A cluster of `hosts` hosts of 16 cores.
function clusters.of(hosts)
  return { hosts = hosts, cores = 16, memory = "64GiB", network = network }
end

-- The cluster that holds a graph of `nodes` nodes.
function clusters.for_nodes(nodes)
  for i = 1, #sizes do
    local size = sizes[i]
    if nodes <= size.nodes then
      return { hosts = size.hosts, cores = size.cores, memory = "64GiB", network = network }
    end
  end
  error("no default cluster holds " .. nodes .. " nodes; the largest is for 10 billion")
end

return clusters
