-- wrk's script: POST or GET a path in which %d is one of the ids from FIRST to FIRST + COUNT - 1.
-- Arguments: method, path, token, first, count, pause in milliseconds.
local method, path, first, count, pause
local headers = {}

function init(arguments)
   method, path = arguments[1], arguments[2]
   headers["Authorization"] = "Bearer " .. arguments[3]
   first, count, pause = tonumber(arguments[4]), tonumber(arguments[5]), tonumber(arguments[6])
   math.randomseed(os.time())
end

function request()
   return wrk.format(method, string.format(path, first + math.random(0, count - 1)), headers)
end

function delay()
   return pause
end

local threads = {}
function setup(thread) table.insert(threads, thread) end

statuses = {}
function response(status)
   statuses[status] = (statuses[status] or 0) + 1
   s202, s409, s200, other = statuses[202] or 0, statuses[409] or 0, statuses[200] or 0,
      (other or 0) + ((status == 202 or status == 409 or status == 200) and 0 or 1)
end

function done(summary, latency, requests)
   local totals = {s200 = 0, s202 = 0, s409 = 0, other = 0}
   for _, thread in ipairs(threads) do
      for name in pairs(totals) do totals[name] = totals[name] + (thread:get(name) or 0) end
   end
   io.write(string.format(
      'RESULT {"seconds": %f, "200": %d, "202": %d, "409": %d, "other": %d, "socket_errors": %d, "p50_ms": %f, "p99_ms": %f}\n',
      summary.duration / 1e6, totals.s200, totals.s202, totals.s409, totals.other,
      summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
      latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
