-- KEYS: waiting, entries, due, counts. ARGV: job, score, batch key, priority, again and again.
-- Returns how many jobs were new.
local new = 0
for i = 1, #ARGV, 4 do
  local job, score, batch, priority = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  if redis.call('HSETNX', KEYS[2], job, score .. '|' .. priority .. '|' .. batch) == 1 then
    redis.call('ZADD', KEYS[1], score, job)
    redis.call('HINCRBY', KEYS[4], priority, 1)
    new = new + 1
  end
end
return new
