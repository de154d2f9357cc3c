-- Look-ups: each a letter and what belongs to it.
-- The answer: 'OK', the sequence number, and for each how many leases; of each its address, and itself with its length.

local pieces = {}

local function tell(addresses)
  pieces[#pieces + 1] = struct.pack('>I4', #addresses)
  for _, address in ipairs(addresses) do
    local text = redis.call('HGET', KEYS[2], address)
    pieces[#pieces + 1] = struct.pack('>c' .. width .. 'I4c0', address, #text, text)
  end
end

local function due(timetable, position)
  local before, skipped, limit
  before, skipped, limit, position = struct.unpack('>Hc0I4I4', requests, position)
  tell(redis.call('ZRANGEBYSCORE', timetable, '-inf', '(' .. before, 'LIMIT', skipped, limit))
  return position
end

local look = {}

-- The lease of an address.
function look.g(position)
  local address
  address, position = struct.unpack('>c' .. width, requests, position)
  tell(inside(address, 8 * width, 1))
  return position
end

-- Those of many addresses.
function look.m(position)
  local number, found
  number, position = struct.unpack('>I4', requests, position)
  found = {}
  for _ = 1, number do
    local address
    address, position = struct.unpack('>c' .. width, requests, position)
    if redis.call('HEXISTS', KEYS[2], address) == 1 then found[#found + 1] = address end
  end
  tell(found)
  return position
end

-- The leases of a client.
function look.c(position)
  local client, after, limit
  client, after, limit, position = struct.unpack('>Hc0Hc0I4', requests, position)
  local low = after == '' and '[' .. client or '(' .. client .. after
  local high = '[' .. client .. string.rep('\255', width)
  local members = redis.call('ZRANGEBYLEX', KEYS[6], low, high, 'LIMIT', 0, limit)
  for place, member in ipairs(members) do members[place] = string.sub(member, -width) end
  tell(members)
  return position
end

-- What overlaps a prefix.
function look.o(position)
  local address, length
  address, length, position = struct.unpack('>c' .. width .. 'B', requests, position)
  local addresses = inside(address, length, 16)
  for _, first in ipairs(around(address, length)) do addresses[#addresses + 1] = first end
  tell(addresses)
  return position
end

-- What is over, and was reclaimed.
function look.e(position) return due(KEYS[4], position) end
function look.r(position) return due(KEYS[5], position) end

-- A page.
function look.p(position)
  local after, limit
  after, limit, position = struct.unpack('>Hc0I4', requests, position)
  tell(redis.call('ZRANGEBYLEX', KEYS[3], after == '' and '-' or '(' .. after, '+', 'LIMIT', 0, limit))
  return position
end

-- The counts, as text: 'subnet:state:type=number' in lines.
function look.n(position)
  local lines = redis.call('HGETALL', KEYS[7])
  local text = {}
  for place = 1, #lines, 2 do text[#text + 1] = lines[place] .. '=' .. lines[place + 1] end
  pieces[#pieces + 1] = table.concat(text, '\n')
  return position
end

local position = 1
while position <= #requests do
  position = look[string.sub(requests, position, position)](position + 1)
end
return 'OK' .. struct.pack('>i8', sequence) .. table.concat(pieces)
