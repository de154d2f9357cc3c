-- The beginning of every script: is this the store that the server knows, with all that was acknowledged to it?
--
-- KEYS: 1 meta, 2 leases, 3 order, 4 running, 5 reclaimed, 6 clients, 7 counts, 8 lengths, 9 servers
-- ARGV: 1 epoch, 2 generation, 3 server, 4 the sequence number of the last write acknowledged to this server,
--       5 the highest sequence number it has seen, 6 bytes of an address, 7 the requests

local found = redis.call('HMGET', KEYS[1], 'epoch', 'generation', 'sequence', 'lost')
if found[1] ~= ARGV[1] then return 'REPLACED' end
if found[4] then return 'LOST' .. found[4] end
local generation, sequence = tonumber(found[2]), tonumber(found[3])
if generation > tonumber(ARGV[2]) then return 'ACCEPTED' end
local written = tonumber(redis.call('HGET', KEYS[9], ARGV[3]) or '0')
if generation < tonumber(ARGV[2]) or sequence < tonumber(ARGV[5]) or written < tonumber(ARGV[4]) then
  local problem = string.format('it is at write %s, and write %s was there already', found[3], ARGV[5])
  if sequence >= tonumber(ARGV[5]) then
    problem = string.format('write %s of server %s was there already, and is not', ARGV[4], ARGV[3])
  end
  redis.call('HSET', KEYS[1], 'lost', problem)
  return 'LOST' .. problem
end
local width, requests = tonumber(ARGV[6]), ARGV[7]

-- The first address of a prefix, or with filler 255 the last one.
local function bounded(address, length, filler)
  local whole, bits = math.floor(length / 8), length % 8
  local head = string.sub(address, 1, whole)
  if bits > 0 then
    local unit = 2 ^ (8 - bits)
    local byte = string.byte(address, whole + 1)
    byte = byte - byte % unit
    if filler == 255 then byte = byte + unit - 1 end
    head = head .. string.char(byte)
  end
  return head .. string.rep(string.char(filler), width - #head)
end

local function inside(address, length, most)
  if length == 8 * width then
    return redis.call('HEXISTS', KEYS[2], address) == 1 and {address} or {}
  end
  local last = bounded(address, length, 255)
  return redis.call('ZRANGEBYLEX', KEYS[3], '[' .. address, '[' .. last, 'LIMIT', 0, most)
end

-- The prefixes that hold this one, and begin elsewhere.
local function around(address, length)
  local prefixes = {}
  for _, shorter in ipairs(redis.call('HKEYS', KEYS[8])) do
    shorter = tonumber(shorter)
    if shorter < length then
      local first = bounded(address, shorter, 0)
      local there = first ~= address and redis.call('HGET', KEYS[2], first)
      if there and string.byte(there, 4) == shorter then prefixes[#prefixes + 1] = first end
    end
  end
  return prefixes
end
