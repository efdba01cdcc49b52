-- SPDX-License-Identifier: 0BSD
local cache = require "mahatta.site.cache"
local json = require "dkjson"
local mahatta = require "mahatta"
local markup = require "mahatta.site.markup"
local pairing = require "mahatta.site.pairing"
local slice = require "mahatta.site.slice"
local sniff = require "mahatta.site.sniff"
local support = require "support"
local url = require "mahatta.site.url"
local web = require "site_support"

local WORDS = { code = "en", say = { hello = "a < b & {x}" } }

describe("templates", function ()
  local function fill(source, values)
    return tostring(markup.template(source)(WORDS, values))
  end

  it("escape and isolate every string", function ()
    assert.equal("<p><bdi>&lt;b&gt;&amp;&quot;&#39;</bdi></p>",
      fill("<p>{x}</p>", { x = "<b>&\"'" }))
    assert.equal("<title>&lt;/title&gt;</title>",
      fill("<title>{x:plain}</title>", { x = "</title>" }))
    assert.equal('<i class="&quot;&gt;&lt;i&gt;">',
      fill('<i class="{x}">', { x = '"><i>' }))
    assert.equal("<p>3</p>", fill("<p>{x}</p>", { x = 3 }))
    assert.equal("<p><bdi>a</bdi><bdi>&lt;</bdi></p>",
      fill("<p>{x}</p>", { x = { "a", "<" } }))
  end)

  it("take markup from templates alone", function ()
    local inner = markup.template("<b>{x}</b>")(WORDS, { x = "<" })
    assert.equal("<p><b><bdi>&lt;</bdi></b></p>",
      fill("<p>{x}</p>", { x = inner }))
    assert.equal("<p><bdi>&lt;b&gt;</bdi></p>",
      fill("<p>{x}</p>", { x = { "<b>" } }))
    support.raises("a string expected", fill, '<p class="{x}">',
      { x = inner })
    support.raises("nothing to put there", fill, "<p>{x}</p>", {})
    support.raises("nothing to put there", fill, "<p>{x}</p>", { x = true })
  end)

  it("put no foreign scheme into a link", function ()
    for _, bad in ipairs({ "javascript:alert(1)", " javascript:x", "//evil",
        "/\\evil", "data:text/html,x", "vbscript:x", "https:evil", "",
        "http://", "x", "/a b", "/a\nb", "https://a\\b", "JaVaScRiPt:x" }) do
      support.raises("is no link", fill, '<a href="{x}">', { x = bad })
    end
    for _, good in ipairs({ "/", "/ar", "?q=x", "#main", "https://a.b/c?d",
        "http://[::1]:80/" }) do
      assert.is_truthy(fill('<a href="{x}">', { x = good })
        :find(good, 1, true))
    end
  end)

  it("neutralise what hides or turns the order", function ()
    assert.equal("<bdi>a\\u{202E}b</bdi>", fill("{x}", { x = "a\u{202E}b" }))
    assert.equal("<bdi>a b c</bdi>", fill("{x}", { x = "a\nb\r\n\tc" }))
    assert.equal("<bdi>می\u{200C}خواهم</bdi>",
      fill("{x}", { x = "می\u{200C}خواهم" }))
    assert.equal("<bdi>\\x{FF}</bdi>", fill("{x}", { x = "\xFF" }))
  end)

  it("have phrases with holes, escaped on both sides", function ()
    assert.equal("a &lt; b &amp; <bdi>&lt;</bdi>",
      tostring(markup.say(WORDS, "hello", { x = "<" })))
    support.raises("no phrase", markup.say, WORDS, "nope")
    support.raises("no phrase", fill, "{=nope}", {})
  end)

  it("mark found words without letting markup in", function ()
    assert.equal("a <mark>&lt;b&gt;</mark> c",
      tostring(markup.marked("a \1<b>\2 c", "\1", "\2")))
    assert.equal("<mark>x</mark>",
      tostring(markup.marked("\1x", "\1", "\2")))
    assert.equal("xy",
      tostring(markup.marked("\2x\2y", "\1", "\2")))
  end)

  it("let no JSON end its block", function ()
    local made = markup.json('{"a":{a}}')({ a = '</script><!--&"\\' })
    local block = tostring(markup.data_block("application/ld+json", made))
    assert.is_nil(block:sub(10):find("<[!]", 1))
    local _, n = block:gsub("</script>", "")
    assert.equal(1, n)
    assert.same({ a = '</script><!--&"\\' },
      json.decode(block:match(">(.*)</script>")))
    assert.has_error(function () markup.data_block("text/plain", "{}") end)
  end)
end)

