-- SPDX-License-Identifier: 0BSD
-- The pump over streams of memory: how bytes are cut, who is slow, who goes
-- away when, must make no difference but in time.
local fake = require "fake_session"
local gates = require "mahatta.net.gate"
local pump = require "mahatta.net.pump"
local support = require "support"

-- One direction: at most `room` bytes on the way, read in bites of `bite`.
local function wire(room, bite)
  return { bytes = "", room = room or math.huge, bite = bite or math.huge,
    ever = 0, cut = math.huge }
end

local Stream = {}
Stream.__index = Stream

function Stream:read(max)
  if self.stuck then return nil end
  local input = self.input
  if input.bytes == "" then
    if input.over then return false, input.why end
    return nil
  end
  local n = math.min(max, input.bite, #input.bytes)
  local bytes = input.bytes:sub(1, n)
  input.bytes = input.bytes:sub(n + 1)
  return bytes
end

function Stream:write(bytes, from)
  local output = self.output
  if output.over then return false, "cut" end
  local n = math.max(0, math.min(#bytes - from + 1,
    output.room - #output.bytes, output.cut - output.ever))
  output.bytes = output.bytes .. bytes:sub(from, from + n - 1)
  output.ever = output.ever + n
  if output.ever >= output.cut then output.over = true end
  self.most = math.max(self.most or 0, #bytes)
  return n
end

function Stream:shutdown() self.output.over = true end
function Stream:close()
  self.closed = (self.closed or 0) + 1
  self.output.over, self.input.over = true, true
end
function Stream:pollfd() return self.fd end
function Stream:timeout() end -- luacheck: ignore 212

-- Two pumps joined; `a` begins. Options per side under a and b; wires ab, ba.
local function pair(o)
  o = o or {}
  local now = { t = 0 }
  local ab, ba = o.ab or wire(), o.ba or wire()
  local function side(options, initiator, input, output)
    options = options or {}
    options.initiator = initiator
    local stream = setmetatable({ input = input, output = output, fd = 7 },
      Stream)
    local session = fake.session(options)
    return pump.new(session, stream, function () return now.t end,
      options.pump), session, stream
  end
  local p = { now = now, ab = ab, ba = ba }
  p.a, p.sa, p.ta = side(o.a, true, ba, ab)
  p.b, p.sb, p.tb = side(o.b, false, ab, ba)
  return p
end

-- Step both until both are over, at most n times.
local function run(p, n)
  for _ = 1, n or 100000 do
    p.a:step()
    p.b:step()
    if p.a:result() ~= nil and p.b:result() ~= nil then return end
  end
  error("they don't come to an end")
end

local function expect_equal_content(p)
  assert.equal(p.sa.sent, p.sb.received)
  assert.equal(p.sb.sent, p.sa.received)
end

describe("a pump", function ()
  it("brings a session to its end, and closes all once", function ()
    local ended = 0
    local p = pair({ a = { send = 5000, pump = { ended = function ()
      ended = ended + 1
    end } }, b = { send = 7000 } })
    run(p)
    assert.is_true((p.a:result()))
    assert.is_true((p.b:result()))
    assert.equal(5000, p.sb.received)
    assert.equal(7000, p.sa.received)
    for _, side in ipairs({ p.sa, p.sb }) do assert.equal(1, side.closed) end
    assert.equal(1, p.ta.closed)
    assert.equal(1, ended)
    assert.is_false(p.a:step())
    assert.equal("done", p.a:status().state)
    p.a:close()
    assert.is_true((p.a:result()))
    assert.equal(1, ended)
    assert.is_nil(p.a:pollfd())
    assert.is_nil(p.a:events())
    assert.is_nil(p.a:timeout())
  end)

  it("takes bytes in any portions", function ()
    for _, bite in ipairs({ 1, 2, 3, 7, 4096, 65536 }) do
      local p = pair({ ab = wire(bite * 3, bite), ba = wire(bite, bite),
        a = { send = 3000, piece = 90 }, b = { send = 2000, piece = 1 } })
      run(p)
      assert.is_true((p.a:result()), bite)
      expect_equal_content(p)
    end
  end)

  it("moves on when both write a lot and the wires are narrow", function ()
    local p = pair({ ab = wire(100), ba = wire(100),
      a = { send = 300000, credit = 300000 },
      b = { send = 300000, credit = 300000 } })
    run(p)
    expect_equal_content(p)
  end)

  it("holds one piece of output while the other reads slowly", function ()
    local p = pair({ ab = wire(1000),
      a = { send = 2000000, credit = 2000000, piece = 50000 } })
    p.tb.stuck = true
    for _ = 1, 50 do
      p.a:step()
      assert.is_true(#p.a.out <= pump.CHUNK)
    end
    p.tb.stuck = false
    for _ = 1, 20 do p.a:step() p.b:step() end
    p.tb.stuck = true
    for _ = 1, 50 do p.a:step() end
    assert.equal("rw", p.a:events())
    assert.is_true(p.sa.bytes_out - p.ab.ever <= pump.CHUNK)
    p.tb.stuck = false
    run(p)
    assert.equal(2000000, p.sb.received)
    assert.is_true(p.ta.most <= pump.CHUNK)
  end)

  it("reads on while it can't write", function ()
    local p = pair({ ab = wire(40), ba = wire(500),
      a = { send = 50000, credit = 50000 },
      b = { send = 50000, credit = 50000 } })
    for _ = 1, 3 do p.a:step() p.b:step() end
    p.ab.room = 0
    local before = p.sa.received
    for _ = 1, 20 do p.a:step() p.b:step() end
    assert.is_true(p.sa.received > before)
    p.ab.room = math.huge
    run(p)
    expect_equal_content(p)
  end)

  it("ends with a reason when it is cut, at any byte", function ()
    local whole = pair({ a = { send = 40 }, b = { send = 30 } })
    run(whole)
    for _, name in ipairs({ "ab", "ba" }) do
      for at = 0, whole[name].ever - 1 do
        local p = pair({ a = { send = 40 }, b = { send = 30 } })
        p[name].cut = at
        if at == 0 then p[name].over = true end
        for _ = 1, 200 do
          p.a:step()
          p.b:step()
          p.now.t = p.now.t + 0.1
        end
        local failed = 0
        for _, side in ipairs({ p.a, p.b }) do
          local ok, message, code = side:result()
          assert.is_not_nil(ok, at)
          if not ok then
            failed = failed + 1
            assert.is_string(message)
            assert.is_string(code)
          end
        end
        assert.is_true(failed >= 1, name .. at)
        assert.equal(1, p.sa.closed)
        assert.equal(1, p.sb.closed)
      end
    end
  end)

  it("tells the other side why", function ()
    local p = pair({ a = { send = 500000, hook = function () return true end },
      b = { send = 500000, hook = function (self)
        if self.received > 3000 then return nil, "disk full", "EFULL" end
        return true
      end } })
    run(p)
    local ok, message, code = p.b:result()
    assert.is_false(ok)
    assert.equal("disk full", message)
    assert.equal("EFULL", code)
    ok, message = p.a:result()
    assert.is_false(ok)
    assert.equal("the other side says: disk full", message)
  end)

  it("doesn't wait for ever for the other to hear it", function ()
    local p = pair({ b = { hook = function () return nil, "no", "EACCES" end },
      ba = wire(0) })
    p.a:step()
    p.b:step()
    assert.is_nil(p.b:result())
    assert.is_true(p.b:timeout() <= 1)
    p.now.t = 1.1
    local more, message = p.b:step()
    assert.is_nil(more)
    assert.equal("no", message)
  end)

  it("survives what a policy raises", function ()
    local p = pair({ b = { hook = function () error("my policy", 0) end } })
    run(p)
    local ok, message, code = p.b:result()
    assert.is_false(ok)
    assert.equal("my policy", message)
    assert.equal("EPOLICY", code)
  end)

  it("waits for a policy that yields, and does nothing else", function ()
    local waiting = true
    local p = pair({ a = { send = 100 }, b = { hook = function (_, kind)
      if kind == "d" and waiting then coroutine.yield("wait") end
      return true
    end } })
    local co = coroutine.create(function ()
      while p.b:step() do coroutine.yield("idle") end
    end)
    local got
    for _ = 1, 20 do
      p.a:step()
      local ok, what = coroutine.resume(co)
      assert.is_true(ok, what)
      if what == "wait" then got = true break end
    end
    assert.is_true(got)
    for _ = 1, 5 do assert.is_true(p.b:step()) end
    assert.is_nil(p.b:events())
    assert.is_nil(p.b:timeout())
    p.now.t = 3600 -- the policy's time is not the peer's
    waiting = false
    for _ = 1, 3 do p.a.deadline = math.huge p.a:step() end
    for _ = 1, 10 do
      if p.b:result() == nil then assert.is_true(coroutine.resume(co)) end
      p.a:step()
    end
    assert.is_true((p.b:result()), select(2, p.b:result()))
    assert.is_true((p.a:result()))
  end)

  it("may be closed in the middle of its own policy", function ()
    local p
    p = pair({ b = { hook = function ()
      p.b:close()
      return true
    end } })
    p.a:step()
    local more, message, code = p.b:step()
    assert.is_nil(more)
    assert.equal("closed before the end", message)
    assert.equal("ECLOSED", code)
    assert.equal(1, p.sb.closed)
    assert.equal(1, p.tb.closed)
  end)
end)

describe("a pump at an end that comes too early", function ()
  it("tells one that said nothing from one that was cut", function ()
    local p = pair()
    p.ba.over = true
    p.a:step()
    assert.is_truthy(select(2, p.a:step()):find("without a word", 1, true))
    p = pair({ a = { send = 1000000 } })
    for _ = 1, 2 do p.a:step() p.b:step() end
    p.ba.bytes, p.ba.over = "", true
    p.a:step()
    assert.equal("cut before the end", select(2, p.a:step()))
  end)
end)

describe("a pump's deadlines", function ()
  it("give a handshake 10 seconds from the first moment", function ()
    local p = pair()
    p.tb.stuck = true
    p.a:step()
    p.b:step()
    assert.equal(10, p.a:timeout())
    p.now.t = 9.9
    assert.is_true(p.a:step())
    p.now.t = 10
    local more, message, code = p.b:step()
    assert.is_nil(more)
    assert.equal("no handshake within 10 s", message)
    assert.equal("ETIMEDOUT", code)
  end)

  it("are no longer after a drip", function ()
    local p = pair({ ab = wire(1, 1) })
    for i = 1, 19 do
      p.a:step()
      p.b:step()
      p.now.t = i / 2
    end
    p.now.t = 10
    assert.is_nil((p.b:step()))
  end)

  it("end a session in which nothing moves", function ()
    local p = pair({ ab = wire(1000), a = { send = 100000, piece = 100,
      pump = { idle = 5, handshake = 2 } } })
    for _ = 1, 4 do p.a:step() p.b:step() end
    assert.is_true(p.a.met)
    p.tb.stuck, p.ta.stuck, p.ab.room = true, true, 0
    p.now.t = 4.9
    assert.is_true(p.a:step())
    p.now.t = 5
    local more, message, code = p.a:step()
    assert.is_nil(more)
    assert.equal("nothing moved for 5 s", message)
    assert.equal("ETIMEDOUT", code)
  end)

  it("end one that drips, and bear a slow one", function ()
    for drop, ends in pairs({ [1] = true, [25] = true, [26] = false }) do
      local p = pair({ a = { pump = { idle = 5 } }, b = { send = 1000,
        piece = 10, credit = 10 } })
      while not p.a.met do p.a:step() p.b:step() end
      p.ba.bytes = "d" .. string.pack(">I4", 65536)
      p.a:step()
      p.now.t = 20
      p.a.deadline, p.a.marked = 25, p.a.moved
      for _ = 1, 100 do
        p.now.t = p.now.t + 0.5
        p.ba.bytes = ("x"):rep(drop)
        if not p.a:step() then break end
      end
      assert.equal(ends, p.a:result() == false, drop)
    end
  end)

  it("stand still when the clock goes back", function ()
    local p = pair()
    p.tb.stuck = true
    p.now.t = 1000
    p.a.at = 1000
    p.a:step()
    p.now.t = -5000
    assert.is_true(p.a:step())
    p.now.t = -4990
    assert.is_nil((p.a:step()))
  end)

  it("let one who has shown a name follow many collections", function ()
    for _, did in ipairs({ "did:a", false }) do
      local p = pair()
      p.b.session.status = function ()
        return { state = "greeting", peer = did or nil, bytes_in = 100000 }
      end
      p.ab.bytes = "1"
      p.b:step()
      assert.equal(did == false, p.b.failure ~= nil)
    end
  end)

  it("bound a stranger's bytes to one", function ()
    for n, good in pairs({ [4095] = true, [4096] = true, [4097] = false }) do
      for _, bite in ipairs({ n, 1 }) do
        local p = pair({ ab = wire(nil, bite) })
        p.ab.bytes = "1" .. string.pack(">I4", 5000) .. ("x"):rep(n - 5)
        for _ = 1, n do p.b:step() end
        assert.equal(n, p.sb.bytes_in)
        assert.equal(good, p.b.failure == nil, n)
      end
    end
  end)

  it("leave room for a hello: it comes within 220 bytes", function ()
    local one <close> = support.station()
    local two <close> = support.station()
    local a = assert(one:session({ initiator = true }))
    local b = assert(two:session())
    local said = { [a] = 0, [b] = 0 }
    while not (a:status().peer and b:status().peer) do
      for from, to in pairs({ [a] = b, [b] = a }) do
        if not to:status().peer then
          local bytes = assert(from:pull(1))
          said[from] = said[from] + #bytes
          assert(to:feed(bytes))
        end
      end
      assert.is_true(math.max(said[a], said[b]) <= 220)
    end
    assert.same({ 220, 218 }, { said[a], said[b] })
    support.clean()
  end)

  it("bound what a stranger may send", function ()
    local p = pair()
    p.ab.bytes = "1" .. string.pack(">I4", 5000) .. ("x"):rep(4091)
    assert.is_true(p.b:step())
    assert.is_nil(p.b.failure)
    p.ab.bytes = "x"
    for _ = 1, 3 do p.b:step() end
    p.ab.over = true
    local more, message, code = p.b:step()
    assert.is_nil(more)
    assert.is_truthy(message:find("before the handshake", 1, true))
    assert.equal("ELIMIT", code)
    assert.equal("", p.ba.bytes)
  end)
end)

describe("a gate", function ()
  local function stream()
    return setmetatable({ input = wire(), output = wire() }, Stream)
  end
  local station = fake.station()
  local function enter(gate, host, options)
    return gate:session(station, stream(), host, os.clock, options or {})
  end

  it("lets in so many in all, and so many neighbours", function ()
    local gate = gates.new({ sessions = 3, neighbour = 2 })
    local one = assert(enter(gate, "10.0.0.1"))
    assert(enter(gate, "::ffff:10.0.0.1"))
    local none, message, code = enter(gate, "10.0.0.1")
    assert.is_nil(none)
    assert.equal("2 sessions from there are open, no more", message)
    assert.equal("ELIMIT", code)
    assert(enter(gate, "2001:db8:0:1::1"))
    none, message = enter(gate, "10.0.0.2")
    assert.is_nil(none)
    assert.equal("3 sessions are open, no more", message)
    one:close()
    one:close()
    assert.equal(2, gate.open)
    assert(enter(gate, "10.0.0.1"))
  end)

  it("takes the half of an IPv6 address for one neighbour", function ()
    local gate = gates.new({ neighbour = 1 })
    assert(enter(gate, "2001:db8:0:1::1"))
    assert.is_nil((enter(gate, "2001:db8:0:1:ffff::2")))
    assert(enter(gate, "2001:db8:0:2::1"))
    assert(enter(gate, "fe80::1%eth0"))
    assert.is_nil((enter(gate, "fe80::2%eth0")))
  end)

  it("lets a station in twice, and tells the third nothing", function ()
    local gate = gates.new({ neighbour = 10 })
    local pumps, streams = {}, {}
    for i = 1, 3 do
      local ab, ba = wire(), wire()
      local caller = pump.new(fake.session({ initiator = true }),
        setmetatable({ input = ba, output = ab }, Stream), os.clock)
      streams[i] = setmetatable({ input = ab, output = ba }, Stream)
      pumps[i] = assert(gate:session(fake.station({ send = 100000, piece = 10,
        credit = 10 }), streams[i], "host" .. i, os.clock, {}))
      for _ = 1, 2 do
        caller:step()
        pumps[i]:step()
      end
    end
    assert.is_nil((pumps[2]:result()))
    assert.equal("syncing", pumps[2]:status().state)
    assert.is_truthy(pumps[3].failure.message:find("2 sessions with this",
      1, true))
    assert.is_true(pumps[1].session.sent > 0)
    assert.equal(0, pumps[3].session.sent)
    assert.equal(3, gate.open)
    for _, p in ipairs(pumps) do p:close() end
    assert.equal(0, gate.open)
    assert.same({}, gate.counts)
  end)

  it("gives the place back when there is no session", function ()
    local gate = gates.new()
    local s = stream()
    local none, message, code = gate:session({ session = function ()
      return nil, "closed", "ECLOSED"
    end }, s, "h", os.clock, {})
    assert.is_nil(none)
    assert.equal("closed", message)
    assert.equal("ECLOSED", code)
    assert.equal(0, gate.open)
    assert.equal(1, s.closed)
  end)
end)

describe("options of transports", function ()
  it("are known, or raise", function ()
    for _, name in ipairs({ "socket", "luv", "cqueues" }) do
      local has, net = pcall(require, "mahatta.net." .. name)
      if has then
        support.raises("unknown option 'elephant'", net.connect,
          fake.station(), "127.0.0.1:1", { elephant = 1 })
        support.raises("unknown option 'elephant'", net.listen,
          fake.station(), "127.0.0.1:0", { elephant = 1 })
        support.raises("table expected", net.listen, fake.station(),
          "127.0.0.1:0", 7)
        local none, message, code = net.connect(fake.station(), "a b")
        assert.is_nil(none)
        assert.is_truthy(message:find("no address", 1, true))
        assert.equal("EINVALID", code)
      end
    end
  end)
end)
