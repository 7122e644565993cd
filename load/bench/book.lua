-- wrk's script: POST or GET a path in which %d is one of the ids from FIRST to FIRST + COUNT - 1.
-- Arguments: method, path, token, first, count, `random` or `in-turn` ids, mean pause of a connection in milliseconds,
-- answers after which to say ENOUGH (0: never), `polls` when every second request is to ask for a booking made before.
local REMEMBERED_MAX = 1000

local method, path, first, count, in_turn, pause_ms, answers_max, polls
local headers = {}
local sent, answered, remembered, asked = 0, 0, {}, 0

function init(arguments)
   method, path = arguments[1], arguments[2]
   headers["Authorization"] = "Bearer " .. arguments[3]
   first, count, in_turn = tonumber(arguments[4]), tonumber(arguments[5]), arguments[6] == "in-turn"
   pause_ms, answers_max, polls = tonumber(arguments[7]), tonumber(arguments[8]), arguments[9] == "polls"
   math.randomseed(os.time())
   if pause_ms > 0 then
      -- Of any length up to twice the mean: connections that all pause alike would ask in step.
      function delay() return math.random(0, 2 * pause_ms) end
   end
end

function request()
   sent = sent + 1
   if polls and sent % 2 == 0 and #remembered > 0 then
      asked = asked % #remembered + 1
      return wrk.format("GET", remembered[asked], headers)
   end
   local offset = in_turn and (sent - 1) % count or math.random(0, count - 1)
   return wrk.format(method, string.format(path, first + offset), headers)
end

local threads = {}
function setup(thread) table.insert(threads, thread) end

s200, s202, s409, other = 0, 0, 0, 0
function response(status, received)
   if status == 202 then
      if polls then remembered[s202 % REMEMBERED_MAX + 1] = received["location"] or received["Location"] end
      s202 = s202 + 1
   elseif status == 200 then s200 = s200 + 1
   elseif status == 409 then s409 = s409 + 1
   else other = other + 1
   end
   answered = answered + 1
   if answered == answers_max then
      wrk.thread:stop()
      io.write("ENOUGH\n")
      io.flush()
   end
end

function done(summary, latency, requests)
   local totals = {s200 = 0, s202 = 0, s409 = 0, other = 0}
   for _, thread in ipairs(threads) do
      for name in pairs(totals) do totals[name] = totals[name] + thread:get(name) end
   end
   io.write(string.format('RESULT {"seconds": %f, "200": %d, "202": %d, "409": %d, "other": %d, "socket_errors": %d, ',
      summary.duration / 1e6, totals.s200, totals.s202, totals.s409, totals.other,
      summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
   io.write(string.format('"p50_ms": %f, "p95_ms": %f, "p99_ms": %f}\n',
      latency:percentile(50) / 1e3, latency:percentile(95) / 1e3, latency:percentile(99) / 1e3))
end
