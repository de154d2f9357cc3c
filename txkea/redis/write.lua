-- Changes: each address, what it has now and what it is to have, with their lengths; empty is no lease.
-- The answer: 'OK', the sequence number, and a 1 or a 0 for each.

local function parsed(text)
  local lease = {text = text}
  local _
  _, lease.state, lease.kind, lease.length, lease.subnet, lease.lifetime, lease.expires, lease.hwaddr, lease.client =
    struct.unpack('>BBBBI4I4i8Hc0Hc0', text)
  lease.counted = string.format('%.0f:%d:%d', lease.subnet, lease.state, lease.kind)
  if lease.state == 2 then
    lease.timetable = KEYS[5]
  elseif lease.lifetime ~= 4294967295 then
    lease.timetable = KEYS[4]
  end
  return lease
end

local function tally(key, field, step)
  if redis.call('HINCRBY', key, field, step) == 0 then redis.call('HDEL', key, field) end
end

local function count(lease, step)
  tally(KEYS[7], lease.counted, step)
  if lease.length < 8 * width then tally(KEYS[8], lease.length, step) end
end

-- Members of the index of clients are a kind, the identifier with its length, and the address.
local function index(command, kind, value, address)
  if value ~= '' then
    local member = struct.pack('>BHc0', kind, #value, value) .. address
    if command == 'ZADD' then redis.call('ZADD', KEYS[6], 0, member) else redis.call('ZREM', KEYS[6], member) end
  end
end

local function reindex(kind, value, was, address)
  if value ~= was then
    index('ZREM', kind, was, address)
    index('ZADD', kind, value, address)
  end
end

local nothing = {hwaddr = '', client = ''}

local function change(address, lease, was)
  if lease.text then redis.call('HSET', KEYS[2], address, lease.text) else redis.call('HDEL', KEYS[2], address) end
  if not was.text then redis.call('ZADD', KEYS[3], 0, address) end
  if not lease.text then redis.call('ZREM', KEYS[3], address) end
  if width == 4 then reindex(0, lease.hwaddr, was.hwaddr, address) end
  reindex(1, lease.client, was.client, address)
  if was.timetable and was.timetable ~= lease.timetable then redis.call('ZREM', was.timetable, address) end
  if lease.timetable and (lease.timetable ~= was.timetable or lease.expires ~= was.expires) then
    redis.call('ZADD', lease.timetable, lease.expires, address)
  end
  if lease.counted ~= was.counted or lease.length ~= was.length then
    if was.text then count(was, -1) end
    if lease.text then count(lease, 1) end
  end
end

local function obstructed(address, length)
  local others = inside(address, length, 2)
  if others[2] or (others[1] and others[1] ~= address) then return true end
  return around(address, length)[1] ~= nil
end

local function attempt(address, was, text)
  if (redis.call('HGET', KEYS[2], address) or '') ~= was then return '0' end
  local before = was == '' and nothing or parsed(was)
  local after = text == '' and nothing or parsed(text)
  if width == 16 and after.text and after.length ~= before.length and obstructed(address, after.length) then
    return '0'
  end
  change(address, after, before)
  return '1'
end

local outcomes, changed, position = {}, false, 1
while position <= #requests do
  local address, was, text
  address, was, text, position = struct.unpack('>c' .. width .. 'I4c0I4c0', requests, position)
  local outcome = attempt(address, was, text)
  outcomes[#outcomes + 1] = outcome
  changed = changed or outcome == '1'
end
if changed then
  sequence = redis.call('HINCRBY', KEYS[1], 'sequence', 1)
  redis.call('HSET', KEYS[9], ARGV[3], sequence)
end
return 'OK' .. struct.pack('>i8', sequence) .. table.concat(outcomes)
