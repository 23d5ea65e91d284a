-- KEYS: waiting, entries, due, counts. ARGV: job. Takes a waiting job out; returns whether it waited.
if redis.call('ZREM', KEYS[1], ARGV[1]) + redis.call('ZREM', KEYS[3], ARGV[1]) == 0 then return 0 end
local priority = string.match(redis.call('HGET', KEYS[2], ARGV[1]), '^[^|]*|([^|]*)|')
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('HINCRBY', KEYS[4], priority, -1)
return 1
