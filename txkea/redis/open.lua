-- What the store says of itself; it is made if there is none, and what was lost is accepted if that is wanted.
--
-- KEYS as in check.lua. ARGV: 1 the version to make, 2 a fresh epoch, 3 server, 4 'accept' or ''
-- The answer in lines: version, epoch, generation, sequence number, that of the server's last write, 1 if it was made
-- just now, what was lost.

local made = 0
if redis.call('EXISTS', KEYS[1]) == 0 then
  for place = 2, 9 do
    if redis.call('EXISTS', KEYS[place]) == 1 then return 'REMAINS' .. KEYS[place] end
  end
  redis.call('HSET', KEYS[1], 'version', ARGV[1], 'epoch', ARGV[2], 'generation', 1, 'sequence', 0)
  made = 1
end
if ARGV[4] == 'accept' then
  redis.call('HDEL', KEYS[1], 'lost')
  redis.call('HINCRBY', KEYS[1], 'generation', 1)
end
local found = redis.call('HMGET', KEYS[1], 'version', 'epoch', 'generation', 'sequence', 'lost')
local written = redis.call('HGET', KEYS[9], ARGV[3]) or '0'
return 'OK' .. table.concat({found[1], found[2], found[3], found[4], written, made, found[5] or ''}, '\n')
