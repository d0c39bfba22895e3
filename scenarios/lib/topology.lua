-- Latencies of places, as faults at time 0: hosts stand in groups, and each pair of groups has a latency of its own.
-- What follows in the course of a run goes behind them: topology.join(topology.racks(64, 4, "5us"), { ... }).
local topology = {}

-- Round trips between regions of Google's cloud in ms, mean of pings: files latency_gcp/us-east1.dat, europe-west4.dat and
-- asia-east1.dat at commit b57cdfd5fa79c673e734c94f28bd6e0b57aed3c0 of github.com/vitorenesduarte/fantoch, the measurements
-- behind Enes et al., "State-Machine Replication for Planet-Scale Systems", EuroSys 2020. Inside a region it is the mean of
-- the three that were measured (0.272, 0.250 and 0.338).
topology.round_trips_ms = {
  inside = 0.287,
  { "us-east1", "us-west1", 67.298 },
  { "us-east1", "europe-west4", 94.005 },
  { "us-east1", "asia-east1", 184.880 },
  { "us-west1", "europe-west4", 135.338 },
  { "us-west1", "asia-east1", 118.775 },
  { "europe-west4", "asia-east1", 253.334 },
}

local function round_trip_ms(from, to)
  for _, pair in ipairs(topology.round_trips_ms) do
    if (pair[1] == from and pair[2] == to) or (pair[1] == to and pair[2] == from) then
      return pair[3]
    end
  end
  error(string.format("no round trip is known between %s and %s", from, to))
end

-- The hosts of group i of n, "0-15": as many in each, and the first ones one more where it does not come out even.
function topology.group(hosts, n, i)
  if n > hosts then
    error(string.format("%d hosts are too few for %d groups", hosts, n))
  end
  return string.format("%d-%d", (i - 1) * hosts // n, i * hosts // n - 1)
end

-- One way, half of a round trip in ms.
local function one_way(ms)
  return string.format("%dns", math.floor(ms * 500000 + 0.5))
end

-- `hosts` hosts spread over the regions of these names, in their order.
function topology.regions(hosts, names)
  local faults = {}
  for i = 1, #names do
    local here = topology.group(hosts, #names, i)
    faults[#faults + 1] = { at = 0, latency = one_way(topology.round_trips_ms.inside), from = here, to = here }
    for k = i + 1, #names do
      faults[#faults + 1] = { at = 0, latency = one_way(round_trip_ms(names[i], names[k])), from = here,
                              to = topology.group(hosts, #names, k) }
    end
  end
  return faults
end

-- `hosts` hosts in `racks` racks: `inside` is the latency in a rack, cluster.network.latency the one between racks.
function topology.racks(hosts, racks, inside)
  local faults = {}
  for i = 1, racks do
    local here = topology.group(hosts, racks, i)
    faults[i] = { at = 0, latency = inside, from = here, to = here }
  end
  return faults
end

-- The second list behind the first.
function topology.join(first, second)
  local all = {}
  for i = 1, #first do
    all[i] = first[i]
  end
  for i = 1, #second do
    all[#first + i] = second[i]
  end
  return all
end

return topology