describe("the site's cache", function ()
  local function page(body)
    return { status = 200, headers = { a = "b" }, body = body }
  end

  it("keeps pages as long as nothing is written, minutes at most", function ()
    local pages = cache.new()
    pages:as_of(1)
    pages:put("k", page("x"), 100)
    local got = pages:get("k", 100 + cache.SECONDS - 1)
    assert.equal("x", got.body)
    got.headers.a = "another's"
    assert.equal("b", pages:get("k", 100).headers.a)
    assert.is_nil(pages:get("k", 100 + cache.SECONDS))
    assert.is_nil(pages:get("k", 99)) -- the clock was set back
    pages:as_of(2)
    assert.is_nil(pages:get("k", 100))
  end)

  it("keeps what is asked for, within its bytes", function ()
    local pages, body = cache.new(), ("x"):rep(cache.PAGE)
    pages:put("asked", page(body), 0)
    for i = 1, 1000 do
      pages:put("once " .. i, page(body), 0)
      assert.is_table(pages:get("asked", 0))
    end
    local bytes, n = 0, 0
    for _, one in pairs(pages.pages) do
      bytes, n = bytes + #one.body, n + 1
    end
    assert.is_true(bytes <= cache.BYTES
      and bytes > cache.BYTES - 3 * cache.PAGE)
    for i = 1, 1000 do -- those that came last, and "asked"
      assert.equal(i > 1001 - n, pages:get("once " .. i, 0) ~= nil, i)
    end
  end)

  it("keeps no faults, no streams and nothing large", function ()
    local pages = cache.new()
    local fault = page("x")
    fault.status = 404
    pages:put("fault", fault, 0)
    pages:put("stream", page({ read = print }), 0)
    pages:put("large", page(("x"):rep(cache.PAGE + 1)), 0)
    pages:put("most", page(("x"):rep(cache.PAGE)), 0)
    for key, kept in pairs({ fault = false, stream = false, large = false,
        most = true }) do
      assert.equal(kept, pages:get(key, 0) ~= nil, key)
    end
  end)
end)

