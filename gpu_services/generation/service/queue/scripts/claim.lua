-- KEYS: waiting, entries, due, counts, leases, fences, fence, halted.
-- ARGV: limit, lease in ms, how far to look ahead, now in ms or '' for the server's own clock.
-- Gives back expired leases and jobs whose back-off is over, then leases the first job and those of
-- the next ones that have its batch key. Returns job, fence, job, fence ...
local now = tonumber(ARGV[4])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local function entry(job)
  local text = redis.call('HGET', KEYS[2], job)
  if text then return string.match(text, '^([^|]*)|([^|]*)|(.*)$') end
end

local function back(job)
  local score, priority = entry(job)
  if score then
    redis.call('ZADD', KEYS[1], score, job)
    return priority
  end
end

for _, job in ipairs(redis.call('ZRANGEBYSCORE', KEYS[5], '-inf', now)) do
  redis.call('ZREM', KEYS[5], job)
  redis.call('HDEL', KEYS[6], job)
  local priority = back(job)
  if priority then redis.call('HINCRBY', KEYS[4], priority, 1) end
end
for _, job in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now)) do
  redis.call('ZREM', KEYS[3], job)
  back(job)
end

if redis.call('EXISTS', KEYS[8]) == 1 then return {} end
local next = redis.call('ZRANGE', KEYS[1], 0, ARGV[3] - 1)
local found, key = {}, nil
for _, job in ipairs(next) do
  local _, priority, batch = entry(job)
  key = key or batch
  if batch == key then
    -- Microseconds of the clock, and more than any before: it grows across a loss of all data, too.
    local fence = math.max(tonumber(redis.call('GET', KEYS[7]) or '0') + 1, now * 1000)
    local text = string.format('%.0f', fence)
    redis.call('SET', KEYS[7], text)
    redis.call('ZREM', KEYS[1], job)
    redis.call('ZADD', KEYS[5], now + ARGV[2], job)
    redis.call('HSET', KEYS[6], job, text)
    redis.call('HINCRBY', KEYS[4], priority, -1)
    found[#found + 1] = job
    found[#found + 1] = text
    if #found >= 2 * ARGV[1] then break end
  end
end
return found
