-- Sends prepared requests in a cycle and checks every answer. The argument is a file with pairs of a request and the
-- body of its answer. Each is preceded by its length and a space.

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

local requests, bodies, current = {}, {}, 0
wrong, answer = 0, "" -- global, so that done can read them

local function text(file)
  local length = file:read("*n")
  if not length then return nil end
  file:read(1)
  return file:read(length)
end

function init(args)
  local file = assert(io.open(args[1], "rb"))
  for one in text, file do
    table.insert(requests, one)
    bodies[text(file)] = true
  end
  file:close()
end

function request()
  current = current % #requests + 1
  return requests[current]
end

function response(status, _, body)
  if status ~= 200 or not bodies[body] then
    wrong = wrong + 1
    answer = status .. " " .. body
  end
end

function done(summary, latency)
  local bad, said = 0, ""
  for _, thread in ipairs(threads) do
    bad = bad + thread:get("wrong")
    if thread:get("answer") ~= "" then said = thread:get("answer") end
  end
  local errors = summary.errors
  -- Latencies and the duration are in microseconds.
  io.write(string.format("\nbench %d %d %d %d %d %d %d %s\n",
    summary.requests, summary.duration, bad, errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99), latency.max, said))
end
