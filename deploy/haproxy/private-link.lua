-- Reads the header of PROXY protocol 2 (haproxy.org/download/1.8/doc/proxy-protocol.txt, §2.2) that the balancer of a
-- private link sends, and passes it on with one thing beside the addresses: the id of the link, as the unique id (§2.2.5).
--
--   Azure Private Link   TLV 0xEE: 0x01, the link id as four bytes, the lowest first
--   AWS PrivateLink      TLV 0xEA: 0x01, the id of the endpoint, such as vpce-08d2bf15fac5001c9
--
-- Whoever comes without exactly one of them is turned away.

local signature = "\r\n\r\n\0\r\nQUIT\n"
local addresses = { [0x11] = 12, [0x21] = 36 }
local unique_id = 0x05
local longest = 1024

local function number16(text, at)
  return text:byte(at) * 256 + text:byte(at + 1)
end

local function bytes16(number)
  return string.char(number // 256, number % 256)
end

local function azure(value)
  if #value ~= 5 or value:byte(1) ~= 1 then return nil end
  return tostring(string.unpack("<I4", value, 2))
end

local function aws(value)
  if value:byte(1) ~= 1 then return nil end
  return value:sub(2):match("^vpce%-[0-9a-f]+$")
end

local readers = { [0xEE] = azure, [0xEA] = aws }

-- The link that the TLVs from a place on name; nil where that is not exactly one.
local function link_of(header, at)
  local link
  while at <= #header do
    if at + 2 > #header then return nil end
    local kind, length = header:byte(at), number16(header, at + 1)
    if at + 2 + length > #header then return nil end
    local reader = readers[kind]
    if reader then
      if link then return nil end
      link = reader(header:sub(at + 3, at + 2 + length))
      if not link or #link > 128 then return nil end
    end
    at = at + 3 + length
  end
  return link
end

core.register_action("private_link", { "tcp-req" }, function(txn)
  local channel = txn.req
  local start = channel:data(0, 16) or ""
  local known = math.min(#start, 12)
  if start:sub(1, known) ~= signature:sub(1, known) then return act.DENY end
  if #start < 16 then return act.YIELD end
  local family, length = start:byte(14), number16(start, 15)
  -- LOCAL (0x20) is a connection of the balancer's own.
  if start:byte(13) ~= 0x21 or not addresses[family] or length > longest then return act.DENY end
  local header = channel:data(0, 16 + length) or ""
  if #header < 16 + length then return act.YIELD end
  local tlvs = 16 + addresses[family]
  local link = link_of(header, tlvs + 1)
  if not link then return act.DENY end
  local rest = header:sub(17, tlvs) .. string.char(unique_id) .. bytes16(#link) .. link
  channel:set(header:sub(1, 14) .. bytes16(#rest) .. rest, 0, #header)
  txn:set_var("sess.link", link)
  return act.CONTINUE
end)
