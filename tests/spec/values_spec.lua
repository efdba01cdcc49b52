-- SPDX-License-Identifier: 0BSD
local mahatta = require "mahatta"
local support = require "support"

describe("values", function ()
  local function hex(s)
    return (s:gsub(".", function (c) return ("%02x"):format(c:byte()) end))
  end

  it("are encoded as strict DAG-CBOR", function ()
    assert.equal("f6", hex(mahatta.encode(mahatta.null)))
    assert.equal("f5", hex(mahatta.encode(true)))
    assert.equal("1864", hex(mahatta.encode(100)))
    assert.equal("20", hex(mahatta.encode(-1)))
    assert.equal("80", hex(mahatta.encode({})))
    assert.equal("a0", hex(mahatta.encode(mahatta.map())))
    assert.equal("820102", hex(mahatta.encode({ 1, 2 })))
    assert.equal("a261610162626202", hex(mahatta.encode({ bb = 2, a = 1 })))
    assert.equal("43010203", hex(mahatta.encode(mahatta.bytes("\1\2\3"))))
    assert.equal("62d8a8", hex(mahatta.encode("ب")))
  end)

  it("come back the same", function ()
    local link = mahatta.link(mahatta.id("x"))
    local value = { list = { 1, -2, { "a", { deep = true } } }, link = link,
      bytes = mahatta.bytes("\0\255"), null = mahatta.null, empty = {},
      map = mahatta.map({}), max = 9007199254740991,
      min = -9007199254740991 }
    local bytes = mahatta.encode(value)
    local back = assert(mahatta.decode(bytes))
    assert.equal(bytes, mahatta.encode(back))
    assert.equal(link, back.link)
    assert.equal("\0\255", tostring(back.bytes))
    assert.equal(2, #back.bytes)
    assert.is_true(back.null == mahatta.null)
    assert.equal("integer", math.type(back.max))
  end)

  it("that the data model can't hold raise, naming the place", function ()
    support.raises("a.b", mahatta.encode, { a = { b = 1.5 } })
    for _, value in ipairs({ 1.5, 2 ^ 53, 9007199254740992, print,
        coroutine.create(print), "\xFF", io.stdout, { [1] = 1, [3] = 3 },
        { 1, x = 2 }, { [true] = 1 }, { ["\xFF"] = 1 } }) do
      assert.is_false(pcall(mahatta.encode, value))
    end
    assert.is_false(pcall(mahatta.encode, nil))
    local loop = {}
    loop[1] = loop
    assert.is_false(pcall(mahatta.encode, loop))
  end)

  it("nest 32 deep and no deeper", function ()
    local function nested(n)
      local value = {}
      for _ = 2, n do value = { value } end
      return value
    end
    assert(mahatta.decode(mahatta.encode(nested(31))))
    assert(mahatta.decode(mahatta.encode(nested(32))))
    assert.is_false(pcall(mahatta.encode, nested(33)))
  end)

  it("that others wrote carelessly are refused", function ()
    for _, bytes in ipairs({ "", "\x18\x01", "\xA2aa\1aa\2", "\xA2ab\1aa\2",
        "\xFB\0\0\0\0\0\0\0\0", "\x01\x01", "\x5F", "\xF7", "\xA1\1\1",
        "\x61\xFF", "\x9F\xFF", "\xD8\x2A\x40" }) do
      local value, message, code = mahatta.decode(bytes)
      assert.is_nil(value)
      assert.is_string(message)
      assert.equal("EINVALID", code)
    end
  end)

  it("links compare by value and show their text", function ()
    local id = mahatta.id("x")
    local a, b = mahatta.link(id), mahatta.link(id)
    assert.is_true(a == b)
    assert.is_false(a == mahatta.link(mahatta.id("y")))
    assert.equal(id, tostring(a))
    for _, bad in ipairs({ "", "x", id .. "a", id:sub(1, -2), id:upper(),
        "Qm" .. ("a"):rep(44) }) do
      local link, message, code = mahatta.link(bad)
      assert.is_nil(link)
      assert.is_string(message)
      assert.equal("EINVALID", code)
    end
  end)

  it("have ids by codec", function ()
    assert.is_truthy(mahatta.id("x"):find("^bafkrei"))
    assert.is_truthy(mahatta.id("x", "dag-cbor"):find("^bafyrei"))
    assert.is_truthy(mahatta.id("x", "dag-pb"):find("^bafybei"))
    assert.equal("bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",
      mahatta.id(""))
    assert.is_false(pcall(mahatta.id, "x", "json"))
    assert.is_false(pcall(mahatta.id))
  end)
end)
