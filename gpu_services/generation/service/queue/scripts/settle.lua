-- KEYS: waiting, entries, due, counts, leases, fences.
-- ARGV: what ('ack', 'requeue' or 'renew'), ms (the delay, or the lease), now in ms or '', then job, fence ...
-- Does it for each job that this fence still holds. Returns those jobs.
local now = tonumber(ARGV[3])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local held = {}
for i = 4, #ARGV, 2 do
  local job, fence = ARGV[i], ARGV[i + 1]
  if redis.call('HGET', KEYS[6], job) == fence then
    held[#held + 1] = job
    if ARGV[1] == 'renew' then
      redis.call('ZADD', KEYS[5], now + ARGV[2], job)
    else
      redis.call('ZREM', KEYS[5], job)
      redis.call('HDEL', KEYS[6], job)
      if ARGV[1] == 'ack' then
        redis.call('HDEL', KEYS[2], job)
      else
        local score, priority = string.match(redis.call('HGET', KEYS[2], job), '^([^|]*)|([^|]*)|')
        if ARGV[2] + 0 > 0 then
          redis.call('ZADD', KEYS[3], now + ARGV[2], job)
        else
          redis.call('ZADD', KEYS[1], score, job)
        end
        redis.call('HINCRBY', KEYS[4], priority, 1)
      end
    end
  end
end
return held
