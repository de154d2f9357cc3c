-- Keeps entries of a cache of hosts, and tells the other servers: KEYS the claim, then the entries; ARGV the claim's
-- token, the channel, what to say there ('': nothing), then for each entry its value ('': none any more) and its time in
-- milliseconds ('0': no end).
for at = 2, #KEYS do
  local value, time = ARGV[2 * at], ARGV[2 * at + 1]
  if value == '' then
    redis.call('UNLINK', KEYS[at])
  elseif time == '0' then
    redis.call('SET', KEYS[at], value)
  else
    redis.call('SET', KEYS[at], value, 'PX', time)
  end
end
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('DEL', KEYS[1])
end
if ARGV[3] ~= '' then
  redis.call('PUBLISH', ARGV[2], ARGV[3])
end
return 1
