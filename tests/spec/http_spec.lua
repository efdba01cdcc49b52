-- SPDX-License-Identifier: 0BSD
local support = require "support"

local has_http, http = pcall(require, "mahatta.http")

-- Send bytes to the server's port from another process, and step the server
-- until all of the answer is there.
local function exchange(server, bytes, stepper)
  local dir = support.folder(true)
  support.write(dir .. "/in", bytes)
  os.execute(("(timeout 20 bash -c 'exec 3<>/dev/tcp/127.0.0.1/%d; "
    .. "cat %s/in >&3; cat <&3 >%s/out'; touch %s/done) 2>/dev/null &")
    :format(server:port(), dir, dir, dir))
  local group = assert(http.group({ server }))
  repeat
    group:poll(0.05)
    if stepper then stepper() else group:step() end
  until support.read(dir .. "/done")
  return support.read(dir .. "/out") or ""
end

local function get(path, extra)
  return ("GET %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n%s\r\n")
    :format(path, extra or "")
end

local function text(body, status)
  return { status = status or 200, headers = { ["content-type"] = "x/y" },
    body = body }
end

describe("mahatta.http", function ()
  if not has_http then
    it("is not built here", function () pending("no libmicrohttpd") end)
    return
  end
  local servers, logged
  before_each(function () servers, logged = {}, {} end)
  after_each(function ()
    for _, server in ipairs(servers) do server:close() end
    support.clean()
  end)

  local function listen(handler, refuse)
    local server = assert(http.listen({ handler = handler, refuse = refuse,
      log = function (line) logged[#logged + 1] = line end }))
    servers[#servers + 1] = server
    return server
  end

  it("gives the handler what came, and the client what it gave", function ()
    local seen
    local server = listen(function (request)
      seen = request
      return text("hello")
    end)
    local answer = exchange(server, get("/a%20b?c=%FF&d",
      "X-One: 1\r\nx-one: 2\r\nUmlaut: \xC3\xA4\r\n"))
    assert.equal("GET", seen.method)
    assert.equal("/a%20b?c=%FF&d", seen.target)
    assert.equal("1, 2", seen.headers["x-one"])
    assert.equal("\xC3\xA4", seen.headers.umlaut)
    assert.same({ ["x-one"] = true }, seen.repeated)
    assert.equal("", seen.body)
    assert.equal("127.0.0.1", seen.address)
    assert.is_truthy(answer:find("^HTTP/1.1 200 OK\r\n"))
    assert.is_truthy(answer:find("\r\ncontent-type: x/y\r\n", 1, true))
    assert.is_truthy(answer:find("\r\n\r\nhello$"))
  end)

  it("keeps connections, and answers requests in their order", function ()
    local n = 0
    local server = listen(function ()
      n = n + 1
      return text(("<%d>"):format(n))
    end)
    local answer = exchange(server, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
      .. "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n" .. get("/"))
    assert.is_truthy(answer:find("<1>.*<3>$"))
    assert.is_nil(answer:find("<2>", 1, true)) -- HEAD has no body
  end)

  it("reads a body only when it may, and at most a megabyte", function ()
    local refused, bodies = 0, {}
    local server = listen(function (request)
      bodies[#bodies + 1] = #request.body
      return text("took it")
    end, function (request)
      refused = refused + 1
      if request.target == "/no" then return text("no", 403) end
    end)
    local function post(path, n)
      return exchange(server, ("POST %s HTTP/1.1\r\nHost: h\r\n"
        .. "Connection: close\r\nContent-Length: %d\r\n\r\n%s"):format(path,
        n, ("x"):rep(n)))
    end
    local megabyte = 1024 * 1024
    assert.is_truthy(post("/yes", 5):find("took it", 1, true))
    assert.is_truthy(post("/no", 5):find("^HTTP/1.1 403"))
    assert.is_truthy(post("/yes", 0):find("took it", 1, true))
    assert.is_truthy(post("/yes", megabyte - 1):find("took it", 1, true))
    assert.is_truthy(post("/yes", megabyte):find("took it", 1, true))
    assert.equal(5, refused)
    assert.is_truthy(post("/yes", megabyte + 1):find("^HTTP/1.1 413"))
    assert.same({ 5, 0, megabyte - 1, megabyte }, bodies)
    assert.equal(5, refused)
  end)

  it("holds so many connections, and the next when one ends", function ()
    local socket = require "socket"
    local server, most, held = listen(function () return text("hello") end),
      64, {}
    local group = assert(http.group({ server }))
    local function connect()
      local one = assert(socket.connect("127.0.0.1", server:port()))
      one:settimeout(0)
      assert(one:send("GET / HTTP/1.1\r\nHost: h\r\n\r\n"))
      held[#held + 1] = one
      return one
    end
    local function answered(one, turns)
      for _ = 1, turns do
        group:poll(0.01)
        group:step()
        local line = one:receive("*l")
        if line then return line:find("200", 1, true) ~= nil end
      end
      return false
    end
    for i = 1, most do
      assert.is_true(answered(connect(), 200), "connection " .. i)
    end
    local late = connect()
    assert.is_false(answered(late, 30))
    held[1]:close()
    assert.is_true(answered(late, 200))
    for _, one in ipairs(held) do one:close() end
  end)

  -- Connect from an address of this machine.
  local function visit(server, from)
    local one = require("socket").tcp()
    assert(one:bind(from, 0))
    assert(one:connect("127.0.0.1", server:port()))
    one:settimeout(0)
    return one
  end

  -- Step a server as a loop does: only when it wants to be.
  local function settle(group)
    while group:poll(0.03) do group:step() end
  end

  it("sees who comes after all ended at once", function ()
    local server = listen(function () return text("hello") end)
    local group, held = assert(http.group({ server })), {}
    for i = 1, 64 do held[i] = visit(server, "127.0.0.1") end
    settle(group)
    for _, one in ipairs(held) do one:close() end
    settle(group)
    assert.is_nil(group:timeout())
    local late = visit(server, "127.0.0.1")
    assert(late:send(get("/")))
    settle(group)
    assert.equal("HTTP/1.1 200 OK", late:receive("*l"))
    late:close()
  end)

  it("holds a quarter of its connections for one address", function ()
    local server = listen(function () return text("hello") end)
    local group, held = assert(http.group({ server })), {}
    local function line_of(from)
      local one = visit(server, from)
      held[#held + 1] = one
      assert(one:send("GET / HTTP/1.1\r\nHost: h\r\n\r\n"))
      settle(group)
      return one:receive("*l")
    end
    for i = 1, 16 do
      assert.equal("HTTP/1.1 200 OK", line_of("127.0.0.2"), "number " .. i)
    end
    assert.is_nil(line_of("127.0.0.2"))
    assert.equal("HTTP/1.1 200 OK", line_of("127.0.0.3"))
    for _ = 1, 17 do -- this machine's browsers and proxies
      assert.equal("HTTP/1.1 200 OK", line_of("127.0.0.1"))
    end
    held[1]:close()
    settle(group)
    assert.equal("HTTP/1.1 200 OK", line_of("127.0.0.2"))
    for _, one in ipairs(held) do one:close() end
  end)

  it("sends streams, of a told length or not, and closes them", function ()
    local closed, waits = 0, 0
    local parts
    local function stream(size)
      local at = 0
      return { status = 200, headers = {}, body = { size = size,
        read = function ()
          if at == 1 and waits < 3 then -- nothing yet
            waits = waits + 1
            return ""
          end
          at = at + 1
          return parts[at]
        end,
        close = function () closed = closed + 1 end } }
    end
    local server = listen(function (request)
      return stream(math.tointeger(tonumber(request.target:match("%d+"))))
    end)
    local big = support.noise(300000, 5)
    parts = { "abc", big }
    local answer = exchange(server, get("/300003"))
    assert.is_truthy(answer:find("\r\nContent-Length: 300003\r\n", 1, true))
    assert.is_true(answer:sub(-300003) == "abc" .. big)
    answer = exchange(server, get("/"))
    assert.is_truthy(answer:find("chunked", 1, true))
    assert.is_truthy(answer:find("\r\n0\r\n\r\n$"))
    assert.equal(2, closed)
    assert.equal(3, waits)
    parts = { "abc" } -- less than it promised
    exchange(server, get("/9"))
    parts = { "abcdefghij" } -- more
    answer = exchange(server, get("/9"))
    assert.is_nil(answer:find("abcdefghij", 1, true))
    assert.equal(4, closed)
  end)

  it("answers 500 when the handler breaks, and says why in the log",
    function ()
      for _, bad in ipairs({ function () error("it broke") end,
          function () return nil end, function () return {} end,
          function () return { status = 99, headers = {}, body = "" } end,
          function () return { status = 600, headers = {}, body = "" } end,
          function ()
            return { status = 200, headers = { "x" }, body = "" }
          end,
          function ()
            return { status = 200, headers = {}, body = { size = -2,
              read = print } }
          end,
          function () return { status = 200, body = "" } end,
          function () return { status = 200, headers = {} } end,
          function ()
            return { status = 200, headers = { a = "x\r\ny" }, body = "" }
          end,
          function ()
            return { status = 200, headers = { a = 1 }, body = "" }
          end,
          function ()
            return { status = 200, headers = {}, body = { size = 3 } }
          end, function () error({}) end }) do
        local server = listen(bad)
        local answer = exchange(server, get("/"))
        assert.is_truthy(answer:find("^HTTP/1.1 500"), answer)
        server:close()
      end
      assert.equal(13, #logged)
      assert.is_truthy(logged[1]:find("it broke", 1, true))
    end)

  it("ends a stream that fails, and lives on", function ()
    local server = listen(function ()
      return { status = 200, headers = {}, body = { size = 100,
        read = function () return nil, "the disk is gone" end } }
    end)
    exchange(server, get("/"))
    assert.is_truthy(logged[1]:find("the disk is gone", 1, true))
    server = listen(function () return text("well") end)
    assert.is_truthy(exchange(server, get("/")):find("well", 1, true))
  end)

  it("ends a stream that gives more, less or other than it said", function ()
    for _, given in ipairs({ "0123456789", 7, {} }) do
      local closed = 0
      local server = listen(function ()
        return { status = 200, headers = {}, body = { size = 6,
          read = function () return given end,
          close = function ()
            closed = closed + 1
            error("of close()")
          end } }
      end)
      logged = {}
      local answer = exchange(server, get("/"))
      assert.is_nil(answer:find("6789", 1, true))
      assert.equal(1, closed)
      assert.is_truthy(logged[#logged]:find("of close()", 1, true))
      if given ~= "0123456789" then
        assert.is_truthy(logged[1]:find("a stream's read() gave a "
          .. type(given), 1, true))
      end
      server:close()
    end
  end)

  it("reads a body that comes in chunks, where it may", function ()
    local seen
    local server = listen(function (request)
      seen = request.body
      return text("well")
    end, function () return false end)
    local head = "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
      .. "Transfer-Encoding: chunked\r\n\r\n"
    local answer = exchange(server, head .. "3\r\nabc\r\n2\r\nde\r\n"
      .. "0\r\n\r\n")
    assert.is_truthy(answer:find("^HTTP/1.1 200"))
    assert.equal("abcde", seen)
    seen = nil
    local chunk = "80000\r\n" .. ("x"):rep(0x80000) .. "\r\n"
    answer = exchange(server, head .. chunk:rep(3) .. "0\r\n\r\n")
    assert.is_nil(answer:find("^HTTP/1.1 200")) -- no length: bounded as well
    assert.is_nil(seen)
  end)

  it("listens where it is told, IPv6 too", function ()
    local server, message = http.listen({ handler = print, host = "::1" })
    if not server and message:find("no such address", 1, true) then
      return pending("no IPv6 here")
    end
    servers[1] = assert(server, message)
    assert.is_true(server:port() > 0)
  end)

  it("may not be closed or stepped from inside, and closes its streams",
    function ()
      local closed, server = false, nil
      server = listen(function ()
        support.raises("while it is stepped", server.close, server)
        support.raises("stepped already", server.step, server)
        return { status = 200, headers = {}, body = {
          read = function () return "" end,
          close = function () closed = true end } }
      end)
      local dir = support.folder(true)
      os.execute(("(timeout 5 bash -c 'exec 3<>/dev/tcp/127.0.0.1/%d; "
        .. "printf \"GET / HTTP/1.1\\r\\nHost: h\\r\\n\\r\\n\" >&3; "
        .. "touch %s/sent; cat <&3') >/dev/null 2>&1 &"):format(
        server:port(), dir))
      local group = http.group({ server })
      local deadline = os.time() + 10
      repeat
        group:poll(0.05)
        group:step()
      until support.read(dir .. "/sent") and group:timeout() == 0
        or os.time() > deadline
      for _ = 1, 20 do group:step() end
      server:close()
      assert.is_true(closed)
    end)

  it("is a handle as others are", function ()
    local server = listen(print)
    assert.is_truthy(tostring(server):find("^mahatta.http %("))
    assert.is_true(server:port() > 0)
    assert.is_true(server:pollfd() >= 0)
    assert.equal("r", server:events())
    assert.is_false(getmetatable(server))
    local group = assert(http.group({ server }))
    assert.is_true(group:pollfd() >= 0)
    assert.equal("r", group:events())
    assert.is_false(group:poll(0.01))
    server:close()
    server:close()
    support.raises("closed server", server.step, server)
    group:step() -- those that are closed are left alone
    assert.is_nil(group:timeout())
    group:close()
    support.raises("closed group", group.step, group)
    assert.equal("mahatta.http (closed)", tostring(server))
    do
      local scoped <close> = assert(http.listen({ handler = print }))
      assert.is_true(scoped:port() > 0)
    end
  end)

  it("survives the collector in any order", function ()
    for _ = 1, 20 do
      local one = assert(http.listen({ handler = print }))
      local group = assert(http.group({ one }))
      assert.is_false(group:poll(0))
    end
    collectgarbage()
    collectgarbage()
  end)

  it("names what it can't do", function ()
    local server = listen(print)
    local second, message, code = http.listen({ handler = print,
      port = server:port() })
    assert.is_nil(second)
    assert.equal("EBUSY", code)
    assert.is_truthy(message:find("can't listen at 127.0.0.1", 1, true))
    second, message, code = http.listen({ handler = print,
      host = "192.0.2.1" })
    assert.is_nil(second)
    assert.equal("EIO", code)
    assert.is_string(message)
    support.raises("must be an IP address", http.listen,
      { handler = print, host = "localhost" })
    support.raises("'handler' must be a function", http.listen, {})
    support.raises("'log' must be a function", http.listen,
      { handler = print, log = 3 })
    support.raises("unknown option 'hots'", http.listen,
      { handler = print, hots = "x" })
    support.raises("no such port", http.listen,
      { handler = print, port = 65536 })
    support.raises("table expected", http.listen)
    support.raises("bad argument", http.group, { 3 })
  end)
end)
