-- wrk's script: POST or GET a path in which %d is one of the ids from FIRST to FIRST + COUNT - 1.
-- Arguments: method, path, file of tokens, first, count, `random` or `in-turn` ids, mean pause of a connection in
-- milliseconds, answers after which to say ENOUGH (0: never), and what every second request is: `polls` asks for a booking
-- made before, `cancels` cancels the oldest that was made, once there are KEPT; anything else is as the others.
-- The file has a token a line, of one user each; they take turns.
local REMEMBERED_MAX = 1000
local KEPT = 100 -- so that most are decided by the time they are cancelled

local method, path, first, count, in_turn, pause_ms, answers_max, polls, cancels
local users = {} -- the headers of each
local sent, answered, remembered, asked = 0, 0, {}, 0
local kept, kept_first, kept_last = {}, 1, 0 -- bookings to cancel, each with its user: a queue

function init(arguments)
   method, path = arguments[1], arguments[2]
   for token in io.lines(arguments[3]) do users[#users + 1] = {Authorization = "Bearer " .. token} end
   first, count, in_turn = tonumber(arguments[4]), tonumber(arguments[5]), arguments[6] == "in-turn"
   pause_ms, answers_max, polls = tonumber(arguments[7]), tonumber(arguments[8]), arguments[9] == "polls"
   cancels = arguments[9] == "cancels"
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
      return wrk.format("GET", remembered[asked], users[1])
   end
   if cancels and sent % 2 == 0 and kept_last - kept_first + 1 >= KEPT then return cancel() end
   local offset = in_turn and (sent - 1) % count or math.random(0, count - 1)
   local user = (sent - 1) % #users + 1
   return wrk.format(method, string.format(path, first + offset), cancels and named(user, "book-" .. user) or users[user])
end

function cancel()
   local booking = kept[kept_first]
   kept[kept_first] = nil
   kept_first = kept_first + 1
   return wrk.format("DELETE", booking.location, named(booking.user, "cancel"))
end

-- An answer repeats this name, which says what it is an answer to.
function named(user, name) return {Authorization = users[user].Authorization, ["X-Request-ID"] = name} end

local threads = {}
function setup(thread) table.insert(threads, thread) end

s200, s202, s409, cancel_asked, other = 0, 0, 0, 0, 0
function response(status, received)
   local name = cancels and (received["x-request-id"] or received["X-Request-ID"]) or ""
   if name == "cancel" and (status == 200 or status == 202) then cancel_asked = cancel_asked + 1
   elseif status == 202 then
      if cancels then
         kept_last = kept_last + 1
         kept[kept_last] = {location = received["location"] or received["Location"], user = tonumber(name:match("%d+"))}
      end
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
   local totals = {s200 = 0, s202 = 0, s409 = 0, cancel_asked = 0, other = 0}
   for _, thread in ipairs(threads) do
      for name in pairs(totals) do totals[name] = totals[name] + thread:get(name) end
   end
   io.write(string.format('RESULT {"seconds": %f, "200": %d, "202": %d, "409": %d, "cancel": %d, "other": %d, ',
      summary.duration / 1e6, totals.s200, totals.s202, totals.s409, totals.cancel_asked, totals.other))
   io.write(string.format('"socket_errors": %d, ',
      summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
   io.write(string.format('"p50_ms": %f, "p95_ms": %f, "p99_ms": %f}\n',
      latency:percentile(50) / 1e3, latency:percentile(95) / 1e3, latency:percentile(99) / 1e3))
end