describe("the site's guard", function ()
  local site, NOW = nil, 1700000000
  setup(function ()
    site = web.open({ clock = function () return NOW end })
  end)
  teardown(function ()
    site:close()
    support.clean()
  end)

  local function status(target, headers, method, repeated)
    local request = web.request(method or "GET", target, headers)
    request.repeated = repeated or {}
    local response = site.site:site(request)
    return response.status, web.body(response), response
  end

  it("answers only to its own names, and always alike", function ()
    local wanted
    for _, host in ipairs({ "evil.test", "evil.test:8080", "127.0.0.1",
        "127.0.0.1:80", "localhost", "127.0.0.1:8080.evil.test", "",
        "[::1]:8080", "0.0.0.0:8080", "127.0.0.1:8080 " }) do
      local code, body = status("/", { host = host })
      assert.equal(421, code, host)
      wanted = wanted or body
      assert.equal(wanted, body)
    end
    assert.equal(421, (status("/", {}, "GET", { host = 2 })))
    assert.equal(200, (status("/", { host = "LOCALHOST:8080" })))
    assert.equal(421, (status("/", { host = web.FILES })))
    assert.equal(421, site.site:files(web.request("GET", "/f/x/1/y")).status)
  end)

  it("takes no request that browsers of ours do not send", function ()
    for _, target in ipairs({ "http://127.0.0.1:8080/", "*", "", "/%",
        "/%zz", "/a//b", "/../etc", "/%2e%2e/x", "/a/./b", "/%00",
        "/a b", "/\xFF%FF", "/%ff" }) do
      local code = status(target)
      assert.equal(400, code, target)
    end
    assert.equal(400, (status("/", { ["transfer-encoding"] = "chunked" })))
    assert.equal(400, (status("/", {}, "GET", { ["content-length"] = 2 })))
    assert.equal(400, (status("/", { ["content-length"] = "1, 1" })))
    assert.equal(431, (status("/", { cookie = ("x"):rep(8200) })))
    assert.equal(431, (status("/" .. ("a"):rep(8200))))
    local fits = 8192 - #"/" - #"host" - #web.HOST - #"cookie"
    assert.equal(200, (status("/", { cookie = ("x"):rep(fits) })))
    assert.equal(431, (status("/", { cookie = ("x"):rep(fits + 1) })))
    for _, method in ipairs({ "OPTIONS", "TRACE", "CONNECT", "PATCH",
        "PROPFIND" }) do
      assert.equal(405, (status("/", {}, method)), method)
    end
  end)

  it("gives foreign pages a link, and nothing else", function ()
    local function from(where, mode, dest)
      return (status("/en", { ["sec-fetch-site"] = where,
        ["sec-fetch-mode"] = mode, ["sec-fetch-dest"] = dest }))
    end
    assert.equal(200, from("cross-site", "navigate", "document"))
    assert.equal(200, from("none", "navigate", "document"))
    assert.equal(200, from("same-origin", "cors", "empty"))
    for _, where in ipairs({ "cross-site", "same-site" }) do
      for _, how in ipairs({ { "no-cors", "image" }, { "cors", "empty" },
          { "no-cors", "script" }, { "navigate", "iframe" },
          { "navigate", "object" }, { "no-cors", "style" } }) do
        assert.equal(403, from(where, how[1], how[2]))
      end
    end
  end)

  it("sends the same protective headers with every answer", function ()
    local policies = {}
    for _, target in ipairs({ "/", "/en/nothing", "/site.css", "/robots.txt",
        "/api/1", "/%", "/ipfs/x", "/feed.atom" }) do
      local _, _, response = status(target)
      local headers = response.headers
      policies[headers["content-security-policy"]] = true
      assert.equal("nosniff", headers["x-content-type-options"])
      assert.equal("no-referrer", headers["referrer-policy"])
      assert.equal("same-origin", headers["cross-origin-opener-policy"])
      assert.equal("same-origin", headers["cross-origin-resource-policy"])
      assert.is_truthy(headers["permissions-policy"]:find("camera=()", 1,
        true))
      assert.is_nil(headers["set-cookie"])
      assert.is_nil(headers["access-control-allow-origin"])
    end
    local policy, second = next(policies)
    assert.is_truthy(policy and second)
    assert.is_nil(next(policies, policy))
    for _, part in ipairs({ "default-src 'none'", "img-src 'self'",
        "style-src 'self'", "script-src 'self'", "connect-src 'self'",
        "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'",
        "require-trusted-types-for 'script'" }) do
      assert.is_truthy(policy:find(part, 1, true), part)
    end
    assert.is_nil(policy:find("unsafe", 1, true))
  end)

  it("lets nobody write who is not a paired page of its own", function ()
    site:pair()
    local function try(headers, target, method)
      return select(2, site:send(method or "POST",
        target or "/api/1/withdraw", {}, headers)).status
    end
    assert.equal(400, try({})) -- so far it was let in: an id is missing
    assert.equal(403, try({ origin = "http://evil.test" }))
    assert.equal(403, try({ origin = "http://localhost:8080" }))
    assert.equal(403, try({ origin = "http://" .. web.FILES }))
    assert.equal(403, try({ origin = "null" }))
    assert.equal(403, try({ origin = "" }))
    assert.equal(403, try({ ["sec-fetch-site"] = "same-site" }))
    assert.equal(403, try({ ["sec-fetch-site"] = "cross-site" }))
    assert.equal(403, try({ ["sec-fetch-site"] = "none" }))
    assert.equal(400, try({ ["sec-fetch-site"] = "same-origin" }))
    for _, kind in ipairs({ "text/plain", "", "application/json; charset=x",
        "application/x-www-form-urlencoded", "multipart/form-data" }) do
      assert.equal(403, try({ ["content-type"] = kind }), kind)
    end
    for _, token in ipairs({ "", "x", ("0"):rep(64), site.token:upper(),
        site.token:sub(1, 63), site.token .. "0" }) do
      assert.equal(403, try({ ["x-station-token"] = token }), token)
    end
    for _, target in ipairs({ "/", "/api/1/record", "/api/2/withdraw",
        "/en/publish", "/api/1" }) do
      assert.equal(403, try({}, target), target)
    end
    assert.equal(403, try({}, "/api/1/withdraw", "PUT"))
    local reader = web.open({ read_only = true })
    assert.equal(405, select(2, reader:send("POST", "/api/1/pair",
      { code = "x" })).status)
    reader:close()
  end)

  it("reads a body only when its headers are good", function ()
    local refused = site.site:refuse(web.request("POST", "/api/1/publish",
      { origin = "http://evil.test" }))
    assert.equal(403, refused.status)
    assert.is_string(refused.headers["content-security-policy"])
    local request = web.request("POST", "/api/1/pair", {
      origin = "http://" .. web.HOST, ["content-type"] = "application/json" })
    assert.is_nil(site.site:refuse(request))
  end)

  it("knows a code for two minutes, once, for five tries", function ()
    local shown, now = {}, 1000
    local it_pairs = pairing.new({ clock = function () return now end,
      show = function (code) shown[#shown + 1] = code end })
    assert.is_nil(it_pairs:try("0000000000"))
    it_pairs:offer()
    assert.is_truthy(shown[1]:find("^[0-9A-Z]+%-[0-9A-Z]+$"))
    assert.equal(11, #shown[1])
    local token = it_pairs:try(shown[1]:lower():gsub("%-", " "), nil)
    assert.equal(64, #token)
    assert.is_nil(it_pairs:try(shown[1])) -- single use
    assert.is_true(it_pairs:knows(token))
    now = now + 1799
    assert.is_true(it_pairs:knows(token)) -- using it keeps it
    now = now + 1800
    assert.is_false(it_pairs:knows(token))
    it_pairs:offer()
    now = now + 119
    assert.is_true(it_pairs:offers())
    now = now + 1
    assert.is_nil(it_pairs:try(shown[2]))
    now = now + 10
    assert.is_true(it_pairs:offer())
    for _ = 1, 5 do assert.is_nil(it_pairs:try("WRONGWRONG")) end
    assert.is_nil(it_pairs:try(shown[3]))
    assert.is_false(it_pairs:offer()) -- nobody floods the screen
    now = now + pairing.PAUSE_S - 1
    assert.is_false(it_pairs:offer())
    now = now + 1
    assert.is_true(it_pairs:offer())
    for _ = 1, 4 do assert.is_nil(it_pairs:try("WRONGWRONG")) end
    token = assert(it_pairs:try(shown[4]))
    it_pairs:lock()
    assert.is_false(it_pairs:knows(token))
    assert.is_false(it_pairs:knows(nil))
    assert.is_false(it_pairs:knows(""))
  end)

  it("takes look-alike letters of a code for what they are meant", function ()
    local shown
    local it_pairs = pairing.new({ show = function (code) shown = code end,
      random = function (n) return ("\0\1"):rep(n // 2) end })
    it_pairs:offer()
    assert.equal("01010-10101", shown)
    assert.is_string(it_pairs:try("oI0l0 lolol"))
  end)
end)

describe("files of people", function ()
  local site, id
  local PNG = "\x89PNG\r\n\x1A\n" .. ("x"):rep(100)
  setup(function ()
    site = web.open({})
    local names = { ["a.png"] = PNG, ["b.html"] = "<script>alert(1)</script>",
      ["c.svg"] = "<svg onload='alert(1)'/>", ["d.txt"] = "سلام world",
      ["e.pdf"] = "%PDF-1.4 x", ["f.png"] = "<script>no png</script>",
      ["g.bin"] = support.noise(3 * 1024 * 1024 + 5, 3),
      ["h.txt"] = "bin\0ary", ["i.jpg"] = "\xFF\xD8\xFF\xE0 jpeg",
      ["j.xml"] = "<?xml version='1.0'?>" }
    local order, files = {}, {}
    for name in pairs(names) do order[#order + 1] = name end
    table.sort(order)
    for i, name in ipairs(order) do
      files[i] = { path = support.write(site.dir .. "/" .. name,
        names[name]) }
    end
    id = assert(site.station:publish("a/files", { type = "dataset",
      title = "files", files = files }))
  end)
  teardown(function ()
    site:close()
    support.clean()
  end)

  it("are shown only as what their bytes are, and only on their origin",
    function ()
      local shown = { "image/png", false, false, "text/plain; charset=utf-8",
        false, false, false, false, "image/jpeg", false }
      for i, media in ipairs(shown) do
        local _, response = site:file(("/f/%s/%d/x"):format(id, i))
        assert.equal(media or "application/octet-stream",
          response.headers["content-type"], i)
        assert.equal(not media,
          response.headers["content-disposition"] ~= nil, i)
        assert.is_truthy(response.headers["content-security-policy"]
          :find("^sandbox; default%-src 'none'"))
        local _, own = site:get(("/f/%s/%d/x"):format(id, i))
        assert.equal("application/octet-stream", own.headers["content-type"])
        assert.is_truthy(own.headers["content-disposition"]:find("^attach"))
      end
      local _, response = site:file(("/f/%s/1/x?save=1"):format(id))
      assert.equal("application/octet-stream",
        response.headers["content-type"])
      for _, path in ipairs({ "/", "/en", "/api/1", "/f/" .. id,
          "/site.js" }) do
        local _, other = site:file(path)
        assert.equal(404, other.status, path)
      end
    end)

  it("come in ranges, as RFC 9110 has them", function ()
    local whole = site:file(("/f/%s/7/x"):format(id))
    local n = #whole
    assert.equal(3 * 1024 * 1024 + 5, n)
    local function part(range, status, from, to)
      local body, response = site:file(("/f/%s/7/x"):format(id),
        { range = range })
      assert.equal(status, response.status, range)
      if status == 206 then
        assert.is_true(body == whole:sub(from + 1, to + 1), range)
        assert.equal(("bytes %d-%d/%d"):format(from, to, n),
          response.headers["content-range"])
      elseif status == 200 then
        assert.is_true(body == whole)
      end
      return response
    end
    part("bytes=0-0", 206, 0, 0)
    part("bytes=5-9", 206, 5, 9)
    part("bytes=1048570-1048580", 206, 1048570, 1048580)
    part("bytes=3145728-", 206, 3145728, n - 1)
    part("bytes=-7", 206, n - 7, n - 1)
    part(("bytes=0-%d"):format(n + 10), 206, 0, n - 1)
    part(("bytes=%d-"):format(n - 1), 206, n - 1, n - 1)
    local response = part(("bytes=%d-"):format(n), 416)
    assert.equal(("bytes */%d"):format(n), response.headers["content-range"])
    part("bytes=-0", 416)
    part("bytes=-99999999999999999999", 206, 0, n - 1)
    part("bytes=2-99999999999999999999", 206, 2, n - 1)
    part("bytes=99999999999999999999-", 416)
    part("bytes=99999999999999999999-5", 416)
    for _, odd in ipairs({ "bytes=9-5", "bytes=0-1,4-5", "bits=0-1",
        "bytes=x-1", "bytes=-", "bytes=1", "bytes= 1-2" }) do
      part(odd, 200)
    end
    assert.is_false(slice.of("bytes=0-", 0))
    assert.is_false(slice.of("bytes=-1", 0))
  end)

  it("are known by their tags", function ()
    local _, response = site:file(("/f/%s/4/x"):format(id))
    local tag = response.headers.etag
    local body, again = site:file(("/f/%s/4/x"):format(id),
      { ["if-none-match"] = tag })
    assert.equal(304, again.status)
    assert.equal("", body)
    body, again = site:file(("/f/%s/4/x"):format(id),
      { range = "bytes=0-1", ["if-range"] = '"other"' })
    assert.equal(200, again.status)
    assert.is_true(#body > 2)
  end)

  it("are saved under names that break nothing", function ()
    local path = support.VECTORS .. "/own-hostile/names-and-titles.json"
    local file = io.open(path)
    if not file then pending("no " .. path) return end
    local list = json.decode(file:read("a"))
    file:close()
    for _, name in ipairs(list.names) do
      local safe = sniff.file_name(name)
      assert.is_truthy(#safe > 0 and not safe:find("[%c/\\\"'<>:|?*%%]"), safe)
      assert.is_nil(safe:find("^%.") or safe:find("^%-"), safe)
      assert.equal(mahatta.display(safe, true), safe)
    end
  end)

  it("go to IPFS programs as blocks and archives", function ()
    local entry = site.station:get(id)
    local link = tostring(entry.record.files[7].data)
    local _
    local raw, response = site:get("/ipfs/" .. link .. "?format=raw")
    assert.equal(link, mahatta.id(raw, "dag-pb"))
    assert.equal("application/vnd.ipld.raw",
      response.headers["content-type"])
    assert.is_truthy(response.headers["cache-control"]:find("immutable"))
    assert.equal(raw, site:get("/ipfs/" .. link,
      { accept = "application/vnd.ipld.raw" }))
    local car = site:get("/ipfs/" .. id .. "?format=car")
    local other <close> = support.station({})
    local report = support.run(other:unpack(support.write(
      support.folder() .. "/x.car", car), { keep = true }))
    assert.equal(0, report.bad)
    local one = site:get("/ipfs/" .. id .. "?format=car&dag-scope=block")
    assert.is_true(#one < 4096)
    for path, status in pairs({ ["/ipfs/" .. link] = 406,
        ["/ipfs/" .. link .. "?format=tar"] = 406,
        ["/ipfs/" .. link .. "/x?format=raw"] = 400,
        ["/ipfs/x?format=raw"] = 404, ["/ipfs?format=raw"] = 400,
        ["/ipfs/" .. mahatta.id("no") .. "?format=car"] = 404 }) do
      _, response = site:get(path)
      assert.equal(status, response.status, path)
    end
  end)
end)

describe("addresses", function ()
  it("are taken apart and put together", function ()
    assert.same({ "ar", "c", "edu/physics" }, url.parts("/ar/c/edu%2Fphysics"))
    assert.same({}, url.parts("/"))
    assert.same({ q = "نيوتن +", a = "" },
      url.query("q=%D9%86%D9%8A%D9%88%D8%AA%D9%86+%2b&a=&q=second"))
    assert.equal("\u{FFFD}x", url.query("q=%FFx").q)
    assert.equal("/ar/c/a%2Fb%20%22", url.path("ar", "c", 'a/b "'))
    assert.equal("?a=1&b=%26", url.search({ b = "&", a = 1, c = "" }))
  end)
end)
