-- Makes claims last: KEYS the claims, ARGV their token and the milliseconds from now on.
for at = 1, #KEYS do
  if redis.call('GET', KEYS[at]) == ARGV[1] then
    redis.call('PEXPIRE', KEYS[at], ARGV[2])
  end
end
return 1
