-- SPDX-License-Identifier: 0BSD
-- Being found on a local network: what is said and understood, what hostile
-- packets do (nothing), and two of us on the loopback network.
local dns = require "mahatta.net.dns"
local mdns = require "mahatta.net.mdns"
local support = require "support"

local T = dns.TYPES
local NAME = "00112233445566ff"
local HOME = { "\192\0\2\5", ("\254\128" .. ("\0"):rep(13) .. "\1") }

local function query(questions, records, id)
  return assert(dns.decode(dns.encode({ questions = questions,
    records = records, id = id })))
end

local function by_type(message)
  local found = {}
  for _, record in ipairs(message.records) do
    found[record.type] = found[record.type] or record
  end
  return found
end

describe("DNS messages", function ()
  it("come back as they were written", function ()
    local name = dns.join("a.b\\c", "محطة", "local")
    local bytes = dns.encode({ id = 7, response = true,
      questions = { { name = name, type = T.ANY, unicast = true } },
      records = { { name = name, type = T.PTR, ttl = 9, target = "x.local" },
        { name = "x.local", type = T.A, ttl = 1, flush = true,
          address = "\1\2\3\4" } } })
    local message = assert(dns.decode(bytes))
    assert.equal(7, message.id)
    assert.is_true(message.response)
    assert.equal(name, message.questions[1].name)
    assert.is_true(message.questions[1].unicast)
    assert.equal("x.local", message.records[1].target)
    assert.equal(9, message.records[1].ttl)
    assert.is_true(message.records[2].flush)
    assert.equal("\1\2\3\4", message.records[2].address)
  end)

  -- A header with one question, then ${rest}.
  local function raw(rest, counts)
    return (counts or "\0\0\0\0\0\1\0\0\0\0\0\0") .. rest
  end

  it("may be compressed", function ()
    local message = assert(dns.decode("\0\0\0\0\0\2\0\0\0\0\0\0"
      .. "\1a\5local\0\0\12\0\1" .. "\1b\xC0\x0E\0\12\0\1"))
    assert.equal("a.local", message.questions[1].name)
    assert.equal("b.local", message.questions[2].name)
  end)

  it("end wherever they are cut", function ()
    local whole = mdns.announcer(NAME, 9641):announcement(HOME)
    for n = 0, #whole - 1 do
      assert.is_nil(dns.decode(whole:sub(1, n)), n)
    end
    assert.is_table(dns.decode(whole))
  end)

  it("with pointers that loop, or lead onwards, are none", function ()
    for _, name in ipairs({ "\xC0\x0C", "\1a\xC0\x0C", "\xC0\x0E\xC0\x0C",
        "\xC0\x10", "\xFF\xFF", "\xC0", "\1a\xC0\x0D", "\x40a\0",
        "\x80\0" }) do
      assert.is_nil(dns.decode(raw(name .. "\0\12\0\1")), name)
    end
  end)

  it("hold names up to the limits of DNS, and no longer", function ()
    local label = "\x3F" .. ("a"):rep(63)
    local function named(last)
      return dns.decode(raw(label:rep(3) .. last .. "\0\0\12\0\1"))
    end
    assert.is_table(named("\x3D" .. ("a"):rep(61))) -- 254, and the root's 1
    assert.is_nil(named("\x3E" .. ("a"):rep(62)))
    assert.is_nil(named(label .. "\1a"))
    assert.is_nil(named("\x3E" .. ("a"):rep(62) .. "\1a"))
  end)

  it("hold 256 entries and 9,000 bytes at most", function ()
    local function many(n)
      return raw(("\0\0\12\0\1"):rep(n), string.pack(">I2I2I2I2I2I2", 0, 0, n,
        0, 0, 0))
    end
    assert.equal(255, #assert(dns.decode(many(255))).questions)
    assert.equal(256, #assert(dns.decode(many(256))).questions)
    assert.is_nil(dns.decode(many(257)))
    local one = raw("\0\0\12\0\1")
    assert.is_table(dns.decode(one .. ("x"):rep(9000 - #one)))
    assert.is_nil(dns.decode(one .. ("x"):rep(9001 - #one)))
  end)

  it("of any bytes at all raise nothing, and take no time", function ()
    local whole = mdns.announcer(NAME, 9641):announcement(HOME)
    local seed = 12345
    local function random(n)
      seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
      return (seed >> 8) % n
    end
    local before, good = os.clock(), 0
    for _ = 1, 20000 do
      local bytes = { whole:byte(1, -1) }
      for _ = 1, 1 + random(6) do
        bytes[1 + random(#bytes)] = random(4) == 0 and 0xC0 or random(256)
      end
      local text = string.char(table.unpack(bytes)):sub(1, #bytes - random(9))
      local message = dns.decode(text)
      if message then
        good = good + 1
        local browser = mdns.browser()
        browser:take(message)
        browser:found()
        mdns.announcer(NAME, 1):answer(message, HOME, true)
      end
    end
    for _ = 1, 5000 do
      local bytes = support.noise(random(600), 1 + random(1 << 30))
      dns.decode(bytes)
    end
    -- All pointers, each to the one before: the longest way there is.
    dns.decode(("\0"):rep(12) .. ("\xC0\x0C"):rep(4494))
    assert.is_true(os.clock() - before < 30)
    assert.is_true(good > 100, good)
  end)
end)

describe("an announcement", function ()
  local says
  before_each(function () says = mdns.announcer(NAME, 9641) end)

  it("names service, port and addresses, and nothing else", function ()
    local message = dns.decode(says:announcement(HOME))
    local found = by_type(message)
    assert.is_true(message.response)
    assert.equal("_mahatta._tcp.local", found[T.PTR].name)
    assert.equal(NAME .. "._mahatta._tcp.local", found[T.PTR].target)
    assert.equal(9641, found[T.SRV].port)
    assert.equal(NAME .. ".local", found[T.SRV].target)
    assert.equal("\192\0\2\5", found[T.A].address)
    assert.equal(HOME[2], found[T.AAAA].address)
    assert.is_table(found[T.TXT])
    for text in says:announcement(HOME):gmatch("%w%w%w+") do
      assert.is_truthy((NAME .. " _mahatta _tcp local _services _dns _sd _udp")
        :find(text, 1, true), text)
    end
  end)

  it("answers what is asked of it", function ()
    for name, kind in pairs({ ["_mahatta._tcp.local"] = T.PTR,
        ["_MAHATTA._TCP.local"] = T.ANY, [NAME .. ".local"] = T.A,
        [NAME .. "._mahatta._tcp.local"] = T.SRV,
        ["_services._dns-sd._udp.local"] = T.PTR }) do
      local answer = dns.decode(assert(says:answer(query({ { name = name,
        type = kind } }), HOME), name))
      assert.is_true(dns.same(answer.records[1].name, name))
      assert.equal(0, #answer.questions)
      assert.equal(6, #answer.records)
    end
    for name, kind in pairs({ ["_http._tcp.local"] = T.PTR,
        ["_mahatta._tcp.local"] = T.SRV, ["other.local"] = T.A,
        [""] = T.ANY }) do
      assert.is_nil(says:answer(query({ { name = name, type = kind } }), HOME))
    end
    local response = dns.decode(says:announcement(HOME))
    response.questions = { { name = mdns.SERVICE, type = T.PTR } }
    assert.is_nil(says:answer(response, HOME))
  end)

  it("is not said again to who knows it", function ()
    local function known(ttl)
      return says:answer(query({ { name = mdns.SERVICE, type = T.PTR } },
        { { name = mdns.SERVICE, type = T.PTR, ttl = ttl,
          target = says.instance } }), HOME)
    end
    assert.is_nil(known(2250))
    assert.is_string(known(2249))
  end)

  it("goes to plain resolvers in their own way", function ()
    local answer = dns.decode(says:answer(query({ { name = mdns.SERVICE,
      type = T.PTR } }, nil, 77), HOME, true))
    assert.equal(77, answer.id)
    assert.equal(mdns.SERVICE, answer.questions[1].name)
    for _, record in ipairs(answer.records) do
      assert.is_true(record.ttl <= 10)
      assert.is_false(record.flush)
    end
  end)
end)

describe("a browser", function ()
  it("finds stations, and forgets those that say goodbye", function ()
    local browser, says = mdns.browser(), mdns.announcer(NAME, 9641)
    browser:take(dns.decode(mdns.query()), "10.0.0.2")
    assert.same({}, browser:found())
    browser:take(dns.decode(says:announcement(HOME)), "10.0.0.2")
    browser:take(dns.decode(says:announcement(HOME)), "10.0.0.2")
    local found = { { name = NAME, port = 9641, addresses = HOME,
      from = "10.0.0.2" } }
    assert.same(found, browser:found())
    browser:take(dns.decode(says:announcement(HOME, 0)), "10.0.0.3")
    browser:take(dns.decode(mdns.announcer(NAME, 1):announcement({})),
      "10.0.0.3") -- nobody says it for others
    assert.same(found, browser:found())
    browser:take(dns.decode(says:announcement(HOME, 0)), "10.0.0.2")
    assert.same({}, browser:found())
    browser:take(dns.decode(mdns.announcer("b", 1):announcement({})),
      "10.0.0.2")
    assert.same({}, browser:found())
  end)

  it("remembers 64 of them, with 8 addresses each", function ()
    local browser = mdns.browser()
    for i = 1, 70 do
      browser:take(dns.decode(mdns.announcer("n" .. i, i):announcement(HOME)),
        "10.0.0." .. i)
    end
    assert.equal(64, #browser:found())
    local homes = {}
    for i = 1, 12 do homes[i] = "\10\0\0" .. string.char(i) end
    browser = mdns.browser()
    browser:take(dns.decode(mdns.announcer("n", 1):announcement(homes)),
      "10.0.0.1")
    assert.equal(8, #browser:found()[1].addresses)
  end)

  it("remembers 4 of one neighbour, and those who come after many", function ()
    local clock = support.clock(1000)
    local browser = mdns.browser(clock.tell)
    local function say(name, from, ttl)
      browser:take(dns.decode(mdns.announcer(name, 1):announcement(HOME, ttl)),
        from)
    end
    local function here(name)
      for _, one in ipairs(browser:found()) do
        if one.name == name then return true end
      end
      return false
    end
    for i = 1, 5 do
      say("n" .. i, "10.0.0.9")
      assert.equal(math.min(i, 4), #browser:found())
    end
    say("n2", "10.0.0.9", 0) -- a goodbye makes room
    say("n5", "10.0.0.9")
    assert.is_true(here("n5"))
    say("honest", "10.0.0.2")
    assert.is_true(here("honest"))
    for i = 10, 80 do
      clock.now = clock.now + 1
      say("n" .. i, "10.0.0." .. i)
    end
    clock.now = clock.now + 1
    say("late", "10.0.0.3")
    assert.is_true(here("late"))
    assert.equal(64, #browser:found())
  end)

  it("forgets what is not said again in its time", function ()
    local clock = support.clock(1000)
    local browser, says = mdns.browser(clock.tell), mdns.announcer(NAME, 9641)
    local function say(ttl)
      browser:take(dns.decode(says:announcement(HOME, ttl)), "10.0.0.2")
    end
    say()
    clock.now = 1119
    assert.equal(1, #browser:found())
    clock.now = 1120
    assert.equal(0, #browser:found())
    say(1 << 31) -- for ever, it says
    clock.now = 1239
    assert.equal(1, #browser:found())
    say(5)
    clock.now = 1243
    assert.equal(1, #browser:found())
    clock.now = 1244
    assert.equal(0, #browser:found())
    assert.is_nil(next(browser.hosts))
  end)
end)

describe("the local network", function ()
  local has, uv = pcall(require, "luv")
  after_each(support.drain)

  it("is told of one neighbour's names and of others', in turn", function ()
    if not has then return pending("no library") end
    local lan = require "mahatta.net.lan"
    local multicast = require "mahatta.net.multicast"
    local open, now = multicast.open, uv.now
    local handler, told, ms = nil, {}, 0
    -- No network: what its neighbours say is said here.
    multicast.open = function (_, hear) -- luacheck: ignore 122
      handler = hear
      return { say = function () end, near = function () return true end,
        close = function () end }
    end
    uv.now = function () return ms end
    local ok, fault = pcall(function ()
      local browser = assert(lan.browse(function (where, name)
        told[#told + 1] = name .. " " .. where
      end, nil, {}))
      local function say(name, from, ttl)
        handler(mdns.announcer(name, 9641):announcement({ "\10\0\0"
          .. string.char(from) }, ttl), { ip = "10.0.0." .. from })
      end
      for i = 1, 300 do
        say("n" .. i, 9)
        say("n" .. i, 9, 0)
      end
      assert.equal(8, #told)
      say("honest", 2)
      assert.equal("honest 10.0.0.2:9641", told[9])
      ms = 899999 -- within a quarter of an hour: once
      say("honest", 2)
      assert.equal(9, #told)
      ms = 900000
      say("honest", 2)
      say("n300", 9)
      assert.same({ "honest 10.0.0.2:9641", "n300 10.0.0.9:9641" },
        { table.unpack(told, 10) })
      for i = 1, 300 do say("m" .. i, 10 + i % 200) end
      assert.equal(9 + 256, #told)
      browser:close()
    end)
    multicast.open, uv.now = open, now -- luacheck: ignore 122
    assert(ok, fault)
  end)

  it("brings two together, and a goodbye", function ()
    if not has then return pending("no library") end
    local lan = require "mahatta.net.lan"
    local group = { port = 15353, loopback = true }
    local announcer = lan.announce(9777, group)
    if not announcer then return pending("no loopback network") end
    local own = assert(lan.announce(9778, group))
    local found = {}
    local browser = assert(lan.browse(function (where, name)
      found[#found + 1] = name .. " " .. where
    end, own.name, group))
    -- Let the loop run until ${is_so}(), for three seconds at most.
    local function wait(is_so)
      local timer, over = uv.new_timer(), false
      timer:start(3000, 0, function () over = true end)
      while not over and not is_so() do uv.run("once") end
      timer:close()
      return is_so()
    end
    local function known(n)
      return function () return #browser.browser:found() == n end
    end
    assert.is_truthy(announcer.name:find("^%x+$"))
    assert.equal(16, #announcer.name)
    assert.is_true(wait(known(2)))
    assert.same({ announcer.name .. " 127.0.0.1:9777" }, found)
    announcer:close()
    announcer:close()
    assert.is_true(wait(known(1)))
    assert.equal(own.name, browser.browser:found()[1].name)
    browser:close()
    own:close()
  end)

  it("sends nobody elsewhere, whatever is said there", function ()
    if not has then return pending("no library") end
    local lan = require "mahatta.net.lan"
    local multicast = require "mahatta.net.multicast"
    local group = { port = 15354, loopback = true }
    local liar = multicast.open(group, function () end)
    if not liar then return pending("no loopback network") end
    local found, over = {}, false
    local browser = assert(lan.browse(function (where, name)
      found[#found + 1] = name .. " " .. where
    end, nil, group))
    local function say(name, port, ...)
      local addresses = { ... }
      liar:say(function ()
        return mdns.announcer(name, port):announcement(addresses)
      end)
    end
    say("far", 22, "\8\8\8\8", ("\32\1"):rep(8))
    say("nowhere", 0, "\127\0\0\1")
    say("both", 23, "\8\8\8\8", "\127\0\0\2")
    local timer = uv.new_timer()
    timer:start(3000, 0, function () over = true end)
    while not over and #found == 0 do uv.run("once") end
    timer:close()
    for _ = 1, 3 do uv.run("nowait") end
    assert.same({ "both 127.0.0.2:23" }, found)
    browser:close()
    liar:close()
  end)
end)
